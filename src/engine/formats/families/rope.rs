//! Rotary settings, wherever a config keeps them: `rope_parameters` since transformers 5, `rope_scaling` before, or beside
//! the other fields.

use super::fields::JsonFields;
use crate::engine::formats::WeightsError;

/// What transformers takes where no theta is named.
const THETA: f64 = 10_000.0;

/// The object of rotary settings that counts: `rope_scaling` goes before `rope_parameters`, as in transformers. Ways to
/// stretch the angles, and settings for each kind of layer, are refused.
pub fn settings<'a>(fields: &JsonFields<'a>) -> Result<Option<JsonFields<'a>>, WeightsError> {
    for name in ["rope_scaling", "rope_parameters"] {
        let Some(rope) = fields.object(name)?.filter(|rope| rope.keys().next().is_some()) else { continue };
        let kind = rope.text_or("rope_type", rope.text_or("type", "default")?)?;
        let by_layer = rope.keys().any(|key| rope.get(key).is_some_and(|value| value.is_object()));
        // Stretched by 1 the angles stay.
        let as_they_are = kind == "default" || (kind == "linear" && rope.number_or("factor", 0.0)? == 1.0);
        fields.refuse(name, !as_they_are || by_layer)?;
        return Ok(Some(rope));
    }
    Ok(None)
}

/// Theta: in the settings, else under the family's own name beside the other fields.
pub fn theta(fields: &JsonFields, settings: Option<&JsonFields>, own: &str) -> Result<f64, WeightsError> {
    let theta = fields.number_or(own, THETA)?;
    settings.map_or(Ok(theta), |rope| rope.number_or("rope_theta", theta))
}
