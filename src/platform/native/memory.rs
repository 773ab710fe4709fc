//! How much memory is free.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Bytes that can be had without swapping; `None` where the system does not say.
pub fn available() -> Option<u64> {
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let bytes = System::new_with_specifics(ram).available_memory();
    (bytes > 0).then_some(bytes)
}
