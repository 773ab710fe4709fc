//! What a law says of itself, for the page, the command line and the fit.

/// A law's metadata, beside its formula in its own file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LawCard {
    /// What it is called in files and on the command line: lower case with hyphens, never changed.
    pub name: &'static str,
    /// Other names that papers use for it.
    pub aliases: &'static [&'static str],
    pub title: &'static str,
    pub formula: &'static str,
    /// Two plain sentences.
    pub explanation: &'static str,
    pub citation: &'static str,
    pub url: &'static str,
    pub parameters: &'static [ParameterInfo],
    /// What it reads of a point besides the amount of data and the loss.
    pub needs: &'static [Column],
    /// How many named factors it tells apart; one for a law that takes a second factor whatever its name.
    pub most_factors: usize,
    /// From how many sizes on it is tried where nobody asked for a law; none where it has to be asked for.
    pub tried_from_sizes: Option<usize>,
    /// What its constants are in, where it has any that are not fitted; else empty.
    pub units: &'static str,
    /// Whether every doubling of the data takes the same share off the loss.
    pub scale_free: bool,
}

/// A column of points that a law may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Model size, pretraining tokens or tuned parameters.
    SecondFactor,
    /// The amount of distinct data, where data was repeated.
    DistinctData,
}

/// What one parameter is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterInfo {
    pub symbol: &'static str,
    pub meaning: &'static str,
    /// Whether the parameter that is fitted is the logarithm.
    pub logarithmic: bool,
    /// The range of what is fitted: of the logarithm, for a logarithmic one.
    pub bounds: (f64, f64),
    pub kind: Kind,
}

/// What a parameter stands for; its range may move with the losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Scale,
    Constant,
    Exponent,
}

pub(crate) const fn scale(symbol: &'static str, meaning: &'static str) -> ParameterInfo {
    ParameterInfo { symbol, meaning, logarithmic: true, bounds: (-60.0, 200.0), kind: Kind::Scale }
}

/// The constant E. Its range moves with the losses' own scale, see `Law::bounds`.
pub(crate) const fn constant() -> ParameterInfo {
    let meaning = "loss that remains with unlimited data";
    ParameterInfo { symbol: "E", meaning, logarithmic: false, bounds: (0.0, 20.0), kind: Kind::Constant }
}

pub(crate) const fn exponent(symbol: &'static str, meaning: &'static str, bounds: (f64, f64)) -> ParameterInfo {
    ParameterInfo { symbol, meaning, logarithmic: false, bounds, kind: Kind::Exponent }
}
