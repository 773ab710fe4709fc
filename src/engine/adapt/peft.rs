//! Adapters in the format of Hugging Face's PEFT, in and out: `adapter_config.json` and `adapter_model.safetensors`.
//! What either holds stands with each method.

use super::settings::Settings;
use super::{Peft, trainable};
use crate::engine::formats::{
    Description, Files, ModelFile, TensorFiles, WeightsError, Width, parse_json, pretty, read_all, write_named,
};
use crate::engine::model::Tensors;
use crate::spec::{Method, MethodKind};

pub const SETTINGS: &str = "adapter_config.json";
pub const WEIGHTS: &str = "adapter_model.safetensors";
/// The metadata key under which an adapter names the SHA-256 of its base's weights.
pub const BASE_SHA256: &str = "base_sha256";

/// What a tuning run made: how, and the trained values by the names of [`super::visit`].
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    pub method: Method,
    pub tensors: Tensors,
    /// The base it was made for, where the file says so.
    pub base_sha256: Option<String>,
}

/// Reads an adapter made for a model of this description.
///
/// # Errors
/// A file that is missing or damaged, a kind or variant that this lab cannot compute, and an adapter whose tensors
/// do not fit the base.
pub fn read(files: impl Files, base: &Description) -> Result<Adapter, WeightsError> {
    let bytes = read_all(&files, SETTINGS)?;
    let json = parse_json(SETTINGS, &bytes)?;
    let settings = Settings::new(&json, &bytes)?;
    let fields = &settings.fields;
    let tensors = TensorFiles::open_file(&files as &dyn Files, WEIGHTS)?;
    let base_sha256 = tensors.metadata().get(BASE_SHA256).cloned();
    let wanted = fields.text_or("peft_type", "")?;
    let methods = MethodKind::ALL.map(MethodKind::method);
    let known: Vec<&dyn Peft> = methods.iter().filter_map(|method| trainable(method).peft()).collect();
    let Some(peft) = known.iter().find(|peft| peft.kind() == wanted) else {
        let kinds: Vec<&str> = known.iter().map(|peft| peft.kind()).collect();
        let problem = format!("{wanted} is none of {}", kinds.join(", "));
        return Err(fields.wrong("peft_type", problem, "choose an adapter of a kind that this lab reads"));
    };
    let (method, tensors) = peft.read(&settings, &tensors, base)?;
    Ok(Adapter { method, tensors, base_sha256 })
}

impl Adapter {
    /// That the adapter was made for the base with this hash, where it names one.
    pub fn check_base(&self, sha256: &str) -> Result<(), WeightsError> {
        match &self.base_sha256 {
            Some(made_for) if made_for != sha256 => Err(WeightsError::file(
                WEIGHTS,
                format!("it was made for the base with weights {made_for:.12}…, not {sha256:.12}…"),
                "open the base that it was made for",
            )),
            _ => Ok(()),
        }
    }

    /// The adapter's files. `base_name` is what PEFT looks the base up by; `metadata` enters the weights' header.
    pub fn write(
        &self,
        base: &Description,
        base_name: &str,
        metadata: &[(&str, &str)],
    ) -> Result<Vec<ModelFile>, WeightsError> {
        let Some(peft) = trainable(&self.method).peft() else {
            return Err(WeightsError::file(WEIGHTS, "every weight was trained", "save a full model instead"));
        };
        let (mut settings, stored) = peft.write(&self.tensors, base)?;
        settings["task_type"] = "CAUSAL_LM".into();
        settings["inference_mode"] = true.into();
        settings["base_model_name_or_path"] = base_name.into();
        let mut metadata = metadata.to_vec();
        metadata.extend(self.base_sha256.as_ref().map(|sha256| (BASE_SHA256, sha256.as_str())));
        let weights = write_named(WEIGHTS, &stored, Width::F32, &metadata)?;
        Ok(vec![(SETTINGS.into(), pretty(&settings)), (WEIGHTS.into(), weights)])
    }
}
