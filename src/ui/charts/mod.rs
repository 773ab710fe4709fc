//! Charts: what to draw is built here as plain ECharts options (JSON), drawn by ECharts through the
//! four functions of `www/charts/charts.js`.

pub mod axis;
pub mod curve;
pub mod palette;
pub mod residuals;
pub mod scaling;
pub mod sparkline;

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Shows an option (JSON) in an element; again with another option to redraw.
    #[wasm_bindgen(js_namespace = TunelabCharts)]
    pub fn draw(element: &web_sys::Element, option: &str);

    /// Calls back with the id of an item that was clicked.
    #[wasm_bindgen(js_namespace = TunelabCharts, js_name = onPick)]
    pub fn on_pick(element: &web_sys::Element, callback: &js_sys::Function);

    /// Zoom back to everything.
    #[wasm_bindgen(js_namespace = TunelabCharts, js_name = resetZoom)]
    pub fn reset_zoom(element: &web_sys::Element);

    /// The figure as a data URL; `kind` is "png" or "svg".
    #[wasm_bindgen(js_namespace = TunelabCharts)]
    pub fn image(element: &web_sys::Element, kind: &str, background: &str) -> String;

    #[wasm_bindgen(js_namespace = TunelabCharts)]
    pub fn dispose(element: &web_sys::Element);
}
