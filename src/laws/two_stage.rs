//! Zhang's joint fit over several factors, each varied alone: model size, pretraining tokens, tuned parameters. Stage 1
//! fits one β and one E for all; stage 2 holds them and fits A and α of each factor (Zhang et al. 2024, arXiv
//! 2402.17193, section 4).

use super::bootstrap::{self, Believed};
use super::describe::interval;
use super::forms::{MAX, multiplicative};
use super::newton::{Effort, minimise};
use super::point::{Row, clean, distinct, rows_of};
use super::report::Interval;
use super::solve::solve;
use super::start::Care;
use super::{Law, Objective, Point, Warning};
use crate::seed::Seed;
use serde::{Deserialize, Serialize};

/// The most factors that are fitted together.
pub const MOST_FACTORS: usize = (MAX - 2) / 2;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharedFit {
    pub beta: f64,
    pub beta_interval: Option<Interval>,
    /// The constant E; see `warnings` for whether it is identified.
    pub constant: f64,
    pub constant_interval: Option<Interval>,
    pub factors: Vec<FactorFit>,
    /// Sum of Huber on ln-loss residuals over all factors, unscaled.
    pub objective: f64,
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactorFit {
    pub name: String,
    pub a: f64,
    pub alpha: f64,
    pub alpha_interval: Option<Interval>,
    /// ln A, E, α, β: a multiplicative law's parameters, for `Law::Multiplicative.predict`.
    pub theta: Vec<f64>,
}

/// Fits up to [`MOST_FACTORS`] factors, each a name and points whose `n` is the factor's value. None where no point can
/// be fitted; factors beyond the most are left out with a warning.
pub fn two_stage(factors: &[(String, Vec<Point>)], objective: Objective, draws: usize) -> Option<SharedFit> {
    let mut warnings = Vec::new();
    let mut points: Vec<Point> = Vec::new();
    let mut factor_of: Vec<usize> = Vec::new();
    if factors.len() > MOST_FACTORS {
        warnings.push(Warning::TooManyGroups { fitted: MOST_FACTORS, given: factors.len() });
    }
    let factors = &factors[..factors.len().min(MOST_FACTORS)];
    for (factor, (name, given)) in factors.iter().enumerate() {
        let cleaned = clean(given);
        warnings.extend(cleaned.warnings);
        let usable: Vec<Point> = cleaned.points.into_iter().filter(|p| p.n.is_some()).collect();
        let values = distinct(usable.iter().filter_map(|p| p.n)).len();
        if usable.is_empty() {
            warnings.push(Warning::NoFactor { law: name.clone() });
        } else if values < 4 {
            warnings.push(Warning::FewFactors { values });
        }
        factor_of.extend(usable.iter().map(|_| factor));
        points.extend(usable);
    }
    let mut rows = rows_of(&points);
    rows.iter_mut().zip(&factor_of).for_each(|(row, factor)| row.factor = *factor);
    let mut theta = solve(Law::Shared, &rows, objective, Care::Full)?.theta;
    for factor in 0..factors.len() {
        stage_two(&mut theta, factor, &rows, objective);
    }
    if theta[1] <= 1e-9 {
        warnings.push(Warning::AtBound { parameter: "E".into() });
    }
    let draws = bootstrap::draws(&[Believed { law: Law::Shared, theta }], &rows, objective, draws, Seed(0));
    let interval_of = |i: usize| interval(&mut draws.iter().map(|draw| draw.theta[i]).collect::<Vec<f64>>());
    let of_factor = |(factor, (name, _)): (usize, &(String, Vec<Point>))| {
        let (a, alpha) = (theta[2 + 2 * factor], theta[3 + 2 * factor]);
        let alpha_interval = interval_of(3 + 2 * factor);
        FactorFit { name: name.clone(), a: a.exp(), alpha, alpha_interval, theta: vec![a, theta[1], alpha, theta[0]] }
    };
    Some(SharedFit {
        beta: theta[0],
        beta_interval: interval_of(0),
        constant: theta[1],
        constant_interval: interval_of(1),
        factors: factors.iter().enumerate().map(of_factor).collect(),
        objective: super::objective::value(Law::Shared, &theta, &rows, objective.delta()),
        warnings,
    })
}

/// A and α of one factor, β and E held.
fn stage_two(theta: &mut [f64; MAX], factor: usize, rows: &[Row], objective: Objective) {
    let own: Vec<Row> = rows.iter().filter(|row| row.factor == factor).copied().collect();
    let at = 2 + 2 * factor;
    let mut start = [0.0; MAX];
    start[..multiplicative::PARAMETERS.len()].copy_from_slice(&[theta[at], theta[1], theta[at + 1], theta[0]]);
    let mut bounds = Law::Multiplicative.bounds(&own);
    bounds[1] = (theta[1], theta[1]);
    bounds[3] = (theta[0], theta[0]);
    let solution = minimise(Law::Multiplicative, &own, &start, &bounds, objective.delta(), Effort::POLISH);
    (theta[at], theta[at + 1]) = (solution.theta[0], solution.theta[2]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_and_what_is_not_is_given_back() {
        let (beta, constant) = (0.15, 0.75);
        let truth =
            [("model size", 1.2e3, 0.32, 1e9), ("pretraining tokens", 63.0, 0.21, 1e10), ("rank", 3.0, 0.003, 4.0)];
        let factors: Vec<(String, Vec<Point>)> = truth
            .iter()
            .map(|&(name, a, alpha, low): &(&str, f64, f64, f64)| {
                let cells = (0..5).flat_map(|i| (0..7).map(move |j| (i, j)));
                let points = cells.map(|(i, j)| {
                    let (x, d) = (low * 2f64.powi(i), 1e4 * 3f64.powi(j));
                    let noise = 0.002 * (f64::from(i * 7 + j) * 2.4).sin();
                    Point::new("", d, (a * x.powf(-alpha) * d.powf(-beta) + constant) * noise.exp()).at_size(x)
                });
                (name.to_string(), points.collect())
            })
            .collect();
        let found = two_stage(&factors, Objective::default(), 100).unwrap();
        assert!((found.beta - beta).abs() < 0.02 && (found.constant - constant).abs() < 0.1, "{found:?}");
        assert!(found.beta_interval.unwrap().contains(beta));
        for (factor, (_, _, alpha, low)) in found.factors.iter().zip(truth) {
            assert!((factor.alpha - alpha).abs() < 0.03, "{factor:?}");
            let predicted = Law::Multiplicative.predict(&factor.theta, 1e5, Some(low));
            let own = &factors.iter().find(|(name, _)| *name == factor.name).unwrap().1;
            let near = own.iter().find(|p| p.n == Some(low) && p.d == 9e4).unwrap().loss;
            assert!((predicted / near - 1.0).abs() < 0.02);
        }
        assert!(two_stage(&[], Objective::default(), 0).is_none());
    }
}
