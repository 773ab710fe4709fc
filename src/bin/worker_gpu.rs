//! The entry of the worker that can use the GPU: the same program, with WebGPU built in.

#[cfg(target_arch = "wasm32")]
fn main() {
    tunelab::platform::browser::worker::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this program runs inside a browser: `./lab serve` builds and serves it");
}
