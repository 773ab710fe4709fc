//! The laws on offer, and what a page says of each.

use super::forms::*;
use super::point::Row;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A form by which loss falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Law {
    Power,
    PowerConstant,
    Rectified,
    Multiplicative,
    Additive,
    Repeated,
    /// Several factors, each varied alone, with one β and E.
    Shared,
}

/// What a page shows of a law: two plain sentences and the paper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LawInfo {
    pub name: &'static str,
    pub title: &'static str,
    pub formula: &'static str,
    pub explanation: &'static str,
    pub citation: &'static str,
    pub url: &'static str,
}

/// A name that is no law's.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "no law is called \"{0}\": use auto, power, power-constant, rectified, multiplicative, additive, repeated or shared"
)]
pub struct UnknownLaw(pub String);

impl Law {
    /// Laws of one curve, in order of parameters.
    pub const OF_DATA: [Law; 3] = [Law::Power, Law::PowerConstant, Law::Rectified];
    /// Laws of data and a second factor together.
    pub const JOINT: [Law; 2] = [Law::Multiplicative, Law::Additive];
    /// All laws, the simplest first.
    pub const ALL: [Law; 7] = [
        Law::Power,
        Law::PowerConstant,
        Law::Rectified,
        Law::Multiplicative,
        Law::Additive,
        Law::Repeated,
        Law::Shared,
    ];

    /// What the page says of it.
    pub fn info(self) -> LawInfo {
        match self {
            Law::Power => LawInfo {
                name: "power",
                title: "Power law",
                formula: "L = B·D^−β",
                explanation: "Every doubling of the data cuts the loss by the same share. It is a straight line when both axes are logarithmic.",
                citation: "Hestness et al. 2017, Deep Learning Scaling is Predictable, Empirically",
                url: "https://arxiv.org/abs/1712.00409",
            },
            Law::PowerConstant => LawInfo {
                name: "power-constant",
                title: "Power law with a constant",
                formula: "L = B·D^−β + E",
                explanation: "Every doubling cuts the loss above a floor E by the same share. The floor stands for what no amount of this data can teach; most small experiments cannot tell where it is.",
                citation: "Rosenfeld et al. 2020, A Constructive Prediction of the Generalization Error Across Scales",
                url: "https://arxiv.org/abs/1909.12673",
            },
            Law::Rectified => LawInfo {
                name: "rectified",
                title: "Rectified law",
                formula: "L = B/(D_l + D^β) + E",
                explanation: "A pretrained model already knows part of the task, so the first examples change little and the curve starts shallow. Once the new data outweighs what was known (D_l), the loss falls as a power law.",
                citation: "Lin et al. 2024, Selecting Large Language Model to Fine-tune via Rectified Scaling Law",
                url: "https://arxiv.org/abs/2402.02314",
            },
            Law::Multiplicative => LawInfo {
                name: "multiplicative",
                title: "Multiplicative joint law",
                formula: "L = A·X^−α·D^−β + E",
                explanation: "Data and a second factor, such as model size, multiply: each makes the other more useful. In fine-tuning it often predicts better than the additive law, but not on every task.",
                citation: "Zhang et al. 2024, When Scaling Meets LLM Finetuning",
                url: "https://arxiv.org/abs/2402.17193",
            },
            Law::Additive => LawInfo {
                name: "additive",
                title: "Additive joint law (Chinchilla)",
                formula: "L = A·X^−α + B·D^−β + E",
                explanation: "Too small a model and too little data each add their own loss, and neither makes up for the other. With pretraining tokens as data it is the law that sets the compute-optimal model size.",
                citation: "Hoffmann et al. 2022, Training Compute-Optimal Large Language Models",
                url: "https://arxiv.org/abs/2203.15556",
            },
            Law::Repeated => LawInfo {
                name: "repeated",
                title: "Repeated data",
                formula: "L = E + A/N′^α + B/D′^β, D′ = U + U·R*·(1 − e^(−R/R*))",
                explanation: "Data seen again teaches less each time. Up to about four passes are nearly as good as fresh data; after R* passes more add little.",
                citation: "Muennighoff et al. 2023, Scaling Data-Constrained Language Models",
                url: "https://arxiv.org/abs/2305.16264",
            },
            Law::Shared => LawInfo {
                name: "shared",
                title: "Shared exponent over several factors",
                formula: "L = A_f·X_f^−α_f·D^−β + E",
                explanation: "Model size, pretraining data and tuned parameters each scale the loss in their own way, while the effect of the tuning data and the floor are one for all. Given what is shared, each factor is fitted by itself.",
                citation: "Zhang et al. 2024, When Scaling Meets LLM Finetuning",
                url: "https://arxiv.org/abs/2402.17193",
            },
        }
    }

