//! What a fit says, in words and as lines to draw.

use crate::laws::{FittedLaw, GroupReport, Interval, Law, Parameter, Prediction, Report, Rival};
use crate::ui::charts::scaling;

/// One series' result: a name, what follows from it, and how it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub name: String,
    pub headline: String,
    /// The exponent, and its 95% interval.
    pub exponent: Option<(String, Option<String>)>,
    pub detail: String,
}

pub fn finding(key: &str, name: &str, report: Option<&Report>) -> Finding {
    let say = |headline: String, detail: String| Finding { name: name.to_string(), headline, exponent: None, detail };
    let Some(group) = report.and_then(|report| report.group(key)) else {
        return say("fitting…".into(), String::new());
    };
    let first_warning = || group.warnings.first().map(|warning| format!("{warning}.")).unwrap_or_default();
    let Some(fit) = &group.fit else {
        return say("no law yet".into(), first_warning());
    };
    let law = fit.law.card().title.to_lowercase();
    let exponent = fit.parameter("β");
    if !group.signal {
        return say("not enough signal".into(), first_warning());
    }
    let exponent = exponent.filter(|beta| beta.identified).map(|beta| {
        let between = |interval: Interval| format!("{} to {}", digits(interval.lo), digits(interval.hi));
        (digits(beta.value), beta.interval.map(between))
    });
    Finding { exponent, ..say(next_doubling(group, fit), law) }
}

/// What twice the data would do: for a plain power everywhere the same, else beyond the largest size.
fn next_doubling(group: &GroupReport, fit: &FittedLaw) -> String {
    if let (true, Some(beta)) = (fit.law.card().scale_free, fit.parameter("β")) {
        let percent = 100.0 * (1.0 - 2f64.powf(-beta.value));
        return format!("each doubling of the data takes {percent:.0}% off the loss");
    }
    let at = |d: f64| predicted(group, d).map(|sample| sample.mid);
    match (at(fit.largest_d), at(2.0 * fit.largest_d)) {
        (Some(now), Some(then)) if then < 0.995 * now => {
            format!("twice the data would take about {:.0}% more off the loss", 100.0 * (1.0 - then / now))
        }
        (Some(_), Some(_)) => "more data would change the loss little".into(),
        _ => "a law is found".into(),
    }
}

/// "β = 0.21 (0.18 to 0.24)", or why there is no number.
pub fn with_interval(parameter: &Parameter) -> String {
    if !parameter.identified {
        return format!("{}: {}", parameter.symbol, parameter.note);
    }
    let value = format!("{} = {}", parameter.symbol, digits(parameter.value));
    match parameter.interval {
        Some(interval) => format!("{value} ({} to {})", digits(interval.lo), digits(interval.hi)),
        None => value,
    }
}

/// Three significant digits; whole numbers as they are.
pub fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if value.fract() == 0.0 && value.abs() < 1e6 {
        return format!("{value}");
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-4..6).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    format!("{value:.*}", (2 - magnitude).clamp(0, 6) as usize)
}

/// A line through fewer sizes says nothing.
const FEWEST_DRAWN: usize = 3;

/// The fitted law as the scaling plot draws it; none where nothing could be fitted.
pub fn drawn(group: &GroupReport) -> Option<scaling::Law> {
    curves(group).into_iter().next()?.law
}

/// A curve with its place in the second factor.
#[derive(Default)]
pub struct Drawn {
    pub factor: Option<String>,
    pub n: Option<f64>,
    pub law: Option<scaling::Law>,
}

/// A group's curves, one without a law where nothing could be fitted.
pub fn curves(group: &GroupReport) -> Vec<Drawn> {
    let Some(fit) = group.fit.as_ref().filter(|_| group.sizes >= FEWEST_DRAWN) else { return vec![Drawn::default()] };
    // The simplest other law: with the constant where the chosen one has none, and the other way round.
    let other = Law::tried(false, group.sizes).find(|other| *other != fit.law && !fit.law.is_joint() && group.signal);
    let rival = group.rivals.iter().find(|rival| Some(rival.law) == other);
    let named = |law: String| format!("{}: {law}", group.name);
    let mut tip = vec![named(fit.law.card().title.to_string())];
    tip.extend(fit.parameters.iter().map(with_interval));
    let curves = fit.curves.iter().map(|curve| {
        let samples = curve.samples.iter();
        let near = curve.samples.iter().filter(|sample| sample.trusted);
        let points = |rival: &Rival| -> Vec<(f64, f64)> {
            near.filter_map(|s| Some((s.d, rival.law.predict(&rival.theta, s.d, None)?))).collect()
        };
        let law = scaling::Law {
            samples: samples
                .map(|s| scaling::Sample { d: s.d, lo: s.lo, mid: s.mid, hi: s.hi, trusted: s.trusted })
                .collect(),
            rival: rival.map(points).unwrap_or_default(),
            rival_name: rival.map_or(String::new(), |rival| named(rival.law.card().title.to_lowercase())),
            tip: tip.clone(),
            rough: !group.signal,
        };
        Drawn { factor: curve.factor.clone(), n: curve.n, law: Some(law) }
    });
    curves.collect()
}

