//! Would the lab have known? Hide the largest size (or model), choose and fit on the rest, then reveal.

use crate::laws::choose::Reach;
use crate::laws::fit::{affordable, candidates, describe_best, forecasts, lacks};
use crate::laws::point::{clean, distinct, rows_of};
use crate::laws::report::{Backtest, Forecast, Hidden};
use crate::laws::{Options, Point, choose};

/// None where too little is left to fit. Points of one group; the hidden ones play no part in any choice.
pub fn backtest(points: &[Point], options: &Options) -> Option<Backtest> {
    let points = clean(points).points;
    let laws = candidates(&points, options.law);
    if laws.iter().any(|&law| lacks(law, &points).is_some()) {
        return None;
    }
    let joint = laws.iter().all(|law| law.is_joint());
    let key = |point: &Point| if joint { point.n } else { Some(point.d) };
    let keys = distinct(points.iter().filter_map(key));
    let largest = *keys.last()?;
    if keys.len() < 3 {
        return None;
    }
    let (hidden, seen): (Vec<Point>, Vec<Point>) = points.into_iter().partition(|point| key(point) == Some(largest));
    let rows = rows_of(&seen);
    let laws = if joint { laws } else { candidates(&seen, options.law) };
    let rivals = choose::among(&laws, &rows, options.objective, if joint { Reach::Factor } else { Reach::Data });
    let chosen = rivals.first()?;
    let fit = describe_best(&rivals, &seen, options, affordable(options.draws, rows.len()))?;
    let (forecasts, _) = forecasts(&fit, &seen, hidden);
    let errors = |of: fn(&Forecast) -> Option<f64>| median(forecasts.iter().filter_map(of).map(f64::abs).collect());
    Some(Backtest {
        law: chosen.law,
        hidden: if joint { Hidden::Factor(largest) } else { Hidden::Data(largest) },
        error_percent: errors(|f| Some(f.error_percent))?,
        last_loss_percent: errors(|f| f.last_loss_percent),
        forecasts,
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}
