//! What this browser can compute on. The page asks before it starts a worker, so that nobody downloads the GPU's
//! worker in vain; the answer says why.
//!
//! Unless WebGPU is asked for, the CPU trains: so far it was faster wherever both were timed ([`UNPROVEN`]).
//! A software adapter (SwiftShader, llvmpipe) counts as no GPU: its WebGPU is tens of times slower than the CPU
//! backend. Without `timestamp-query` burn's runtime cannot start on wasm, so that too counts as none.

use crate::job::{Backend, DeviceReport};
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Names that software adapters give themselves.
const SOFTWARE: [&str; 5] = ["swiftshader", "llvmpipe", "lavapipe", "basic render", "software"];

/// Why a GPU is not taken for its presence (timings: `docs/benchmarks.md`).
const UNPROVEN: &str = "WebGPU has not yet been timed faster than the CPU at the lab's models, so the CPU trains.";

/// An adapter as the browser describes it.
struct Adapter {
    description: String,
    software: bool,
    timestamps: bool,
}

/// Which backend to use where `wanted` is asked for.
pub async fn probe(wanted: Backend) -> DeviceReport {
    match wanted {
        Backend::Cpu => cpu("You chose the CPU.".into()),
        _ => choose(wanted, request_adapter().await.map_err(|_| ())),
    }
}

fn cpu(reason: String) -> DeviceReport {
    DeviceReport { backend: Backend::Cpu, name: "CPU (wasm SIMD)".into(), reason }
}

/// `adapter`: what the browser offers; an error where it knows no WebGPU.
fn choose(wanted: Backend, adapter: Result<Option<Adapter>, ()>) -> DeviceReport {
    let adapter = match adapter {
        Ok(Some(adapter)) => adapter,
        Ok(None) => return cpu("This browser offers no WebGPU adapter.".into()),
        Err(()) => return cpu("This browser has no WebGPU.".into()),
    };
    let description = &adapter.description;
    if !adapter.timestamps {
        return cpu(format!("{description} lacks timestamp-query, which the GPU backend needs."));
    }
    let reason = match (wanted, adapter.software) {
        (Backend::WebGpu, true) => "You chose WebGPU; this adapter is software and far slower than the CPU.",
        (Backend::WebGpu, false) => "You chose WebGPU.",
        (_, true) => return cpu(format!("{description} is a software adapter, far slower than the CPU.")),
        (_, false) => return cpu(format!("{UNPROVEN} {description} can be chosen below.")),
    };
    DeviceReport { backend: Backend::WebGpu, name: format!("{description} (WebGPU)"), reason: reason.into() }
}

/// Starts burn's WebGPU runtime: once in a program, before any tensor. `lost` hears why the device went, after which
/// the program must end.
#[cfg(feature = "webgpu")]
pub async fn open_gpu(lost: impl Fn(String) + Send + 'static) -> Result<burn::tensor::Device, String> {
    let options = burn::tensor::Device::wgpu_options().tasks_max(32);
    let opened = options.init_with_setup_async().await;
    let (device, setup) = opened.map_err(|error| format!("WebGPU could not be started: {error:?}"))?;
    setup.device.set_device_lost_callback(move |_, reason| lost(reason));
    Ok(device)
}

fn get(object: &JsValue, key: &str) -> Result<JsValue, JsValue> {
    Reflect::get(object, &key.into())
}

async fn request_adapter() -> Result<Option<Adapter>, JsValue> {
    let gpu = get(&get(&js_sys::global(), "navigator")?, "gpu")?;
    let request: Function = get(&gpu, "requestAdapter")?.dyn_into()?;
    let adapter = JsFuture::from(request.call0(&gpu)?.dyn_into::<Promise>()?).await?;
    if adapter.is_null() || adapter.is_undefined() {
        return Ok(None);
    }
    let info = get(&adapter, "info")?;
    let text = |key| get(&info, key).ok().and_then(|v| v.as_string()).unwrap_or_default();
    let words = [text("vendor"), text("architecture"), text("device"), text("description")];
    let all = words.join(" ").to_lowercase();
    let fallback = get(&info, "isFallbackAdapter").ok().or_else(|| get(&adapter, "isFallbackAdapter").ok());
    let features = get(&adapter, "features")?;
    let has: Function = get(&features, "has")?.dyn_into()?;
    let description = match words[3].is_empty() {
        false => words[3].clone(),
        true => words[..3].iter().filter(|w| !w.is_empty()).cloned().collect::<Vec<_>>().join(" "),
    };
    Ok(Some(Adapter {
        description: if description.is_empty() { "A GPU".into() } else { description },
        software: fallback.is_some_and(|f| f.is_truthy()) || SOFTWARE.iter().any(|name| all.contains(name)),
        timestamps: has.call1(&features, &"timestamp-query".into())?.is_truthy(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(software: bool, timestamps: bool) -> Result<Option<Adapter>, ()> {
        Ok(Some(Adapter { description: "A card".into(), software, timestamps }))
    }

    #[test]
    fn a_gpu_is_taken_only_where_it_is_asked_for() {
        let cases = [
            (Backend::Auto, adapter(false, true), Backend::Cpu, "A card can be chosen below"),
            (Backend::Auto, adapter(true, true), Backend::Cpu, "software adapter"),
            (Backend::Auto, Ok(None), Backend::Cpu, "no WebGPU adapter"),
            (Backend::WebGpu, adapter(false, true), Backend::WebGpu, "You chose WebGPU."),
            (Backend::WebGpu, adapter(true, true), Backend::WebGpu, "far slower"),
            (Backend::WebGpu, adapter(false, false), Backend::Cpu, "timestamp-query"),
            (Backend::WebGpu, Err(()), Backend::Cpu, "has no WebGPU"),
        ];
        for (wanted, adapter, backend, reason) in cases {
            let report = choose(wanted, adapter);
            assert_eq!(report.backend, backend, "{report:?}");
            assert!(report.reason.contains(reason), "{report:?}");
        }
    }
}
