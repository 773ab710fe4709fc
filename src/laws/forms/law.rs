//! What holds for every law, from its card and its file.

use super::*;
use std::fmt;
use std::str::FromStr;

/// A name that is no law's.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("no law is called \"{0}\": use {names}", names = Law::ALL.map(Law::name).join(", "))]
pub struct UnknownLaw(pub String);

impl Law {
    /// What it is called in files and on the command line.
    pub fn name(self) -> &'static str {
        self.card().name
    }

    /// Its parameters, in the order of a fit's.
    pub fn parameters(self) -> &'static [ParameterInfo] {
        self.card().parameters
    }

    /// Whether it reads this of a point.
    pub fn needs(self, column: Column) -> bool {
        self.card().needs.contains(&column)
    }

    /// Whether it is a law of data and a second factor together; the others are of one curve.
    pub fn is_joint(self) -> bool {
        self.needs(Column::SecondFactor)
    }

    /// Whether it tells the factors that points vary apart by their names.
    pub fn tells_factors(self) -> bool {
        self.card().most_factors > 1
    }

    /// Laws that are tried where nobody asked for one, on points of so many sizes.
    pub fn tried(joint: bool, sizes: usize) -> impl Iterator<Item = Law> {
        let enough = move |law: &Law| law.card().tried_from_sizes.is_some_and(|from| from <= sizes);
        Law::ALL.into_iter().filter(move |law| law.is_joint() == joint).filter(enough)
    }

    /// Where the constant E stands among the parameters.
    pub(crate) fn constant(self) -> Option<usize> {
        self.parameters().iter().position(|parameter| parameter.kind == Kind::Constant)
    }

    /// Whether a fit to `seen` says anything of a row: a law that tells factors apart knows only those that it has seen.
    pub(crate) fn covers(self, row: &Row, seen: &[Row]) -> bool {
        !self.tells_factors() || seen.iter().any(|other| other.factor == row.factor)
    }

    /// The predicted loss. `theta` as in `FittedLaw::theta`; `n` the second factor, for the laws that need one: none without
    /// it, and none for a law of several factors, which [`FittedLaw::predict_for`](crate::laws::FittedLaw::predict_for) tells apart.
    pub fn predict(self, theta: &[f64], d: f64, n: Option<f64>) -> Option<f64> {
        let known = !self.tells_factors() && (n.is_some() || !self.is_joint());
        known.then(|| self.loss(theta, &Row::at(d, n, None)))
    }

    /// The range of each working parameter, for rows in the law's units.
    pub(crate) fn bounds(self, rows: &[Row]) -> Bounds {
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
        self.working_bounds(&mut bounds);
        // What no row says anything of stays where it is.
        bounds[self.count(rows)..].fill((0.0, 0.0));
        bounds
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Law> for &'static str {
    fn from(law: Law) -> &'static str {
        law.name()
    }
}

impl TryFrom<String> for Law {
    type Error = UnknownLaw;

    fn try_from(text: String) -> Result<Law, UnknownLaw> {
        text.parse()
    }
}

impl FromStr for Law {
    type Err = UnknownLaw;

    /// The law's name, or one of the names that papers use for it.
    fn from_str(text: &str) -> Result<Law, UnknownLaw> {
        let plain = text.to_lowercase().replace(['_', ' ', '+'], "-");
        let called = |card: &LawCard| card.name == plain || card.aliases.contains(&plain.as_str());
        Law::ALL.into_iter().find(|law| called(law.card())).ok_or_else(|| UnknownLaw(text.to_string()))
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
        assert_eq!(serde_json::to_string(&Law::PowerConstant).unwrap(), "\"power-constant\"");
        assert_eq!(serde_json::from_str::<Law>("\"power-constant\"").unwrap(), Law::PowerConstant);
        assert!("linear".parse::<Law>().unwrap_err().to_string().contains("linear"));
    }

    #[test]
    fn each_explanation_is_two_sentences() {
        for law in Law::ALL {
            let text = law.card().explanation;
            assert_eq!(text.matches(". ").count(), 1, "{text}");
        }
    }

    /// Gradient and Hessian against central differences, at ordinary and at extreme parameters.
    #[test]
    fn derivatives_match_differences() {
        let cases = Law::ALL.into_iter().flat_map(|law| law.probes().iter().map(move |theta| (law, theta)));
        for (law, theta) in cases {
            for (factor, d) in [(0, 300.0f64), (1, 5e4), (2, 4e9)] {
                let row = Row { factor, ln_d: d.ln() - 7.0, ..Row::at(d, Some(3e9), Some(d / 7.0)) };
                let mut jet = Jet::ZERO;
                law.jet(theta, &row, &mut jet);
                assert!((jet.value - law.working_ln_loss(theta, &row)).abs() < 1e-13);
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
