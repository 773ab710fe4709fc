//! What only the CPU backend does.

use burn::backend::DispatchDevice;
use burn::tensor::Device;

/// True where tensors live in this program's memory (burn's Flex backend).
pub fn on_host(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::Flex(_))
}
