//! Residuals of fitted laws, in per cent of the loss, over the amount of data.

use super::axis::{doubling_ticks, log_range, log_ticks};
use super::palette::Theme;
use crate::laws::Report;
use serde_json::{Value, json};

/// Points drawn of each group, at most.
const DOTS: usize = 400;

pub fn option(report: &Report, across: &str, theme: Theme) -> Value {
    let fits = || report.groups.iter().filter_map(|group| Some((group, group.fit.as_ref()?)));
    let sizes = fits().flat_map(|(_, fit)| fit.residuals.iter().map(|residual| residual.d));
    let range = log_range(sizes, 0.05).unwrap_or((1.0, 10.0));
    let doubling = doubling_ticks(range.0, range.1, 8);
    let ticks = if doubling.len() >= 3 { doubling } else { log_ticks(range.0, range.1, 8) };
    let series: Vec<Value> = fits()
        .enumerate()
        .map(|(index, (group, fit))| {
            let mark = theme.of_name(&group.group, index);
            let data: Vec<Value> = fit
                .residuals
                .iter()
                .take(DOTS)
                .map(|residual| {
                    let percent = 100.0 * residual.log.exp_m1();
                    json!({ "value": [residual.d, percent],
                        "tip": [group.group, format!("{percent:+.2}% of the law at {}", residual.d)] })
                })
                .collect();
            json!({ "type": "scatter", "name": group.group, "data": data, "color": mark.colour, "symbol": mark.symbol,
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
