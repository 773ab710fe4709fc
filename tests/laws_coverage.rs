//! Known laws with noise, 500 times each: the 95% intervals must hold the truth in 90 to 98% of them, with the law given
//! and with the law chosen by the lab. The exponent is that of the power part, which all laws of data share.

use tunelab::laws::{Law, Options, Point, fit};
use tunelab::seed::Seed;

const EXPERIMENTS: u64 = 500;

fn coverage(law: Law, theta: &[f64], sizes: i32, seeds: usize) {
    for asked in [Some(law), None] {
        let (exponent, forecast) = covered(law, theta, sizes, seeds, 0.01, asked);
        let how = if asked.is_some() { "given" } else { "chosen" };
        for (what, percent) in [("exponent", exponent), ("forecast at 4×", forecast)] {
            assert!((90.0..=98.0).contains(&percent), "{law} {how}, {sizes}×{seeds}: {what} covered in {percent}%");
        }
    }
}

/// In how many per cent of experiments the intervals of exponent and forecast hold the truth.
fn covered(law: Law, theta: &[f64], sizes: i32, seeds: usize, noise: f64, asked: Option<Law>) -> (f64, f64) {
    let truth = *theta.last().unwrap();
    let target = 64.0 * 2f64.powi(sizes + 1);
    let (mut exponent, mut forecast) = (0, 0);
    for experiment in 0..EXPERIMENTS {
        let mut draw = Seed(11).derive(&law.to_string(), experiment).draw();
        let mut points = Vec::new();
        for i in 0..sizes {
            let d = 64.0 * 2f64.powi(i);
            for seed in 0..seeds {
                let loss = law.predict(theta, d, None).unwrap() * (noise * draw.normals(1.0)[0]).exp();
                points.push(Point::new("", d, loss).of_run(seed.to_string()));
            }
        }
        let options = Options { law: asked, draws: 200, ..Options::default() };
        let report = fit(&points, &options);
        let fit = report.groups[0].fit.as_ref().unwrap();
        exponent += fit.parameter("β").unwrap().interval.unwrap().contains(truth) as u64;
        let sample = fit.predict(target, None).unwrap();
        let loss = law.predict(theta, target, None).unwrap();
        forecast += (sample.lo <= loss && loss <= sample.hi) as u64;
    }
    let percent = |count: u64| 100.0 * count as f64 / EXPERIMENTS as f64;
    let (exponent, forecast) = (percent(exponent), percent(forecast));
    let how = if asked.is_some() { "given" } else { "chosen" };
    println!(
        "{law} {how}, {sizes} sizes × {seeds}, noise {noise}: exponent {exponent:.1}%, forecast at 4× {forecast:.1}%"
    );
    (exponent, forecast)
}

#[test]
fn power() {
    coverage(Law::Power, &[2.0, 0.2], 7, 1);
    coverage(Law::Power, &[1.5, 0.07], 7, 3);
}

#[test]
fn power_with_constant() {
    coverage(Law::PowerConstant, &[3.0, 1.0, 0.5], 7, 1);
    coverage(Law::PowerConstant, &[2.0, 0.5, 0.3], 7, 3);
}

#[test]
fn rectified() {
    coverage(Law::Rectified, &[5.0, 4.0, 0.3, 0.5], 10, 1);
}

/// Five sizes over 16× where three fifths of the loss are the constant: a power law fits as well, and no interval can
/// know. Forecasts nearly hold what they promise; exponents do not.
#[test]
fn where_intervals_fall_short() {
    for (seeds, noise) in [(1, 0.01), (3, 0.01), (3, 0.03)] {
        let theta = [0.2 * 64f64.ln(), 1.5, 0.2];
        let (exponent, forecast) = covered(Law::PowerConstant, &theta, 5, seeds, noise, None);
        assert!(forecast >= 85.0 && exponent >= 60.0, "{seeds} seeds, noise {noise}: {exponent}%, {forecast}%");
    }
}
