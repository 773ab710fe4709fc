//! Residuals of fitted laws, in per cent of the loss, over the amount of data.

use super::axis::{doubling_ticks, log_range, log_ticks};
use super::palette::Theme;
use crate::laws::Report;
use crate::spec::MethodKind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Points drawn of each group, at most.
const DOTS: usize = 400;

/// `kinds` says which groups are of which method.
pub fn option(report: &Report, kinds: &BTreeMap<String, MethodKind>, across: &str, theme: Theme) -> Value {
    let groups = || report.groups.iter().enumerate();
    let fits = || groups().filter_map(|(index, group)| Some((index, group, group.fit.as_ref()?)));
    let sizes = fits().flat_map(|(_, _, fit)| fit.residuals.iter().map(|residual| residual.d));
    let range = log_range(sizes, 0.05).unwrap_or((1.0, 10.0));
    let doubling = doubling_ticks(range.0, range.1, 8);
    let ticks = if doubling.len() >= 3 { doubling } else { log_ticks(range.0, range.1, 8) };
    let series: Vec<Value> = fits()
        .map(|(index, group, fit)| {
            let mark = theme.of_group(kinds.get(&group.group).copied(), index);
            let data: Vec<Value> = fit
                .residuals
                .iter()
                .take(DOTS)
                .map(|residual| {
                    let percent = 100.0 * residual.log.exp_m1();
                    json!({ "value": [residual.d, percent],
                        "tip": [group.name, format!("{percent:+.2}% of the law at {}", residual.d)] })
                })
                .collect();
            json!({ "type": "scatter", "name": group.name, "data": data, "color": mark.colour, "symbol": mark.symbol,
                "symbolSize": 8 })
        })
        .collect();
    json!({
        "animation": false,
        "textStyle": { "fontFamily": "inherit" },
        "grid": { "left": 54, "right": 14, "top": 14, "bottom": 44 },
        "tooltip": { "trigger": "item", "confine": true, "backgroundColor": theme.paper(), "borderColor": theme.line(),
            "textStyle": { "color": theme.ink() } },
        "xAxis": { "type": "log", "name": across, "nameLocation": "middle", "nameGap": 26, "min": range.0, "max": range.1,
            "nameTextStyle": { "color": theme.faint() }, "splitLine": { "show": false },
            "axisLine": { "lineStyle": { "color": theme.faint() } },
            "axisTick": { "customValues": ticks }, "axisLabel": { "customValues": ticks, "color": theme.faint() } },
        "yAxis": { "type": "value", "name": "per cent", "nameLocation": "middle", "nameGap": 36,
            "nameTextStyle": { "color": theme.faint() }, "axisLabel": { "color": theme.faint() },
            "splitLine": { "lineStyle": { "color": theme.line() } } },
        "series": series,
    })
}
