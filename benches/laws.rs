//! How long a redraw takes: 63 points in 9 curves, 300 bootstrap draws each. The goal is 50 ms natively and 100 ms in
//! wasm. And everything the page shows of its opening experiment. `cargo bench --bench laws`; in wasm, as the page compiles it, with wasm-bindgen's runner under Node:
//!
//!     CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner \
//!         cargo test --profile page --target wasm32-unknown-unknown --bench laws -- --nocapture

use std::hint::black_box;
use tunelab::laws::{AnalysisRequest, Law, Options, Point, analyse, fit};
#[cfg(not(target_arch = "wasm32"))]
use {std::println as say, std::time::Instant};
#[cfg(target_arch = "wasm32")]
use {wasm_bindgen_test::Instant, wasm_bindgen_test::console_log as say};

const ROUNDS: usize = 40;

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
fn laws() {
    let points: Vec<Point> = (0..9)
        .flat_map(|curve| (0..7).map(move |size| (curve, size)))
        .map(|(curve, size)| {
            let d = 64.0 * 2f64.powi(size);
            let noise = 0.01 * (f64::from(curve * 7 + size) * 12.9898).sin();
            Point::new(format!("curve {curve}"), d, ((3.0 + f64::from(curve)) * d.powf(-0.2) + 0.5) * noise.exp())
        })
        .collect();
    let cases = [
        ("law chosen", None),
        ("power", Some(Law::Power)),
        ("power-constant", Some(Law::PowerConstant)),
        ("rectified", Some(Law::Rectified)),
    ];
    for (name, law) in cases {
        let options = Options { law, ..Options::default() };
        report(name, || drop(black_box(fit(&points, &options))));
    }
    // Four methods at seven sizes with three seeds, one of them from scratch: laws, crossings, transfer.
    let curves = [
        ("full", 10.4, 0.275, 0.0),
        ("lora", 10.1, 0.25, 0.0),
        ("prompt", 3.8, 0.38, 5.5),
        ("scratch", 40.0, 0.5, 0.2),
    ];
    let points = curves.iter().flat_map(|&(name, b, beta, e)| {
        (0..21).map(move |cell| {
            let d = 16.0 * 2f64.powi(cell / 3);
            let noise = 0.015 * (f64::from(cell) * 12.9898).sin();
            Point::new(name, d, (b * d.powf(-beta) + e) * noise.exp()).of_run(format!("{}", cell % 3))
        })
    });
    let request = AnalysisRequest {
        points: points.collect(),
        draws: 300,
        scratch: vec!["scratch".into()],
        ..AnalysisRequest::default()
    };
    report("the page's fits", || drop(black_box(fit(&request.points, &Options::default()))));
    report("all it shows", || drop(black_box(analyse(&request))));
}

/// The fastest of some rounds.
fn report(name: &str, work: impl Fn()) {
    let fastest = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed()
    });
    say!("{name:>16}: {:.1} ms", fastest.min().map_or(0.0, |time| time.as_secs_f64() * 1e3));
}

fn main() {
    laws();
}
