//! From the list of laws in `forms/mod.rs` to the closed enum [`Law`](super::Law): matched, not boxed, so that the
//! optimiser's inner loop is compiled for each law.

macro_rules! register {
    ($($file:ident::$Form:ident),* $(,)?) => {
        /// The laws on offer; those of one curve in order of their parameters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum Law {
            $($Form),*
        }

        impl Law {
            /// All laws, the simplest first.
            pub const ALL: [Law; [$(stringify!($Form)),*].len()] = [$(Law::$Form),*];

            /// What a page says of it, and what a fit must know.
            pub fn card(self) -> &'static LawCard {
                match self { $(Law::$Form => &$file::$Form::CARD),* }
            }

            /// The predicted loss.
            #[inline]
            pub(crate) fn loss(self, theta: &[f64], row: &Row) -> f64 {
                match self { $(Law::$Form => $file::$Form::loss(theta, row)),* }
            }

            /// ln H and γ of D_c = H·X^γ, where the power parts of two fits are equal.
            pub(crate) fn critical(self, first: &[f64], second: &[f64]) -> Option<(f64, f64)> {
                match self { $(Law::$Form => $file::$Form::critical(first, second)),* }
            }

            /// Its logarithm.
            #[inline]
            pub(crate) fn ln_loss(self, theta: &[f64], row: &Row) -> f64 {
                match self { $(Law::$Form => $file::$Form::ln_loss(theta, row)),* }
            }

            /// As `ln_loss`, of working parameters.
            #[inline]
            pub(crate) fn working_ln_loss(self, theta: &[f64], row: &Row) -> f64 {
                match self { $(Law::$Form => $file::$Form::working_ln_loss(theta, row)),* }
            }

            /// ln of the predicted loss with derivatives in the working parameters.
            #[inline]
            pub(crate) fn jet(self, theta: &[f64], row: &Row, jet: &mut Jet) {
                match self { $(Law::$Form => $file::$Form::jet(theta, row, jet)),* }
            }

            /// Where a fit may start, in natural parameters.
            pub(crate) fn starts(self, grid: &Grid) -> Vec<StartingValue> {
                match self { $(Law::$Form => $file::$Form::starts(grid)),* }
            }

            /// How the optimiser treats it.
            pub(crate) fn search(self) -> Search {
                match self { $(Law::$Form => $file::$Form::SEARCH),* }
            }

            /// How many of its parameters rows determine: the first ones.
            pub(crate) fn count(self, rows: &[Row]) -> usize {
                match self { $(Law::$Form => $file::$Form::count(rows)),* }
            }

            /// What a parameter means where the points name their factors.
            pub(crate) fn meaning(self, parameter: usize, factors: &[Option<String>]) -> Option<String> {
                match self { $(Law::$Form => $file::$Form::meaning(parameter, factors)),* }
            }

            /// The units that rows are fitted in.
            pub(crate) fn units(self, rows: &[Row]) -> Units {
                match self { $(Law::$Form => $file::$Form::units(rows)),* }
            }

            /// From natural parameters to working ones in these units.
            pub(crate) fn working_at(self, natural: &Vector, units: &Units) -> Vector {
                match self { $(Law::$Form => $file::$Form::to_working(natural, units)),* }
            }

            /// And back.
            pub(crate) fn natural_at(self, working: &Vector, units: &Units) -> Vector {
                match self { $(Law::$Form => $file::$Form::to_natural(working, units)),* }
            }

            /// A gradient in working parameters, turned into one in natural ones at `natural`, both in the given units.
            pub(crate) fn natural_gradient(self, gradient: &Vector, natural: &Vector) -> Vector {
                match self { $(Law::$Form => $file::$Form::natural_gradient(gradient, natural)),* }
            }

            fn working_bounds(self, bounds: &mut Bounds) {
                match self { $(Law::$Form => $file::$Form::working_bounds(bounds)),* }
            }

            #[cfg(test)]
            fn probes(self) -> &'static [&'static [f64]] {
                match self { $(Law::$Form => $file::$Form::PROBES),* }
            }
        }
    };
}

pub(super) use register;
