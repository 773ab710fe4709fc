//! Which device computes.

use burn::tensor::Device;

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// The CPU, which was faster wherever both were timed.
    #[default]
    Auto,
    Cpu,
    /// Through Vulkan, Metal or DirectX 12.
    Gpu,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    #[error("this program was built without a GPU's kernels: build it with `cargo build --features native-gpu`")]
    Without,
    #[error("no GPU could be opened ({0}): a driver for Vulkan, Metal or DirectX 12 is needed")]
    NotThere(String),
}

/// A device, and how a record names it.
#[derive(Clone, Debug)]
pub struct Opened {
    pub device: Device,
    pub name: String,
}

/// Opens a device: a GPU once in a program.
pub fn open(choice: Choice) -> Result<Opened, DeviceError> {
    match choice {
        Choice::Auto | Choice::Cpu => Ok(Opened { device: Device::flex(), name: "native CPU".into() }),
        Choice::Gpu => gpu(),
    }
}

#[cfg(feature = "native-gpu")]
fn gpu() -> Result<Opened, DeviceError> {
    let options = Device::wgpu_options().tasks_max(crate::engine::ops::TASKS);
    let opened = options.init_with_setup().map_err(|error| DeviceError::NotThere(format!("{error:?}")));
    let (device, setup) = opened?;
    let info = setup.adapter.get_info();
    Ok(Opened { device, name: format!("{} ({:?})", info.name, info.backend) })
}

#[cfg(not(feature = "native-gpu"))]
fn gpu() -> Result<Opened, DeviceError> {
    Err(DeviceError::Without)
}
