//! Known laws with noise, many times each: the 95% intervals must hold the truth in 90 to 98% of them (some are wider than
//! they say), with the law given and with the law chosen by the lab, where noise is even and where it is not. Each test
//! prints its lines of the table in docs/intervals.md.

// Features change no law: once, without them, is enough.
#![cfg(not(any(feature = "engine", feature = "ui")))]

use std::ops::RangeInclusive;
use tunelab::laws::{FittedLaw, Law, Options, Point, fit};
use tunelab::seed::{Draw, Seed};

/// Per cent that are more than chance gives where 98 are meant, in so few experiments.
const MOST: f64 = 98.9;

/// How runs scatter about the law.
#[derive(Clone, Copy, Debug)]
enum Noise {
    Even(f64),
    /// Tenfold from the smallest amount of data to the largest.
    GrowsWithData,
    /// Tenfold from the largest model to the smallest.
    SmallModels,
    /// A tenth of the other runs' for every second run, by lot.
    ByLot,
    /// Each seed has an exponent of its own.
    Seeds(f64),
}

struct World {
    law: Law,
    theta: Vec<f64>,
    sizes: i32,
    /// Values of the second factor; 0 for a law of data alone.
    factors: i32,
    seeds: usize,
    noise: Noise,
}

impl World {
    fn points(&self, draw: &mut Draw) -> Vec<Point> {
        let mut points = Vec::new();
        for seed in 0..self.seeds {
            let mut theta = self.theta.clone();
            if let (Noise::Seeds(deviation), Some(exponent)) = (self.noise, theta.last_mut()) {
                *exponent += draw.normals(deviation)[0];
            }
            for j in 0..self.factors.max(1) {
                for i in 0..self.sizes {
                    let share = |at: i32, of: i32| f64::from(at) / f64::from((of - 1).max(1));
                    let deviation = match self.noise {
                        Noise::Even(deviation) => deviation,
                        Noise::GrowsWithData => 0.003 * 10f64.powf(share(i, self.sizes)),
                        Noise::SmallModels => 0.03 * 10f64.powf(-share(j, self.factors)),
                        Noise::ByLot => [0.003, 0.03][usize::from(draw.coin())],
                        Noise::Seeds(_) => 0.01,
                    };
                    let (d, n) = self.place(i, j);
                    let loss = self.law.predict(&theta, d, n).unwrap() * draw.normals(deviation)[0].exp();
                    points.push(Point { n, ..Point::new("", d, loss) }.of_run(seed.to_string()));
                }
            }
        }
        points
    }

    /// The amount of data and the second factor of a cell of the grid.
    fn place(&self, i: i32, j: i32) -> (f64, Option<f64>) {
        match self.factors {
            0 => (64.0 * 2f64.powi(i), None),
            _ => (1e4 * 2f64.powi(i), Some(1e6 * 2f64.powi(j))),
        }
    }

    /// What an exponent of a law is that was fitted to these points without their noise.
    fn truth(&self, law: Law, symbol: &str) -> f64 {
        if law == self.law {
            let at = law.parameters().iter().position(|parameter| parameter.symbol == symbol).unwrap();
            return self.theta[at];
        }
        let quiet = World { noise: Noise::Even(0.0), theta: self.theta.clone(), seeds: 1, ..*self };
        let points = quiet.points(&mut Seed(0).draw());
        let options = Options { law: Some(law), draws: 0, ..Options::default() };
        fit(&points, &options).groups[0].fit.as_ref().unwrap().parameter(symbol).unwrap().value
    }

    /// In how many per cent of experiments the intervals hold the truth: of each exponent and E of the law that is
    /// headlined, and of the law's loss at four times the largest size.
    fn covered(&self, asked: Option<Law>, experiments: u64) -> Vec<(String, f64)> {
        let target = self.place(self.sizes + 1, self.factors / 2);
        let loss = self.law.predict(&self.theta, target.0, target.1).unwrap();
        let symbols: Vec<&str> = if self.factors > 0 { vec!["α", "β", "E"] } else { vec!["β"] };
        let mut held = vec![0u64; symbols.len() + 1];
        for experiment in 0..experiments {
            let points = self.points(&mut Seed(11).derive(&self.law.to_string(), experiment).draw());
            let report = fit(&points, &Options { law: asked, draws: 200, ..Options::default() });
            let fit: &FittedLaw = report.groups[0].fit.as_ref().unwrap();
            for (count, symbol) in held.iter_mut().zip(&symbols) {
                let interval = fit.parameter(symbol).unwrap().interval.unwrap();
                *count += u64::from(interval.contains(self.truth(fit.law, symbol)));
            }
            let band = fit.predict(target.0, target.1).unwrap();
            held[symbols.len()] += u64::from(band.lo <= loss && loss <= band.hi);
        }
        let what = symbols.iter().copied().chain(["forecast at 4×"]).map(String::from);
        what.zip(held.iter().map(|count| 100.0 * *count as f64 / experiments as f64)).collect()
    }

