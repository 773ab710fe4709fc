//! What a reader should know before trusting a fit. Warnings are data, so that a page can place them; `Display`
//! gives the sentence.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What is doubtful about a fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Warning {
    /// Rows of a table with something else than a number where one belongs were left out; the first of them.
    NotNumbers { rows: usize, first: usize, column: String, cell: String },
    /// Numbers of a column that are not written plainly, and how the first of them was read.
    ReadAs { column: String, cell: String, value: f64 },
    /// Numbers of a column that may be thousands, and were read as decimals; the first of them, either way.
    MayBeThousands { column: String, cell: String, value: f64, thousands: String },
    /// Points with NaN or infinite numbers were left out.
    NotFinite { points: usize },
    /// Points with a loss or size at or below zero were left out.
    NotPositive { points: usize },
    /// The same result was given more than once.
    Duplicates { points: usize },
    /// Points at zero data: shown, not fitted (they worsen the forecast).
    ZeroShot { points: usize },
    /// No point was left to fit.
    Empty,
    /// Fewer sizes than the law has parameters.
    TooFewSizes { sizes: usize, needed: usize },
    /// Points of one amount of data: there is nothing to fit.
    OneSize,
    /// The loss is the same everywhere: there is nothing to fit.
    Flat,
    /// The loss rises with data: laws are of falling losses.
    NotFalling { rise_percent: f64 },
    /// Too few bootstrap refits for intervals.
    NoIntervals { draws: usize },
    /// A law whose constants are in units of their own misses the points by this much, in per cent.
    Units { law: String, units: String, misfit_percent: f64 },
    /// The law was chosen by its error on hidden values of the second factor, in per cent; and the next best one's.
    ChosenByHidden { law: String, percent: f64, other: String, other_percent: f64 },
    /// The scale k of a transfer law lies far outside the points and is known to this factor only.
    FarScale { factor: f64 },
    /// A transfer law from one run per size: its noise moves the data transferred by this factor and more.
    TransferNoise { noise_percent: f64, factor: f64 },
    /// Sizes so few or close that the exponent is hardly determined. `half_width` is half its 95% interval.
    Span { sizes: usize, span: f64, half_width: Option<f64> },
    /// The whole fall in loss is no more than a few times the noise. Both in per cent of the loss.
    Noise { drop_percent: f64, noise_percent: f64 },
    /// One run per size: noise is judged from the misfit alone.
    NoReplicates,
    /// The fit pushed a parameter to the end of its range.
    AtBound { parameter: String },
    /// The loss rises with data over part of the range.
    Rising,
    /// On held-out sizes the chosen law did no better than repeating the last loss. Errors in per cent.
    WorseThanLastLoss { law_percent: f64, last_percent: f64 },
    /// Too few values of the second factor to trust its exponent.
    FewFactors {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        factor: Option<String>,
        values: usize,
    },
    /// Only points of the first factors were fitted.
    TooManyFactors { fitted: usize, given: usize },
    /// The law needs a second factor and not every point has one.
    NoFactor { law: String },
    /// The law needs the amount of distinct data and no point has it.
    NoUnique { law: String },
    /// Hidden points of a factor that the fit has seen no point of: they cannot be predicted.
    NoForecast {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        factor: Option<String>,
        points: usize,
    },
    /// Sizes span so many powers of ten that rounding may count.
    Scale { decades: f64 },
    /// Only the first groups were fitted.
    TooManyGroups { fitted: usize, given: usize },
    /// Fewer bootstrap draws than asked for, so that the answer comes in time.
    FewerDraws { drawn: usize, asked: usize },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::NotNumbers { rows, first, column, cell } => {
                let cell = if cell.is_empty() { "nothing".to_string() } else { format!("\"{cell}\"") };
                let rows = format!("{rows} {}", plural(*rows, "row", "rows"));
                write!(f, "{rows} left out: row {first} has {cell} in column {column}, where a number belongs")
            }
            Warning::ReadAs { column, cell, value } => {
                write!(f, "in column {column} \"{cell}\" is read as {value}, and the others alike")
            }
            Warning::MayBeThousands { column, cell, value, thousands } => write!(
                f,
                "in column {column} \"{cell}\" is read as {value}, with decimals: if {thousands} is meant, write it so"
            ),
            Warning::NotFinite { points } => {
                write!(f, "{} not a number, infinite or beyond 1e100: left out", counted(*points))
            }
            Warning::NotPositive { points } => {
                write!(f, "{} with a loss or size at or below zero: left out", counted(*points))
            }
            Warning::Duplicates { points } => write!(
                f,
                "{} given more than once: counted once; name the column of runs or seeds if they are different runs",
                counted(*points)
            ),
            Warning::ZeroShot { points } => {
                write!(f, "{} before any tuning (no data): shown, not fitted", counted(*points))
            }
            Warning::Empty => write!(f, "no point left to fit"),
            Warning::TooFewSizes { sizes, needed } => {
                write!(f, "{sizes} {} and the law needs {needed}: add sizes", plural(*sizes, "size", "sizes"))
            }
            Warning::OneSize => write!(f, "all points have one amount of data: no exponent from one size; add sizes"),
            Warning::Flat => write!(f, "the loss is the same at every size: there is nothing to fit"),
            Warning::NotFalling { rise_percent } => write!(
                f,
                "the loss rises by {}% from the smallest to the largest size, and the laws are of falling losses: check \
                 the columns, the learning rate and when training stops",
                short(*rise_percent)
            ),
            Warning::NoIntervals { draws } => {
                write!(f, "no intervals: they need 20 bootstrap refits or more, and {draws} were asked for")
            }
            Warning::Units { law, units, misfit_percent } => write!(
                f,
                "the constants of \"{law}\" are for {units}: these points miss it by {}%, check their units",
                short(*misfit_percent)
            ),
            Warning::ChosenByHidden { law, percent, other, other_percent } => write!(
                f,
                "{law} was chosen because it errs by {}% on hidden values of the second factor, {other} by {}%: that is \
                 about reaching beyond them, not about the fit among them",
                short(*percent),
                short(*other_percent)
            ),
            Warning::FarScale { factor } => write!(
                f,
                "k is the data transferred at one unit of data and of size, far outside the points: it is known within a \
                 factor of {} only; trust the law among its points",
                short(*factor)
            ),
            Warning::TransferNoise { noise_percent, factor } => write!(
                f,
                "one run per size: at {}% noise the effective data of a run is known within a factor of {} only, and k, α \
                 and β miss by more than their intervals say; add seeds",
                short(*noise_percent),
                short(*factor)
            ),
            Warning::Span { sizes, span, half_width } => {
                write!(f, "{sizes} {} {}", plural(*sizes, "size", "sizes"), plural(*sizes, "spans", "span"))?;
                write!(f, " {}×", short(*span))?;
                match half_width {
                    Some(half) => write!(f, ": exponent uncertain by ±{}", short(*half)),
                    None => write!(f, ": too little for an exponent; use 5 sizes over 16× or more"),
                }
            }
            Warning::Noise { drop_percent, noise_percent } => write!(
                f,
                "not enough signal: the loss falls {}% in all and points scatter by {}%; widen the sizes or add seeds",
                short(*drop_percent),
                short(*noise_percent)
            ),
            Warning::NoReplicates => {
                write!(f, "one run per size: noise is judged from the misfit alone; a second seed would measure it")
            }
            Warning::AtBound { parameter } => write!(f, "{parameter} at bound: not identified by these points"),
            Warning::Rising => write!(f, "the loss rises with more data somewhere: check learning rate and stopping"),
            Warning::WorseThanLastLoss { law_percent, last_percent } => write!(
                f,
                "on the hidden sizes the law errs by {}% and repeating the last loss by {}%: the law adds nothing here",
                short(*law_percent),
                short(*last_percent)
            ),
            Warning::FewFactors { factor, values } => {
                let factor = factor.as_deref().unwrap_or("the second factor");
                write!(f, "{factor} has {values} values: no exponent from fewer than 4")
            }
            Warning::TooManyFactors { fitted, given } => {
                write!(f, "{given} factors: points of the first {fitted} were fitted; choose a coarser factor column")
            }
            Warning::NoFactor { law } => {
                write!(f, "{law} needs a second factor (model size …) and not every point has one: name its column")
            }
            Warning::NoUnique { law } => {
                write!(f, "{law} needs the amount of distinct data and these points have none: name its column")
            }
            Warning::NoForecast { factor, points } => {
                let factor = factor.as_deref().unwrap_or("a second factor without a name");
                let count = counted(*points);
                write!(f, "{count} of {factor} cannot be predicted: the fit has seen none; hide fewer sizes")
            }
            Warning::Scale { decades } => {
                write!(f, "numbers span {} powers of ten: check the columns and units", short(*decades))
            }
            Warning::TooManyGroups { fitted, given } => {
                write!(f, "{given} groups: the first {fitted} were fitted; choose a coarser group column")
            }
            Warning::FewerDraws { drawn, asked } => {
                write!(f, "{drawn} bootstrap draws instead of {asked}, because there are so many points")
            }
        }
    }
}

fn counted(points: usize) -> String {
    format!("{points} {}", plural(points, "point", "points"))
}

pub(crate) fn plural(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

/// Three significant digits, without needless zeros.
pub(crate) fn short(value: f64) -> String {
    significant(value, 3)
}

/// So many significant digits, without needless zeros; a power of ten where the number is far from one.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-4..6).contains(&magnitude) {
        return format!("{value:.*e}", digits - 1);
    }
    let decimals = (digits as i32 - 1 - magnitude).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_read_well() {
        let cases = [
            (Warning::NotFinite { points: 1 }, "1 point not a number, infinite or beyond 1e100: left out"),
            (
                Warning::Span { sizes: 5, span: 16.0, half_width: Some(0.1) },
                "5 sizes span 16×: exponent uncertain by ±0.1",
            ),
            (Warning::AtBound { parameter: "E".into() }, "E at bound: not identified by these points"),
        ];
        for (warning, sentence) in cases {
            assert_eq!(warning.to_string(), sentence);
        }
    }

    #[test]
    fn numbers_are_short() {
        let cases =
            [(0.0, "0"), (0.1, "0.1"), (12345.0, "12345"), (1.23456, "1.23"), (1e-9, "1.00e-9"), (-2.5, "-2.5")];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }
}
