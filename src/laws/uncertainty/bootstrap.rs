//! How sure is a fit? Refits to noise like that which was seen (residual bootstrap; Efron and Tibshirani 1993, chapter
//! 9): each run keeps its size and takes the misfit of a run drawn at random. Drawing the runs themselves would lose
//! whole sizes from curves of five to fourteen points, and with them the exponent.
//!
//! Noise need not be even: a run takes the misfit, with either sign, of one of the runs nearest to it (see `scatter`) or
//! its own, which with many rows is the wild bootstrap for median regression (Feng, He and Hu 2011, Biometrika 98). Where runs of
//! one name share their luck (see `runs`), that is drawn by run, and the rest by point.
//!
//! A fit of nearly absolute errors passes through as many points as it has parameters. Residuals of zero would make the
//! noise look calmer at its centre than it is, and the intervals too narrow: they are left out of the draw, or, where some
//! rows are much quieter than others, those points take a small misfit. All are widened by Student's t over the normal
//! quantile, because few residuals tell their own spread badly.
//!
//! With twenty rows or more for each parameter the rows themselves are drawn (case resampling; Efron and Tibshirani 1993,
//! chapter 9.5, and Besiroglu et al. 2024, arXiv 2404.10102, on Chinchilla's points): that asks nothing of the noise.
//!
//! Where the lab chooses the law, the choice is uncertain too: the laws get their shares of the draws by their Akaike
//! weights (Buckland, Burnham and Augustin 1997). A law's own parameters come from its own draws alone: an exponent of
//! the loss above a constant is another thing than one of the whole loss. How often the intervals hold the truth, and
//! where they fall short, is in `tests/laws_coverage.rs` and docs/intervals.md.

use crate::laws::fit::newton::{Stopping, minimise};
use crate::laws::fit::units::Scaled;
use crate::laws::forms::{MAX, Vector};
use crate::laws::point::Row;
use crate::laws::uncertainty::runs::{Effect, SharedLuck, shared_luck};
use crate::laws::uncertainty::scale::loudness;
use crate::laws::uncertainty::scatter::Neighbours;
use crate::laws::uncertainty::student::{NORMAL, student};
use crate::laws::{Law, Objective};
use crate::seed::{Draw, Seed};

/// One refit: a law and its parameters, as in `FittedLaw::theta`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replicate {
    pub law: Law,
    pub theta: [f64; MAX],
}

impl Replicate {
    pub(crate) fn loss(&self, row: &Row) -> f64 {
        self.law.loss(&self.theta, row)
    }
}

/// A law that the points may follow, at its best fit.
pub(crate) struct Plausible {
    pub law: Law,
    pub theta: Vector,
    /// Its share of the draws.
    pub weight: f64,
}

/// Refits.
#[derive(Default)]
pub(crate) struct Draws {
    /// Of the plausible laws by their weights.
    pub mixed: Vec<Replicate>,
    /// Of the chosen law alone: those of the mix, and more where they are few.
    pub own: Vec<Replicate>,
}

/// The chosen law has at least this share of `count` for itself.
const OWN_SHARE: f64 = 0.5;

/// `count` refits of the plausible laws, each draw's law by lot, warm-started at its own fit; the first law is the
/// chosen one.
pub(crate) fn draws(plausible: &[Plausible], rows: &[Row], objective: Objective, count: usize, seed: Seed) -> Draws {
    if count == 0 {
        return Draws::default();
    }
    let models: Vec<Option<ErrorModel>> = plausible.iter().map(|each| ErrorModel::new(each, rows)).collect();
    let weight = |at: usize| models[at].as_ref().map_or(0.0, |_| plausible[at].weight);
    let total: f64 = (0..models.len()).map(weight).sum();
    if total <= 0.0 {
        return Draws::default();
    }
    let mut random = seed.derive("bootstrap", 0).draw();
    let lot = |random: &mut Draw| {
        let mut left = random.unit() * total;
        let of = |at: &usize| {
            left -= weight(*at);
            left < 0.0
        };
        (0..models.len()).find(of).unwrap_or(0)
    };
    let mut found = Draws::default();
    let mut scratch = Vec::new();
    for _ in 0..count {
        let at = lot(&mut random);
        let Some(model) = &models[at] else { continue };
        let refit = model.refit(objective, &mut random, &mut scratch);
        found.mixed.push(refit);
        if at == 0 {
            found.own.push(refit);
        }
    }
    if let Some(model) = &models[0] {
        while (found.own.len() as f64) < OWN_SHARE * count as f64 {
            found.own.push(model.refit(objective, &mut random, &mut scratch));
        }
    }
    found
}

