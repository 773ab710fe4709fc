//! Zhang's joint fit over several factors: L = A_f·X_f^−α_f·D^−β + E with β and E shared by all factors (model size,
//! pretraining tokens, tuned parameters), A and α each factor's own (Zhang et al. 2024, arXiv 2402.17193, section 4).
//! They fit it in two stages, A and α again at fixed β and E. Given β and E the objective is a sum of one term a
//! factor, so at the minimum of all together each term is at its own: the second stage finds what the first did.
//!
//! Parameters: β, E, then ln A and α of each factor. A row says which factor it varies.

use super::*;
use crate::laws::fit::starting_values::{Grid, StartingValue, straight};

pub struct Shared;

impl Form for Shared {
    const CARD: LawCard = LawCard {
        name: "shared",
        aliases: &[],
        title: "Shared exponent over several factors",
        formula: "L = A_f·X_f^−α_f·D^−β + E",
        explanation: "Model size, pretraining data and tuned parameters each scale the loss in their own way, while the effect of the tuning data and the floor are one for all. Given what is shared, each factor is fitted by itself.",
        citation: "Zhang et al. 2024, When Scaling Meets LLM Finetuning",
        url: "https://arxiv.org/abs/2402.17193",
        parameters: &[
            exponent("β", "how fast loss falls with data, for every factor", (0.0, 3.0)),
            constant(),
            scale("A_1", "scale for the first factor"),
            exponent("α_1", "how fast loss falls with the first factor", (-1.0, 3.0)),
            scale("A_2", "scale for the second factor"),
            exponent("α_2", "how fast loss falls with the second factor", (-1.0, 3.0)),
            scale("A_3", "scale for the third factor"),
            exponent("α_3", "how fast loss falls with the third factor", (-1.0, 3.0)),
        ],
        needs: &[Column::SecondFactor],
        most_factors: (MAX - 2) / 2,
        tried_from_sizes: None,
        units: "",
        scale_free: false,
    };
    #[cfg(test)]
    const PROBES: &'static [&'static [f64]] = &[&[0.2, 0.7, 3.0, 0.2, 1.0, 0.01, 2.0, 0.3]];

    fn loss(theta: &[f64], row: &Row) -> f64 {
        let at = 2 + 2 * row.factor;
        amount(theta[at] - theta[at + 1] * row.ln_n - theta[0] * row.ln_d) + theta[1]
    }

    fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
        let at = 2 + 2 * row.factor;
        let mut of_u = [0.0; MAX];
        of_u[0] = -row.ln_d;
        of_u[at] = 1.0;
        of_u[at + 1] = -row.ln_n;
        let u = theta[at] - theta[at + 1] * row.ln_n - theta[0] * row.ln_d;
        sum_jet([(amount(u), of_u)], theta[1], Some(1), MAX, jet);
    }

    fn in_given(theta: &Vector, units: &Units) -> Vector {
        let mut given = *theta;
        given[1] *= units.ln_loss.exp();
        for (factor, ln_n) in units.ln_n.iter().enumerate() {
            let at = 2 + 2 * factor;
            given[at] += units.ln_loss + theta[at + 1] * ln_n + theta[0] * units.ln_d;
        }
        given
    }

    /// Each factor's own multiplicative start, brought to one β and E.
    fn starts(grid: &Grid) -> Vec<StartingValue> {
        let mut found = Vec::new();
        for (k, &beta) in grid.betas.iter().step_by(3).enumerate() {
            for (e, share) in [0.0, 0.3, 0.6, 0.85].into_iter().enumerate() {
                let floor = share * grid.low_loss;
                let mut theta = [0.0; MAX];
                theta[0] = beta;
                theta[1] = floor;
                let mut error = 0.0;
                for factor in 0..Self::CARD.most_factors {
                    // ln(L − E) + β·ln D = ln A − α·ln X: a straight line in ln X.
                    let line = |r: &&Row| (r.ln_n, (r.ln_loss.exp() - floor).max(1e-300).ln() + beta * r.ln_d);
                    let points: Vec<(f64, f64)> =
                        grid.rows.iter().filter(|r| r.factor == factor).map(|r| line(&r)).collect();
                    let (level, slope) = straight(&points);
                    theta[2 + 2 * factor] = level;
                    theta[3 + 2 * factor] = (-slope).clamp(-1.0, 3.0);
                }
                for r in grid.rows {
                    error += (Self::ln_loss(&theta, r) - r.ln_loss).powi(2);
                }
                found.push(StartingValue { error, theta, cell: [k, 4 * e, 0] });
            }
        }
        found
    }

    /// β and E, and two for every factor.
    fn count(rows: &[Row]) -> usize {
        2 + 2 * rows.iter().map(|row| row.factor + 1).max().unwrap_or(0)
    }

    /// By its factor's name.
    fn meaning(parameter: usize, factors: &[Option<String>]) -> Option<String> {
        let factor = factors.get(parameter.checked_sub(2)? / 2)?.as_ref()?;
        Some(if parameter.is_multiple_of(2) {
            format!("scale for {factor}")
        } else {
            format!("how fast loss falls with {factor}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::fit::newton::{Stopping, minimise};
    use crate::laws::point::rows_of;
    use crate::laws::{Objective, Options, Point, Warning, fit};

    /// Points of the law at β = 0.15 and E = 0.75, each factor varied alone, with scatter.
    fn points(factors: &[(&str, f64, f64, f64)]) -> Vec<Point> {
        let of_factor = |&(name, a, alpha, low): &(&str, f64, f64, f64)| {
            let cells = (0..5).flat_map(|i| (0..7).map(move |j| (i, j)));
            let name = name.to_string();
            cells.map(move |(i, j)| {
                let (x, d) = (low * 2f64.powi(i), 1e4 * 3f64.powi(j));
                let noise = 0.002 * (f64::from(i * 7 + j) * 2.4).sin();
                let loss = (a * x.powf(-alpha) * d.powf(-0.15) + 0.75) * noise.exp();
                Point { factor: Some(name.clone()), ..Point::new("", d, loss) }.at_size(x)
            })
        };
        factors.iter().flat_map(of_factor).collect()
    }

    const TRUTH: [(&str, f64, f64, f64); 3] =
        [("model size", 1.2e3, 0.32, 1e9), ("pretraining tokens", 63.0, 0.21, 1e10), ("rank", 3.0, 0.003, 4.0)];

    #[test]
    fn what_is_shared_and_what_is_not_is_given_back() {
        for count in 1..=TRUTH.len() {
            let points = points(&TRUTH[..count]);
            let options = Options { law: Some(Law::Shared), draws: 100, backtest: true, ..Options::default() };
            let report = fit(&points, &options);
            let found = report.groups[0].fit.as_ref().expect("a fit");
            assert_eq!(found.parameters.len(), 2 + 2 * count);
            let parameter = |i: usize| &found.parameters[i];
            assert!((parameter(0).value - 0.15).abs() < 0.02 && (parameter(1).value - 0.75).abs() < 0.1, "{found:?}");
            assert!(parameter(0).interval.expect("an interval").contains(0.15));
            // Factors come by name, as the parameters' meanings say.
            for (name, _, alpha, low) in &TRUTH[..count] {
                let exponent =
                    found.parameters.iter().find(|p| p.meaning == format!("how fast loss falls with {name}"));
                assert!((exponent.expect(name).value - alpha).abs() < 0.03, "{name}: {exponent:?}");
                let near = points.iter().find(|p| p.factor.as_deref() == Some(name) && p.n == Some(*low) && p.d == 9e4);
                let predicted = found.predict_for(9e4, Some(*low), Some(name)).expect("known").mid;
                assert!((predicted / near.expect(name).loss - 1.0).abs() < 0.02);
            }
            assert!((5..=12).contains(&found.curves.len()), "{}", found.curves.len());
            assert!(report.groups[0].backtest.as_ref().expect("a backtest").error_percent < 2.0);
        }
    }

    /// Zhang's second stage, A and α of one factor at fixed β and E, finds what is there already.
    #[test]
    fn a_second_stage_changes_nothing() {
        let points = points(&TRUTH);
        let report = fit(&points, &Options { law: Some(Law::Shared), draws: 0, ..Options::default() });
        let group = &report.groups[0];
        let theta = &group.fit.as_ref().expect("a fit").theta;
        for (factor, (name, ..)) in [TRUTH[0], TRUTH[1], TRUTH[2]].iter().enumerate() {
            let own: Vec<Point> = group.points.iter().filter(|p| p.factor.as_deref() == Some(name)).cloned().collect();
            let rows = rows_of(&own);
            let (a, alpha) = (theta[2 + 2 * factor], theta[3 + 2 * factor]);
            let start = padded(&[a, theta[1], alpha, theta[0]]);
            let mut bounds = Law::Multiplicative.bounds(&rows);
            (bounds[1], bounds[3]) = ((theta[1], theta[1]), (theta[0], theta[0]));
            let delta = Objective::default().delta();
            let second = minimise(Law::Multiplicative, &rows, &start, &bounds, delta, Stopping::POLISH).theta;
            assert!((second[0] - a).abs() < 1e-3 && (second[2] - alpha).abs() < 1e-4, "{name}: {second:?} {theta:?}");
        }
    }

    #[test]
    fn factors_beyond_three_are_left_out_and_named_ones_are_too_few() {
        let four = points(&[TRUTH[0], TRUTH[1], TRUTH[2], ("temperature", 2.0, 0.1, 1.0)]);
        let report = fit(&four, &Options { law: Some(Law::Shared), draws: 0, ..Options::default() });
        let group = &report.groups[0];
        assert!(group.warnings.contains(&Warning::TooManyFactors { fitted: 3, given: 4 }), "{:?}", group.warnings);
        assert_eq!(group.points.len(), 105);
        let one_size: Vec<Point> = four.into_iter().filter(|p| p.n.is_some_and(|n| n < 3e9)).collect();
        let report = fit(&one_size, &Options { law: Some(Law::Shared), draws: 0, ..Options::default() });
        let few = Warning::FewFactors { factor: Some("model size".into()), values: 2 };
        assert!(report.groups[0].warnings.contains(&few), "{:?}", report.groups[0].warnings);
    }
}
