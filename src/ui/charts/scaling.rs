//! The scaling plot: one point per finished run on log-log axes, the spread over seeds, each series' fitted law
//! with its band, its rival dotted, and the forecast greyed where it is not to be trusted.

use super::axis::{doubling_ticks, log_range, log_ticks};
use super::palette::{Mark, Theme};
use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    pub mark: Mark,
    pub dots: Vec<Dot>,
    /// The loss before any tuning: a level, since zero has no place on a log axis.
    pub before: Option<f64>,
    pub law: Option<Law>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    pub d: f64,
    pub loss: f64,
    /// Handed back when the point is clicked.
    pub id: String,
    pub tip: Vec<String>,
    /// Drawn as an outline: not made on this machine.
    pub hollow: bool,
}

/// A fitted law as drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Law {
    pub samples: Vec<Sample>,
    /// The same form with or without its constant: (amount of data, loss).
    pub rival: Vec<(f64, f64)>,
    pub rival_name: String,
    pub tip: Vec<String>,
    /// Too little signal to claim it: drawn dashed.
    pub rough: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub d: f64,
    pub lo: f64,
    pub mid: f64,
    pub hi: f64,
    pub trusted: bool,
}

pub struct Plot<'a> {
    pub series: &'a [Series],
    pub across: &'a str,
    pub up: &'a str,
    pub theme: Theme,
    /// On a phone: fewer ticks, no axis names beside the legend.
    pub narrow: bool,
    /// A size that the visitor points at with the slider.
    pub cursor: Option<f64>,
}