    /// Its parameters, in the order of a fit's.
    pub fn parameters(self) -> &'static [ParameterInfo] {
        match self {
            Law::Power => &power::PARAMETERS,
            Law::PowerConstant => &power_constant::PARAMETERS,
            Law::Rectified => &rectified::PARAMETERS,
            Law::Multiplicative => &multiplicative::PARAMETERS,
            Law::Additive => &additive::PARAMETERS,
            Law::Repeated => &repeated::PARAMETERS,
            Law::Shared => &shared::PARAMETERS,
        }
    }

    /// How many of its parameters rows determine: a shared law has two for every factor.
    pub(crate) fn count(self, rows: &[Row]) -> usize {
        match self {
            Law::Shared => 2 + 2 * rows.iter().map(|row| row.factor + 1).max().unwrap_or(0),
            _ => self.parameters().len(),
        }
    }

    /// Whether it needs a second factor beside data.
    pub fn needs_factor(self) -> bool {
        matches!(self, Law::Multiplicative | Law::Additive | Law::Repeated | Law::Shared)
    }

    /// Whether a fit to `seen` says anything of a row: a shared law knows only the factors that it has seen.
    pub(crate) fn covers(self, row: &Row, seen: &[Row]) -> bool {
        self != Law::Shared || seen.iter().any(|other| other.factor == row.factor)
    }

    /// The predicted loss. `theta` as in `Fit::theta`; `n` the second factor, for the laws that need one: none without
    /// it, and none for a law of several factors, which [`Fit::predict_for`](super::Fit::predict_for) tells apart.
    pub fn predict(self, theta: &[f64], d: f64, n: Option<f64>) -> Option<f64> {
        let known = self != Law::Shared && (n.is_some() || !self.needs_factor());
        known.then(|| self.loss(theta, &Row::at(d, n, None)))
    }

    /// The predicted loss.
    #[inline]
    pub(crate) fn loss(self, theta: &[f64], row: &Row) -> f64 {
        match self {
            Law::Power => amount(power::ln_loss(theta, row)),
            Law::PowerConstant => power_constant::loss(theta, row),
            Law::Rectified => rectified::loss(theta, row),
            Law::Multiplicative => multiplicative::loss(theta, row),
            Law::Additive => additive::loss(theta, row),
            Law::Repeated => repeated::loss(theta, row),
            Law::Shared => shared::loss(theta, row),
        }
    }

    /// Its logarithm.
    #[inline]
    pub(crate) fn ln_loss(self, theta: &[f64], row: &Row) -> f64 {
        match self {
            Law::Power => power::ln_loss(theta, row),
            _ => self.loss(theta, row).ln(),
        }
    }

    /// From a law's parameters to those it is held in while fitting, about the rows' centre.
    pub(crate) fn inward(self, theta: &Vector, rows: &[Row]) -> Vector {
        match (self, rows.first()) {
            (Law::Rectified, Some(row)) => rectified::inward(theta, row.ln_d - row.from_centre),
            _ => *theta,
        }
    }

    /// And back.
    pub(crate) fn outward(self, theta: &Vector, rows: &[Row]) -> Vector {
        match (self, rows.first()) {
            (Law::Rectified, Some(row)) => rectified::outward(theta, row.ln_d - row.from_centre),
            _ => *theta,
        }
    }

    /// A gradient in the held parameters, turned into one in the law's own at `theta`.
    pub(crate) fn gradient_outward(self, gradient: &Vector, theta: &Vector, rows: &[Row]) -> Vector {
        match (self, rows.first()) {
            (Law::Rectified, Some(row)) => rectified::gradient_outward(gradient, theta, row.ln_d - row.from_centre),
            _ => *gradient,
        }
    }

    /// As `ln_loss`, of parameters as held.
    #[inline]
    pub(crate) fn held_ln_loss(self, theta: &[f64], row: &Row) -> f64 {
        match self {
            Law::Rectified => rectified::held_loss(theta, row).ln(),
            _ => self.ln_loss(theta, row),
        }
    }

    /// ln of the predicted loss with derivatives in the parameters as held.
    #[inline]
    pub(crate) fn jet(self, theta: &[f64], row: &Row, jet: &mut Jet) {
        match self {
            Law::Power => power::jet(theta, row, jet),
            Law::PowerConstant => power_constant::jet(theta, row, jet),
            Law::Rectified => rectified::jet(theta, row, jet),
            Law::Multiplicative => multiplicative::jet(theta, row, jet),
            Law::Additive => additive::jet(theta, row, jet),
            Law::Repeated => repeated::jet(theta, row, jet),
            Law::Shared => shared::jet(theta, row, jet),
        }
    }

    /// The range of each parameter, as held while fitting. That of E moves with the losses' own scale: the usual range is for losses
    /// in nats per token.
    pub(crate) fn bounds(self, rows: &[Row]) -> [(f64, f64); MAX] {
        let (mut low, mut high) = (0.0f64, 0.0f64);
        for row in rows {
            low = low.min(row.ln_loss);
            high = high.max(row.ln_loss);
        }
        let mut bounds = [(0.0, 0.0); MAX];
        for (bound, info) in bounds.iter_mut().zip(self.parameters()) {
            *bound = match info.kind {
                Kind::Constant => (info.bounds.0, info.bounds.1.max(high.exp())),
                Kind::Scale => (info.bounds.0 + low, info.bounds.1 + high),
                Kind::Exponent => info.bounds,
            };
        }
        if self == Law::Rectified {
            bounds[1] = rectified::SHARE;
        }
        // What no row says anything of stays where it is.
        bounds[self.count(rows)..].fill((0.0, 0.0));
        bounds
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().name)
    }
}