    fn check(&self, asked: Option<Law>, experiments: u64, bounds: RangeInclusive<f64>) {
        let found = self.covered(asked, experiments);
        let how = if asked.is_some() { "given" } else { "chosen" };
        let World { law, sizes, factors, seeds, noise, .. } = self;
        let design = if *factors > 0 { format!("{sizes} × {factors}") } else { sizes.to_string() };
        let cells: Vec<String> = found.iter().map(|(what, percent)| format!("{what} {percent:.0}%")).collect();
        println!("| {law}, {how} | {design}, {seeds} a size | {noise:?} | {} |", cells.join(", "));
        for (what, percent) in found {
            assert!(bounds.contains(&percent), "{law} {how}, {design} {noise:?}: {what} covered in {percent}%");
        }
    }
}

fn curve(law: Law, theta: &[f64], sizes: i32, seeds: usize, noise: Noise) -> World {
    World { law, theta: theta.to_vec(), sizes, factors: 0, seeds, noise }
}

fn additive(sizes: i32, factors: i32, seeds: usize, noise: Noise) -> World {
    World { law: Law::Additive, theta: vec![4.9, 3.96, 0.8, 0.35, 0.36], sizes, factors, seeds, noise }
}

fn multiplicative(sizes: i32, factors: i32, seeds: usize, noise: Noise) -> World {
    World { law: Law::Multiplicative, theta: vec![4.85, 0.8, 0.15, 0.25], sizes, factors, seeds, noise }
}

/// With even noise, given and chosen.
fn even(law: Law, theta: &[f64], sizes: i32, seeds: usize, most: f64) {
    let world = curve(law, theta, sizes, seeds, Noise::Even(0.01));
    world.check(Some(law), 300, 90.0..=most);
    world.check(None, 300, 85.0..=most);
}

#[test]
fn power() {
    even(Law::Power, &[2.0, 0.2], 7, 1, MOST);
    even(Law::Power, &[1.5, 0.07], 7, 3, MOST);
}

#[test]
fn power_with_constant() {
    even(Law::PowerConstant, &[3.0, 1.0, 0.5], 7, 1, MOST);
    even(Law::PowerConstant, &[2.0, 0.5, 0.3], 7, 3, MOST);
}

#[test]
fn rectified() {
    // Four parameters from ten points: the widening for what so few tell of their spread is more than is needed.
    even(Law::Rectified, &[5.0, 4.0, 0.3, 0.5], 10, 1, 99.5);
}

#[test]
fn curves_under_uneven_noise() {
    for noise in [Noise::GrowsWithData, Noise::ByLot, Noise::Seeds(0.01)] {
        curve(Law::Power, &[2.0, 0.2], 7, 3, noise).check(Some(Law::Power), 300, 90.0..=MOST);
    }
    curve(Law::Power, &[2.0, 0.2], 7, 5, Noise::Seeds(0.01)).check(Some(Law::Power), 300, 90.0..=MOST);
    curve(Law::PowerConstant, &[3.0, 1.0, 0.5], 7, 3, Noise::GrowsWithData).check(
        Some(Law::PowerConstant),
        300,
        90.0..=MOST,
    );
}

#[test]
fn joint_laws_under_uneven_noise() {
    for noise in [Noise::Even(0.01), Noise::GrowsWithData, Noise::SmallModels, Noise::ByLot] {
        additive(7, 6, 1, noise).check(Some(Law::Additive), 200, 90.0..=MOST);
    }
    // So many rows that they are drawn themselves.
    additive(12, 9, 1, Noise::GrowsWithData).check(Some(Law::Additive), 200, 90.0..=MOST);
    for noise in [Noise::GrowsWithData, Noise::Seeds(0.01)] {
        multiplicative(6, 5, 3, noise).check(Some(Law::Multiplicative), 200, 89.0..=MOST);
    }
}

/// Five sizes over 16× where three fifths of the loss are the constant: a power law fits as well, and no interval can
/// know. Forecasts nearly hold what they promise; the headlined law's exponent is that of the law, not of the world.
#[test]
fn where_intervals_fall_short() {
    for (seeds, noise) in [(1, 0.01), (3, 0.01), (3, 0.03)] {
        let theta = [0.2 * 64f64.ln(), 1.5, 0.2];
        let found = curve(Law::PowerConstant, &theta, 5, seeds, Noise::Even(noise)).covered(None, 300);
        println!("{seeds} a size, noise {noise}: {found:?}");
        assert!(found.iter().all(|(_, percent)| *percent >= 75.0), "{seeds} seeds, noise {noise}: {found:?}");
    }
}