/// The law's loss at `d` with its band, between the curve's samples; none beyond them.
pub fn predicted(group: &GroupReport, d: f64) -> Option<Prediction> {
    let samples = &group.fit.as_ref()?.curves.first()?.samples;
    let above = samples.iter().position(|sample| sample.d >= d)?;
    if d < samples[0].d {
        return None;
    }
    let (low, high) = (samples[above.saturating_sub(1)], samples[above]);
    let share = if high.d > low.d { (d / low.d).ln() / (high.d / low.d).ln() } else { 1.0 };
    // Straight between neighbours on log axes.
    let between = |of: fn(&Prediction) -> f64| of(&low) * (of(&high) / of(&low)).powf(share);
    Some(Prediction { d, lo: between(|s| s.lo), mid: between(|s| s.mid), hi: between(|s| s.hi), trusted: high.trusted })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::{Options, Point, fit};

    fn report(points: usize) -> Report {
        let points: Vec<Point> = (0..points)
            .flat_map(|i| {
                let d = 64.0 * 2f64.powi(i as i32);
                (0..3).map(move |seed| {
                    let noise = 1.0 + 0.002 * ((i * 7 + seed * 3) % 5) as f64;
                    Point::new("LoRA", d, 6.0 * d.powf(-0.2) * noise).of_run(format!("{seed}"))
                })
            })
            .collect();
        fit(&points, &Options { draws: 50, ..Options::default() })
    }

    #[test]
    fn a_known_exponent_is_headlined_and_drawn() {
        let report = report(7);
        let group = &report.groups[0];
        let beta = group.fit.as_ref().and_then(|fit| fit.parameter("β")).map(|beta| beta.value);
        assert!((beta.unwrap_or(0.0) - 0.2).abs() < 0.02, "{beta:?}");
        // What follows comes before how it was fitted.
        let found = finding("LoRA", "LoRA", Some(&report));
        assert!(found.headline.contains("% off the loss") && !found.headline.contains('β'), "{found:?}");
        assert!(found.exponent.is_some_and(|(value, interval)| value.starts_with("0.") && interval.is_some()));
        let law = drawn(group).expect("a fit is drawn");
        assert!(law.samples.len() > 10 && law.samples.iter().all(|s| s.lo <= s.mid && s.mid <= s.hi));
        assert!(!law.rival.is_empty());
    }

    #[test]
    fn a_prediction_lies_between_its_neighbours() {
        let report = report(7);
        let group = &report.groups[0];
        let at = predicted(group, 3000.0).expect("within the curve");
        assert!((at.mid / (6.0 * 3000f64.powf(-0.2)) - 1.0).abs() < 0.02, "{at:?}");
        assert!(at.lo <= at.mid && at.mid <= at.hi && at.trusted);
        assert_eq!(predicted(group, 1.0), None);
        assert_eq!(predicted(group, 1e12), None);
    }

    #[test]
    fn nothing_is_claimed_of_what_is_not_there() {
        assert_eq!(finding("LoRA", "LoRA", None).headline, "fitting…");
        let one = report(1);
        assert!(
            !finding("LoRA", "LoRA", Some(&one)).headline.contains('β'),
            "{:?}",
            finding("LoRA", "LoRA", Some(&one))
        );
    }

    #[test]
    fn numbers_have_three_digits() {
        for (value, text) in
            [(0.2134, "0.213"), (12.34, "12.3"), (1234.0, "1234"), (1e-9, "1.00e-9"), (64.0, "64"), (0.0, "0")]
        {
            assert_eq!(digits(value), text);
        }
    }
}
