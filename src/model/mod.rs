//! The transformer, on any of burn's devices.