/// What is drawn from, were a law the true one.
struct ErrorModel {
    scaled: Scaled,
    working: Vector,
    fitted: Vec<f64>,
    /// For each row equally many misfits to draw from, widened; with either sign.
    pools: Vec<f64>,
    luck: Option<SharedLuck>,
    /// Whether rows themselves are drawn.
    cases: bool,
}

/// The median misfit over the root mean square, below which some rows are quieter than others: 0.67 where noise is normal.
const QUIET: f64 = 0.45;
/// From so many rows for each parameter the rows themselves are drawn.
const ROWS_FOR_CASES: usize = 20;
/// With so many rows each draws half of its misfits from its own.
const HALF_OWN: usize = 30;
/// Rows beyond this many draw from their own misfit alone.
const MOST_POOLED: usize = 1024;

impl ErrorModel {
    /// None where the law has as many parameters as there are rows: it leaves no residual to draw.
    fn new(plausible: &Plausible, rows: &[Row]) -> Option<ErrorModel> {
        let Plausible { law, theta, .. } = *plausible;
        let parameters = law.count(rows);
        let spare = rows.len().checked_sub(parameters).filter(|&spare| spare > 0)?;
        let scaled = Scaled::new(law, rows);
        let working = scaled.to_working(&theta);
        let fitted: Vec<f64> = scaled.rows.iter().map(|row| law.working_ln_loss(&working, row)).collect();
        let mut misfits: Vec<f64> = scaled.rows.iter().zip(&fitted).map(|(row, fitted)| row.ln_loss - fitted).collect();
        let mut luck = shared_luck(&scaled.rows, &misfits);
        if luck.is_none() && rows.len() >= ROWS_FOR_CASES * parameters {
            return Some(ErrorModel { scaled, working, fitted, pools: Vec::new(), luck, cases: true });
        }
        let mut freedom = spare;
        if let Some(luck) = &mut luck {
            for (at, misfit) in misfits.iter_mut().enumerate() {
                *misfit -= luck.of[at].map_or(0.0, |group| SharedLuck::at(&scaled.rows[at], luck.effects[group]));
            }
            let groups = luck.effects.len();
            freedom = spare.saturating_sub(2 * groups).max(1);
            let mean = |of: fn(&Effect) -> f64| luck.effects.iter().map(of).sum::<f64>() / groups as f64;
            let (mean_level, mean_slope) = (mean(|effect| effect.level), mean(|effect| effect.slope));
            let widen = student(groups - 1) / NORMAL;
            for Effect { level, slope } in &mut luck.effects {
                *level = (*level - mean_level) * widen;
                *slope = (*slope - mean_slope) * widen;
            }
        }
        let among = with_misfit(&misfits, spare);
        let loudness = loudness(&scaled.rows, &misfits, &among);
        freedom = freedom.min((speaking(&loudness) as usize).saturating_sub(parameters).max(1));
        let widen = student(freedom) / NORMAL;
        misfits.iter_mut().for_each(|misfit| *misfit *= widen);
        let lenders = if fill_passed(&mut misfits, &among, &loudness) { (0..rows.len()).collect() } else { among };
        let pools = if rows.len() > MOST_POOLED { misfits } else { pools(&scaled.rows, &misfits, &lenders, &loudness) };
        Some(ErrorModel { scaled, working, fitted, pools, luck, cases: false })
    }