impl FromStr for Law {
    type Err = UnknownLaw;

    /// The law's name, or one of the names that papers use for it.
    fn from_str(text: &str) -> Result<Law, UnknownLaw> {
        match text.to_lowercase().replace(['_', ' ', '+'], "-").as_str() {
            "power" => Ok(Law::Power),
            "power-constant" | "power-e" | "power3" | "vanilla" => Ok(Law::PowerConstant),
            "rectified" => Ok(Law::Rectified),
            "multiplicative" => Ok(Law::Multiplicative),
            "additive" | "chinchilla" => Ok(Law::Additive),
            "repeated" => Ok(Law::Repeated),
            "shared" => Ok(Law::Shared),
            _ => Err(UnknownLaw(text.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for law in Law::ALL {
            assert_eq!(law.to_string().parse::<Law>(), Ok(law));
        }
        assert_eq!("Power+E".parse::<Law>(), Ok(Law::PowerConstant));
        assert!("linear".parse::<Law>().unwrap_err().to_string().contains("linear"));
    }

    #[test]
    fn each_explanation_is_two_sentences() {
        for law in Law::ALL {
            let text = law.info().explanation;
            assert_eq!(text.matches(". ").count(), 1, "{text}");
        }
    }

    #[test]
    fn the_held_form_is_the_same_law() {
        let mut rows: Vec<Row> = [200.0, 3000.0, 90000.0].map(|d| Row::at(d, None, None)).to_vec();
        super::super::point::centre(&mut rows);
        let theta = [3.4, 2.6, 1.0, 0.27, 0.0, 0.0, 0.0, 0.0];
        let held = Law::Rectified.inward(&theta, &rows);
        for row in &rows {
            let (plain, held) = (Law::Rectified.ln_loss(&theta, row), Law::Rectified.held_ln_loss(&held, row));
            assert!((plain - held).abs() < 1e-13);
        }
        let back = Law::Rectified.outward(&held, &rows);
        assert!(theta.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-12), "{back:?}");
    }

    /// Gradient and Hessian against central differences, at ordinary and at extreme parameters.
    #[test]
    fn derivatives_match_differences() {
        let cases: [(Law, &[f64]); 9] = [
            (Law::Power, &[1.2, 0.3]),
            (Law::PowerConstant, &[1.4, 0.4, 0.1]),
            (Law::PowerConstant, &[9.0, 0.2, 1.9]),
            (Law::Rectified, &[1.4, 0.3, 1.0, 0.27]),
            (Law::Rectified, &[1.0, 0.98, 1.5, 3.0]),
            (Law::Multiplicative, &[4.0, 0.5, 0.1, 0.2]),
            (Law::Additive, &[5.0, 4.0, 1.4, 0.3, 0.35]),
            (Law::Repeated, &[2.7, 1.6]),
            (Law::Shared, &[0.2, 0.7, 3.0, 0.2, 1.0, 0.01, 2.0, 0.3]),
        ];
        for (law, theta) in cases {
            for (factor, d) in [(0, 300.0f64), (1, 5e4), (2, 4e9)] {
                let row = Row { factor, from_centre: d.ln() - 7.0, ..Row::at(d, Some(3e9), Some(d / 7.0)) };
                let mut jet = Jet::ZERO;
                law.jet(theta, &row, &mut jet);
                assert!((jet.value - law.held_ln_loss(theta, &row)).abs() < 1e-13);
                let step = 1e-4;
                for i in 0..theta.len() {
                    let moved = |by: f64| {
                        let mut theta = theta.to_vec();
                        theta[i] += by;
                        let mut jet = Jet::ZERO;
                        law.jet(&theta, &row, &mut jet);
                        jet
                    };
                    let (up, down) = (moved(step), moved(-step));
                    let slope = (up.value - down.value) / (2.0 * step);
                    assert!((slope - jet.gradient[i]).abs() < 1e-5 * (1.0 + slope.abs()), "{law} gradient {i}");
                    for j in 0..=i {
                        let curve = (up.gradient[j] - down.gradient[j]) / (2.0 * step);
                        let error = (curve - jet.hessian[i][j]).abs();
                        assert!(
                            error < 1e-4 * (1.0 + curve.abs()),
                            "{law} Hessian {i} {j}: {curve} {}",
                            jet.hessian[i][j]
                        );
                    }
                }
            }
        }
    }
}
