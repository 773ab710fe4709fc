//! The workers' entry: the same program for the CPU and, with WebGPU built in, for the GPU.

#[cfg(target_arch = "wasm32")]
fn main() {
    tunelab::worker::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this program runs inside a browser: `./lab serve` builds and serves it");
}
