//! Do runs of one name share their luck? A seed draws one subset of the data and one set of initial weights for every
//! size, and may lift or tilt the whole curve. Errors are then not independent, and an exponent is only as sure as the
//! number of seeds makes it.
//!
//! Asked of the misfits by permutation: where levels and slopes by run explain more of them than nearly every shuffling
//! of the names within each place, the runs count as what is drawn; otherwise each point does.

use crate::laws::point::{Row, distinct};
use crate::seed::Seed;
use std::collections::BTreeMap;

/// A level and a slope in ln D that a run's points share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Effect {
    pub level: f64,
    pub slope: f64,
}

/// What runs share, and which points are of which.
pub(crate) struct SharedLuck {
    pub effects: Vec<Effect>,
    /// By row; none for a row of a run that is named too seldom.
    pub of: Vec<Option<usize>>,
}

impl SharedLuck {
    /// What a row's run lifts it by, if the run has this effect.
    pub fn at(row: &Row, effect: Effect) -> f64 {
        effect.level + effect.slope * row.ln_d
    }
}

const SHUFFLES: usize = 199;
/// The share of shufflings that may explain as much.
const CHANCE: f64 = 0.05;
/// No slope from fewer sizes of a run.
const FEWEST_SIZES: usize = 3;
const MOST_ROWS: usize = 2048;

/// The runs' shared luck in these misfits: of each run over all curves, or of each on its own curve; none where the points
/// show none. Rows come by curve, then size.
pub(crate) fn shared_luck(rows: &[Row], misfits: &[f64]) -> Option<SharedLuck> {
    if rows.len() > MOST_ROWS {
        return None;
    }
    let several = rows.iter().any(|row| !row.is_beside(&rows[0]));
    let everywhere = of_names(rows, misfits, |row| (row.run, None, 0));
    let by_curve = |row: &Row| (row.run, row.n.map(f64::to_bits), row.factor);
    everywhere.or_else(|| several.then(|| of_names(rows, misfits, by_curve)).flatten())
}

/// A run, and the curve where it is only there what it is.
type Name = (Option<usize>, Option<u64>, usize);

fn of_names(rows: &[Row], misfits: &[f64], name: impl Fn(&Row) -> Name) -> Option<SharedLuck> {
    let mut members: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.run.is_some()) {
        members.entry(name(row)).or_default().push(at);
    }
    members.retain(|_, of| distinct(of.iter().map(|&at| rows[at].d)).len() >= FEWEST_SIZES);
    if members.len() < 2 {
        return None;
    }
    let mut of = vec![None; rows.len()];
    for (group, at) in members.values().enumerate().flat_map(|(group, of)| of.iter().map(move |&at| (group, at))) {
        of[at] = Some(group);
    }
    let observed = explained(rows, misfits, &of, members.len());
    let mut random = Seed(0).derive("shared luck", rows.len() as u64).draw();
    let (mut shuffled, mut as_much) = (of.clone(), 0);
    for _ in 0..SHUFFLES {
        let mut start = 0;
        for place in rows.chunk_by(|a, b| a.is_beside(b) && a.d == b.d) {
            for last in (1..place.len()).rev() {
                shuffled.swap(start + last, start + random.index(last + 1));
            }
            start += place.len();
        }
        as_much += usize::from(explained(rows, misfits, &shuffled, members.len()).0 >= observed.0 * (1.0 - 1e-9));
    }
    ((as_much + 1) as f64 <= CHANCE * (SHUFFLES + 1) as f64).then_some(SharedLuck { effects: observed.1, of })
}

/// The sum of squares that levels and slopes by group explain, and they themselves.
fn explained(rows: &[Row], misfits: &[f64], of: &[Option<usize>], groups: usize) -> (f64, Vec<Effect>) {
    // Count and sums of x, y, xx, xy.
    let mut sums = vec![[0.0; 5]; groups];
    for ((row, y), group) in rows.iter().zip(misfits).zip(of) {
        let Some(group) = group else { continue };
        let x = row.ln_d;
        for (sum, value) in sums[*group].iter_mut().zip([1.0, x, *y, x * x, x * y]) {
            *sum += value;
        }
    }
    let effect = |[count, x, y, xx, xy]: &[f64; 5]| {
        let (mean_x, mean_y) = (x / count.max(1.0), y / count.max(1.0));
        let (spread, shared) = (xx - x * mean_x, xy - x * mean_y);
        let slope = if spread > 1e-12 { shared / spread } else { 0.0 };
        (count * mean_y * mean_y + slope * shared, Effect { level: mean_y - slope * mean_x, slope })
    };
    let found: Vec<(f64, Effect)> = sums.iter().map(effect).collect();
    (found.iter().map(|found| found.0).sum(), found.into_iter().map(|found| found.1).collect())
}
