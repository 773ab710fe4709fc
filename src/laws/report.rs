//! The report: everything a page or a table shows of a fit, as plain versioned data.

use crate::laws::{Law, Objective, Point, Replicate, Warning};
use serde::{Deserialize, Serialize};

/// The version of [`Report`]'s JSON.
pub const REPORT_VERSION: u32 = 2;

/// How far beyond the largest fitted size a forecast is trusted; drawn grey beyond.
pub const TRUSTED_FACTOR: f64 = 4.0;

/// JSON has no infinities: a number beyond the largest is the largest. A fit never gives what is not a number.
pub(crate) fn finite(value: f64) -> f64 {
    value.clamp(f64::MIN, f64::MAX)
}

/// All that was found of the points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub version: u32,
    pub objective: Objective,
    pub groups: Vec<GroupReport>,
    pub warnings: Vec<Warning>,
}

impl Report {
    /// The report of a group that was not split by its second factor.
    pub fn group(&self, group: &str) -> Option<&GroupReport> {
        self.groups.iter().find(|report| report.group == group && report.n.is_none())
    }
}

/// One curve (or one surface, for a joint law).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// The points' own group, and the value of their second factor where a law of one curve was fitted for each: what
    /// this report is found by.
    pub group: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<f64>,
    /// What it is called: to be shown, never to be looked up.
    pub name: String,
    /// The points fitted, by second factor, then data.
    pub points: Vec<Point>,
    /// Points at zero data: shown, not fitted.
    pub zero_shot: Vec<Point>,
    /// Distinct amounts of data, and the largest over the smallest.
    pub sizes: usize,
    pub span: f64,
    /// Whether there is enough to headline an exponent. Where not, show the points and the warnings.
    pub signal: bool,
    /// Standard deviation of ln loss between runs of one size where there are such, else of the misfit.
    pub noise: Option<f64>,
    /// The law chosen or asked for; none where nothing could be fitted.
    pub fit: Option<FittedLaw>,
    /// Every law tried, the chosen one included, best first.
    pub rivals: Vec<Rival>,
    /// The mean error of repeating the last loss, on the sizes that the rivals were judged by.
    pub last_loss_percent: Option<f64>,
    /// Predictions for the points held out by `Options::holdout`.
    pub forecasts: Vec<Forecast>,
    /// What one more run would give at twice and four times the largest size; empty without intervals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Ahead>,
    /// The largest size (or factor) hidden, fitted, revealed.
    pub backtest: Option<Backtest>,
    pub warnings: Vec<Warning>,
}

impl GroupReport {
    /// What this part of a group is called, where the group is called so.
    pub(crate) fn called(&self, group: &str) -> String {
        match self.n {
            Some(n) if group.is_empty() => format!("N={n}"),
            Some(n) => format!("{group}, N={n}"),
            None => group.to_string(),
        }
    }
}

/// A law with its parameters, and all that is drawn of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedLaw {
    pub law: Law,
    /// Natural parameters: amounts (B …) by their logarithms, E and exponents as they are.
    pub theta: Vec<f64>,
    pub parameters: Vec<Parameter>,
    /// Sum of Huber on ln-loss residuals, unscaled.
    pub objective: f64,
    /// Root mean square of ln-loss residuals.
    pub rmse_log: f64,
    /// One curve, or one per value of the second factor.
    pub curves: Vec<Curve>,
    /// In the order of `GroupReport::points`.
    pub residuals: Vec<Residual>,
    /// How much the objective rises when the exponent is fixed elsewhere.
    pub profile: Vec<ProfilePoint>,
    /// The factors of a shared law, in the order of its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<Option<String>>,
    /// The largest fitted amount of data: forecasts are trusted up to 4 × this.
    pub largest_d: f64,
    /// Bootstrap refits, for crossovers and forecasts; kept in memory only.
    #[serde(skip)]
    pub draws: Vec<Replicate>,
    /// The laws that were not chosen and that the points do not rule out, at their best fits; kept in memory only.
    #[serde(skip)]
    pub others: Vec<Replicate>,
}

/// A fitted parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// "B", "E", "β" …
    pub symbol: String,
    /// What it means, in a few words.
    pub meaning: String,
    pub value: f64,
    /// The 95% interval; none where it could not be drawn.
    pub interval: Option<Interval>,
    /// False where the fit pushed it to a bound: say `note` instead of the number.
    pub identified: bool,
    /// "E at bound: not identified", or empty.
    pub note: String,
}

/// From the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub lo: f64,
    pub hi: f64,
}

impl Interval {
    /// Whether a value lies within.
    pub fn contains(&self, value: f64) -> bool {
        self.lo <= value && value <= self.hi
    }
}

/// A fitted curve and its band, to be drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Which factor `n` is, where the points vary several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
    pub n: Option<f64>,
    pub samples: Vec<Prediction>,
}

/// The law's loss at one amount of data, with the 95% band of the law itself (a new run scatters more).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    pub d: f64,
    pub lo: f64,
    pub mid: f64,
    pub hi: f64,
    /// Within 4 × the largest fitted size.
    pub trusted: bool,
}

/// How far a point lies from its curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Residual {
    pub d: f64,
    pub n: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
    /// ln loss − ln predicted: positive where the run did worse than the law.
    pub log: f64,
}

/// How well a law fits with one parameter held at a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfilePoint {
    pub exponent: f64,
    pub objective: f64,
}

/// A law that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    pub law: Law,
    pub chosen: bool,
    pub objective: f64,
    /// Corrected Akaike criterion; lower is better. None with too few points for the law.
    pub aicc: Option<f64>,
    /// Mean error on the largest sizes when they are left out, in per cent.
    pub held_out_percent: Option<f64>,
    pub theta: Vec<f64>,
}

/// What is expected beyond the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    pub point: Point,
    /// With the 95% band of the law.
    pub predicted: Prediction,
    /// The 95% interval for the loss of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Interval>,
    pub error_percent: f64,
    /// The error of repeating the last loss seen.
    pub last_loss_percent: Option<f64>,
}

/// What a run beyond the points is to give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ahead {
    /// The second factor, for a joint law.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<f64>,
    /// Which that is, where the points vary several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
    /// With the 95% band of the law.
    pub predicted: Prediction,
    /// The 95% interval for the loss of the run.
    pub run: Interval,
}

/// Forecasts of the largest sizes by fits that did not see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    pub law: Law,
    /// What was hidden, largest data or largest second factor.
    pub hidden: Hidden,
    pub forecasts: Vec<Forecast>,
    /// Medians over the hidden points.
    pub error_percent: f64,
    pub last_loss_percent: Option<f64>,
}

/// What a backtest hid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", content = "value", rename_all = "kebab-case")]
pub enum Hidden {
    Data(f64),
    Factor(f64),
}
