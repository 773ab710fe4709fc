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

            fn working_at(self, natural: &Vector, centre: f64) -> Vector {
                match self { $(Law::$Form => $file::$Form::to_working(natural, centre)),* }
            }

            fn natural_at(self, working: &Vector, centre: f64) -> Vector {
                match self { $(Law::$Form => $file::$Form::to_natural(working, centre)),* }
            }

            fn natural_gradient_at(self, gradient: &Vector, natural: &Vector, centre: f64) -> Vector {
                match self { $(Law::$Form => $file::$Form::natural_gradient(gradient, natural, centre)),* }
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