impl Plot<'_> {
    pub fn option(&self) -> Value {
        let theme = self.theme;
        let dots = || self.series.iter().flat_map(|series| &series.dots);
        let sizes = dots().map(|dot| dot.d).chain(self.cursor);
        let across = log_range(sizes, 0.08).unwrap_or((48.0, 5200.0));
        // The lines run on to four times the largest size, and grey a little further.
        let reach = self.laws().flat_map(|law| &law.samples).map(|s| s.d).fold(across.1, f64::max);
        let across = (across.0, reach.min(across.1 * 5.0));
        let shown = |d: f64| d >= across.0 && d <= across.1;
        let losses = dots().map(|dot| dot.loss).chain(self.series.iter().filter_map(|series| series.before));
        let mids = self.laws().flat_map(|law| &law.samples).filter(|s| shown(s.d)).map(|s| s.mid);
        let up = log_range(losses.chain(mids), 0.06).unwrap_or((1.0, 4.0));
        let most = if self.narrow { 5 } else { 9 };
        let doubling = doubling_ticks(across.0, across.1, most);
        let ticks_across = if doubling.len() >= 3 { doubling } else { log_ticks(across.0, across.1, most) };
        json!({
            "animation": false,
            "textStyle": { "fontFamily": "inherit", "color": theme.ink() },
            "aria": { "enabled": true, "label": { "description": self.description() } },
            "grid": {
                "left": if self.narrow { 46 } else { 62 }, "right": 18, "top": if self.narrow { 58 } else { 40 }, "bottom": 50,
            },
            "legend": {
                "top": 0, "left": if self.narrow { 0 } else { 54 }, "itemWidth": 13, "itemHeight": 11, "itemGap": 18,
                "textStyle": { "color": theme.ink(), "fontSize": 14 },
                "data": self.series.iter().map(|series| json!({ "name": series.name, "icon": series.mark.symbol })).collect::<Vec<_>>(),
            },
            "tooltip": { "trigger": "item", "confine": true, "backgroundColor": theme.paper(), "borderColor": theme.line(),
                "textStyle": { "color": theme.ink(), "fontSize": 13 } },
            "dataZoom": [
                { "type": "inside", "xAxisIndex": 0, "filterMode": "none", "zoomOnMouseWheel": "ctrl", "moveOnMouseWheel": false },
                { "type": "inside", "yAxisIndex": 0, "filterMode": "none", "zoomOnMouseWheel": "ctrl", "moveOnMouseWheel": false },
            ],
            "xAxis": self.axis(self.across, across, ticks_across, 30),
            "yAxis": self.axis(self.up, up, log_ticks(up.0, up.1, most), if self.narrow { 34 } else { 46 }),
            "series": self.drawn(across),
        })
    }

    fn laws(&self) -> impl Iterator<Item = &Law> {
        self.series.iter().filter_map(|series| series.law.as_ref())
    }

    fn axis(&self, name: &str, range: (f64, f64), ticks: Vec<f64>, gap: u32) -> Value {
        let theme = self.theme;
        json!({
            "type": "log", "name": name, "nameLocation": "middle", "nameGap": gap, "min": range.0, "max": range.1,
            "nameTextStyle": { "color": theme.faint(), "fontSize": 14 },
            "axisLine": { "show": true, "onZero": false, "lineStyle": { "color": theme.line() } },
            "axisTick": { "customValues": ticks, "lineStyle": { "color": theme.line() } },
            "axisLabel": { "customValues": ticks, "color": theme.faint(), "fontSize": 13, "hideOverlap": true },
            "splitLine": { "lineStyle": { "color": theme.line() } },
        })
    }

    fn drawn(&self, across: (f64, f64)) -> Vec<Value> {
        let says = ["{1} at {0}"];
        let mut drawn = Vec::new();
        for series in self.series {
            let name = &series.name;
            let colour = series.mark.colour;
            if let Some(law) = &series.law {
                let near: Vec<_> = law.samples.iter().filter(|s| s.trusted && s.d >= across.0).collect();
                let far: Vec<_> = law.samples.iter().filter(|s| !s.trusted).collect();
                // The forecast joins the trusted part.
                let joined: Vec<_> = near.last().copied().into_iter().chain(far).collect();
                let rows = |samples: &[&Sample]| samples.iter().map(|s| json!([s.d, s.lo, s.hi])).collect::<Vec<_>>();
                let points = |samples: &[&Sample]| samples.iter().map(|s| [s.d, s.mid]).collect::<Vec<_>>();
                let band = |rows: Vec<Value>, colour: &str| {
                    json!({ "type": "custom", "name": name, "renderItem": "band", "data": rows, "color": colour, "clip": true,
                        "silent": true, "encode": { "x": 0, "y": [1, 2] }, "z": 1 })
                };
                drawn.push(band(rows(&near), colour));
                drawn.push(band(rows(&joined), self.theme.faint()));
                drawn.push(
                    json!({ "type": "line", "name": name, "data": points(&near), "tip": law.tip, "says": says, "showSymbol": false, "color": colour,
                    "lineStyle": { "width": 2.2, "type": if law.rough { "dashed" } else { "solid" } }, "z": 3, "triggerEvent": "line" }),
                );
                drawn.push(
                    json!({ "type": "line", "name": name, "data": points(&joined), "tip": law.tip, "says": says, "showSymbol": false,
                    "color": self.theme.faint(), "lineStyle": { "width": 1.6, "type": "dashed" }, "z": 2, "triggerEvent": "line" }),
                );
                if !law.rival.is_empty() {
                    let rival: Vec<_> = law.rival.iter().filter(|(d, _)| *d >= across.0).collect();
                    drawn.push(json!({ "type": "line", "name": name, "showSymbol": false, "color": colour, "z": 2,
                        "data": rival, "tip": [law.rival_name], "triggerEvent": "line",
                        "lineStyle": { "width": 1.4, "type": "dotted" } }));
                }
            }
            drawn.push(json!({ "type": "custom", "name": name, "renderItem": "whisker", "data": spreads(&series.dots), "color": colour,
                "silent": true, "encode": { "x": 0, "y": [1, 2] }, "z": 4 }));
            let dots = series.dots.iter().map(|dot| {
                let style = match dot.hollow {
                    true => json!({ "color": self.theme.paper(), "borderColor": colour, "borderWidth": 1.8 }),
                    false => json!({ "color": colour, "borderColor": self.theme.paper(), "borderWidth": 1 }),
                };
                json!({ "value": [dot.d, dot.loss], "id": dot.id, "tip": dot.tip, "itemStyle": style })
            });
            let mut scatter = json!({ "type": "scatter", "name": name, "data": dots.collect::<Vec<_>>(), "color": colour,
                "symbol": series.mark.symbol, "symbolSize": if self.narrow { 9 } else { 11 }, "z": 5 });
            if let Some(before) = series.before {
                scatter["markLine"] = json!({ "symbol": "none", "silent": true, "data": [{ "yAxis": before }],
                    "lineStyle": { "color": self.theme.faint(), "type": "dotted" },
                    "label": { "formatter": "before tuning", "position": "insideEndTop", "color": self.theme.faint() } });
            }
            drawn.push(scatter);
        }
        if let Some(cursor) = self.cursor {
            drawn.push(
                json!({ "type": "scatter", "name": "", "data": [], "markLine": { "symbol": "none", "silent": true,
                "data": [{ "xAxis": cursor }], "lineStyle": { "color": self.theme.ink(), "type": "solid", "width": 1 },
                "label": { "show": false } } }),
            );
        }
        drawn
    }

    /// What a screen reader says of the figure; the table beside it has the numbers.
    fn description(&self) -> String {
        let each = self.series.iter().map(|series| {
            let first = series.dots.iter().min_by(|a, b| a.d.total_cmp(&b.d));
            let last = series.dots.iter().max_by(|a, b| a.d.total_cmp(&b.d));
            match (first, last) {
                (Some(first), Some(last)) => format!(
                    "{}: {} runs, loss {:.2} at {} falling to {:.2} at {}",
                    series.name,
                    series.dots.len(),
                    first.loss,
                    first.d,
                    last.loss,
                    last.d
                ),
                _ => format!("{}: no run yet", series.name),
            }
        });
        format!("Loss against {}. {}.", self.across, each.collect::<Vec<_>>().join(". "))
    }
}

/// [amount of data, lowest loss, highest loss] where a size has more than one run.
fn spreads(dots: &[Dot]) -> Vec<Value> {
    let mut sorted: Vec<&Dot> = dots.iter().collect();
    sorted.sort_by(|a, b| a.d.total_cmp(&b.d));
    sorted
        .chunk_by(|a, b| a.d == b.d)
        .filter(|same| same.len() > 1)
        .map(|same| {
            let lo = same.iter().map(|dot| dot.loss).fold(f64::INFINITY, f64::min);
            let hi = same.iter().map(|dot| dot.loss).fold(0.0, f64::max);
            json!([same[0].d, lo, hi])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(d: f64, loss: f64) -> Dot {
        Dot { d, loss, id: String::new(), tip: vec![], hollow: false }
    }

    #[test]
    fn spread_is_drawn_only_where_there_are_seeds() {
        let dots = [dot(64.0, 2.0), dot(128.0, 1.5), dot(64.0, 2.2)];
        assert_eq!(spreads(&dots), [json!([64.0, 2.0, 2.2])]);
    }

    #[test]
    fn an_empty_plot_still_has_axes() {
        let plot =
            Plot { series: &[], across: "examples", up: "loss", theme: Theme::Light, narrow: false, cursor: None };
        let option = plot.option();
        assert!(option["xAxis"]["axisLabel"]["customValues"].as_array().is_some_and(|ticks| ticks.len() >= 5));
        assert!(option["series"].as_array().is_some_and(Vec::is_empty));
    }
}