    fn refit(&self, objective: Objective, random: &mut Draw, scratch: &mut Vec<Row>) -> Replicate {
        let rows = &self.scaled.rows;
        scratch.clear();
        if self.cases {
            scratch.extend((0..rows.len()).map(|_| rows[random.index(rows.len())]));
            return self.minimised(objective, scratch);
        }
        scratch.extend_from_slice(rows);
        let each = self.pools.len() / rows.len();
        for (at, (row, fitted)) in scratch.iter_mut().zip(&self.fitted).enumerate() {
            let misfit = self.pools[at * each + random.index(each)];
            row.ln_loss = fitted + if random.coin() { misfit } else { -misfit };
        }
        if let Some(SharedLuck { effects, of }) = &self.luck {
            let drawn: Vec<Effect> = effects
                .iter()
                .map(|_| {
                    let Effect { level, slope } = effects[random.index(effects.len())];
                    if random.coin() { Effect { level, slope } } else { Effect { level: -level, slope: -slope } }
                })
                .collect();
            for (row, group) in scratch.iter_mut().zip(of) {
                row.ln_loss += group.map_or(0.0, |group| SharedLuck::at(row, drawn[group]));
            }
        }
        self.minimised(objective, scratch)
    }

    fn minimised(&self, objective: Objective, rows: &[Row]) -> Replicate {
        let Scaled { law, bounds, .. } = &self.scaled;
        let refit = minimise(*law, rows, &self.working, bounds, objective.delta(), Stopping::SKETCH);
        Replicate { law: *law, theta: self.scaled.to_natural(&refit.theta) }
    }
}

/// The rows that the fit does not pass through: as many as it leaves spare.
fn with_misfit(misfits: &[f64], spare: usize) -> Vec<usize> {
    let mut among: Vec<usize> = (0..misfits.len()).collect();
    among.sort_by(|&a, &b| misfits[b].abs().total_cmp(&misfits[a].abs()));
    among.truncate(spare);
    among.sort_unstable();
    among
}

/// How many rows of even noise would tell as much of their spread: where some are loud, they alone do (Satterthwaite 1946).
fn speaking(loudness: &[f64]) -> f64 {
    let power = |power: i32| loudness.iter().map(|loud| loud.powi(power)).sum::<f64>();
    power(2).powi(2) / power(4).max(f64::MIN_POSITIVE)
}

/// Where most misfits are far smaller than their root mean square, some rows are quiet, and the fit passes through those:
/// they take a small misfit, that at a third of the others', brought to the row's loudness. Whether that is so.
fn fill_passed(misfits: &mut [f64], among: &[usize], loudness: &[f64]) -> bool {
    let mut sizes: Vec<f64> = among.iter().map(|&at| misfits[at].abs() / loudness[at]).collect();
    sizes.sort_by(f64::total_cmp);
    let root_mean_square = (sizes.iter().map(|size| size * size).sum::<f64>() / sizes.len() as f64).sqrt();
    let (small, median) = (sizes[sizes.len() / 3], sizes[sizes.len() / 2]);
    if median > QUIET * root_mean_square {
        return false;
    }
    for (at, misfit) in misfits.iter_mut().enumerate() {
        if among.binary_search(&at).is_err() {
            *misfit = small * loudness[at];
        }
    }
    true
}

/// For each row equally many misfits to draw from: those of the lenders nearest to it, brought to its loudness, and its own
/// as many times as rows are many; a row that is no lender has none of its own.
fn pools(rows: &[Row], misfits: &[f64], lenders: &[usize], loudness: &[f64]) -> Vec<f64> {
    let neighbours = Neighbours::new(rows);
    let mut pools = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let nearest = neighbours.nearest(row, lenders, rows);
        let of_nearest = nearest.iter().map(|&other| misfits[other] * loudness[at] / loudness[other]);
        let own = lenders.binary_search(&at).is_ok().then_some(misfits[at]);
        let copies = nearest.len() * rows.len() / HALF_OWN;
        pools.extend(of_nearest.clone());
        pools.extend(of_nearest.cycle().take(copies).map(|other| own.unwrap_or(other)));
    }
    pools
}
