//! The loss curve of one run: training loss by step and the dev split's.

use super::palette::{Mark, Theme};
use serde_json::{Value, json};

/// `training` is (step, nats per token), `dev` too; `of` is the run's planned number of steps.
pub fn option(training: &[(usize, f64)], dev: &[(usize, f64)], of: usize, mark: Mark, theme: Theme) -> Value {
    let says = ["step {0}", "{1} nats per token"];
    let axis = |name: &str| {
        json!({
            "type": "value", "name": name, "nameLocation": "middle", "scale": true,
            "nameTextStyle": { "color": theme.faint() }, "axisLabel": { "color": theme.faint() },
            "axisLine": { "lineStyle": { "color": theme.line() } },
            "splitLine": { "lineStyle": { "color": theme.line() } },
        })
    };
    let mut across = axis("step");
    across["nameGap"] = json!(24);
    across["min"] = json!(0);
    across["max"] = json!(of.max(1));
    across["splitLine"] = json!({ "show": false });
    let mut up = axis("nats per token");
    up["nameGap"] = json!(38);
    json!({
        "animation": false,
        "textStyle": { "fontFamily": "inherit" },
        "grid": { "left": 54, "right": 12, "top": 26, "bottom": 40 },
        "legend": { "top": 0, "right": 0, "itemHeight": 8, "textStyle": { "color": theme.ink() } },
        "tooltip": { "trigger": "item", "confine": true },
        "xAxis": across, "yAxis": up,
        "series": [
            { "type": "line", "name": "training", "data": training, "says": says, "showSymbol": false, "color": mark.colour,
              "lineStyle": { "width": 1.2, "opacity": 0.6 }, "triggerEvent": "line" },
            { "type": "line", "name": "held out (dev)", "data": dev, "says": says, "symbol": mark.symbol, "symbolSize": 7,
              "color": mark.colour, "lineStyle": { "width": 2 } },
        ],
    })
}
