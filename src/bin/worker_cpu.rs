//! The CPU worker's entry.

#[cfg(target_arch = "wasm32")]
unsafe extern "C" {
    /// What must run before `main` (`inventory`'s lists of kernels); the linker writes it.
    safe fn __wasm_call_ctors();
}

#[cfg(target_arch = "wasm32")]
fn main() {
    // Where nobody calls it, the linker lets every export call it first: all constructors at every call from
    // JavaScript, 95% of a GPU step. Here and not in the library: a program whose `main` is another's (a test) needs
    // the linker's way.
    __wasm_call_ctors();
    tunelab::platform::browser::worker::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this program runs inside a browser: `./lab serve` builds and serves it");
}
