//! A law does not depend on the units its points come in: losses and amounts of data may be multiplied by anything from
//! 10^-12 to 10^12, and exponents, intervals, the law chosen and forecasts stay what they were.

use proptest::prelude::*;
use tunelab::laws::{FittedLaw, Law, Options, Point, fit};

/// Seven sizes and, for joint laws, five second factors, with uneven noise.
fn points(joint: bool) -> Vec<Point> {
    let factors = if joint { 0..5 } else { 0..1 };
    let cells = factors.flat_map(|j| (0..7).map(move |i| (i, j)));
    let point = |(i, j): (i32, i32)| {
        let (d, n) = (64.0 * 2f64.powi(i), 1e6 * 3f64.powi(j));
        let noise = 0.01 * (f64::from(i * 5 + j * 3) * 2.4).sin();
        let loss = (6.0 * d.powf(-0.3) + if joint { 40.0 * n.powf(-0.3) } else { 0.0 } + 0.5) * noise.exp();
        Point { n: joint.then_some(n), ..Point::new("", d, loss) }
    };
    cells.map(point).collect()
}

fn fitted(points: &[Point], law: Option<Law>) -> FittedLaw {
    let options = Options { law, draws: 60, ..Options::default() };
    fit(points, &options).groups.remove(0).fit.unwrap()
}

fn near(a: f64, b: f64, by: f64) -> bool {
    (a - b).abs() <= by * a.abs().max(b.abs()) + 1e-9
}

fn same(law: Option<Law>, joint: bool, of_loss: f64, of_d: f64, of_n: f64) {
    let given = points(joint);
    let scaled: Vec<Point> = given
        .iter()
        .map(|p| Point { n: p.n.map(|n| n * of_n), ..Point::new("", p.d * of_d, p.loss * of_loss) })
        .collect();
    let (here, there) = (fitted(&given, law), fitted(&scaled, law));
    assert_eq!(here.law, there.law);
    assert!(near(here.objective, there.objective, 1e-6), "{} {}", here.objective, there.objective);
    for (a, b) in here.parameters.iter().zip(&there.parameters) {
        let exponent = a.symbol.contains(['α', 'β']);
        // A scale moves with every unit; exponents stay, and the constant is a loss.
        if !(exponent || a.symbol == "E") {
            continue;
        }
        let by = if exponent { 1.0 } else { of_loss };
        assert!(near(a.value * by, b.value, 1e-4) && a.identified == b.identified, "{a:?} {b:?}");
        let (a, b) = (a.interval.unwrap(), b.interval.unwrap());
        assert!(near(a.lo * by, b.lo, 0.02) && near(a.hi * by, b.hi, 0.02), "{a:?} {b:?}");
    }
    let n = joint.then_some(1e8);
    let (a, b) = (here.predict(16384.0, n).unwrap(), there.predict(16384.0 * of_d, n.map(|n| n * of_n)).unwrap());
    assert!(near(a.mid * of_loss, b.mid, 1e-4) && near(a.lo * of_loss, b.lo, 0.01) && near(a.hi * of_loss, b.hi, 0.01));
    let run = |fit: &FittedLaw, d: f64, n: Option<f64>| fit.predict_run(d, n, None).unwrap();
    let (a, b) = (run(&here, 16384.0, n), run(&there, 16384.0 * of_d, n.map(|n| n * of_n)));
    assert!(near(a.lo * of_loss, b.lo, 0.01) && near(a.hi * of_loss, b.hi, 0.01), "{a:?} {b:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn units_change_nothing(loss in -12.0..12.0f64, d in -12.0..12.0f64, n in -6.0..6.0f64, which in 0usize..6) {
        let [of_loss, of_d, of_n] = [loss, d, n].map(|power| 10f64.powf(power));
        let (law, joint) = [
            (None, false),
            (Some(Law::Power), false),
            (Some(Law::PowerConstant), false),
            (Some(Law::Rectified), false),
            (Some(Law::Multiplicative), true),
            (Some(Law::Additive), true),
        ][which];
        same(law, joint, of_loss, of_d, of_n);
    }
}

/// Both ends of the range, for every law that has no constants of its own.
#[test]
fn the_ends_of_the_range() {
    for law in Law::ALL.into_iter().filter(|law| law.card().units.is_empty()) {
        for (of_loss, of_d) in [(1e-12, 1e12), (1e12, 1e-12)] {
            same(Some(law), law.is_joint(), of_loss, of_d, 1.0);
        }
    }
}

/// Mean squared errors of millionths: the fit of the same numbers in millionths.
#[test]
fn small_losses_are_fitted_as_large_ones() {
    let losses = [3.01, 2.54, 2.16, 1.85, 1.67, 1.51, 1.37];
    let of = |scale: f64| {
        let points: Vec<Point> =
            losses.iter().zip(0..).map(|(loss, i)| Point::new("", 64.0 * 2f64.powi(i), loss * scale)).collect();
        fitted(&points, Some(Law::PowerConstant))
    };
    let (small, large) = (of(1e-6), of(1.0));
    let beta = |fit: &FittedLaw| fit.parameter("β").unwrap().clone();
    let (a, b) = (beta(&small), beta(&large));
    assert!(near(a.value, b.value, 1e-4) && near(b.value, 0.376, 0.01), "{a:?} {b:?}");
    let (a, b) = (a.interval.unwrap(), b.interval.unwrap());
    assert!(near(a.lo, b.lo, 0.02) && near(a.hi, b.hi, 0.02), "{a:?} {b:?}");
}
