//! Colours and symbols. The hues are Okabe and Ito's (2008), told apart with every common colour blindness; each
//! series has a symbol of its own besides, so that colour is never alone in saying which is which.

use crate::spec::MethodKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub colour: &'static str,
    /// An ECharts symbol.
    pub symbol: &'static str,
    /// The symbol as an SVG path in a square of 12.
    pub path: &'static str,
}

/// Rows are series, columns light and dark colour, symbol and path.
const MARKS: [(&str, &str, &str, &str); 8] = [
    ("#0072b2", "#56b4e9", "circle", "M6 1a5 5 0 1 0 .01 0z"),
    ("#c84e00", "#f0893e", "triangle", "M6 1l5.4 9.6H.6z"),
    ("#00825f", "#2fc49a", "diamond", "M6 .4l5 5.6-5 5.6L1 6z"),
    ("#9b4f82", "#d692bd", "rect", "M1.4 1.4h9.2v9.2H1.4z"),
    (
        "#8a6d00",
        "#e5c542",
        "roundRect",
        "M4 1.4h4a2.6 2.6 0 0 1 2.6 2.6v4a2.6 2.6 0 0 1-2.6 2.6H4A2.6 2.6 0 0 1 1.4 8V4A2.6 2.6 0 0 1 4 1.4z",
    ),
    ("#3d4f9f", "#98a7f0", "pin", "M6 11.6L3 6.8a3.8 3.8 0 1 1 6 0z"),
    ("#5f6b76", "#aab4bd", "arrow", "M6 1l4.6 10L6 8.4 1.4 11z"),
    ("#7a3b12", "#d3a27f", "emptyCircle", "M6 1a5 5 0 1 0 .01 0zM6 3a3 3 0 1 1-.01 0z"),
];

impl Theme {
    /// The mark of series `index`, coming round after the last.
    pub fn mark(self, index: usize) -> Mark {
        let (light, dark, symbol, path) = MARKS[index % MARKS.len()];
        Mark { colour: if self == Theme::Light { light } else { dark }, symbol, path }
    }

    pub fn of_method(self, kind: MethodKind) -> Mark {
        self.mark(kind as usize)
    }

    /// A method's own mark for a group that is known to be of it, else the mark of the group's place.
    pub fn of_group(self, kind: Option<MethodKind>, index: usize) -> Mark {
        kind.map_or_else(|| self.mark(index), |kind| self.of_method(kind))
    }

    pub fn ink(self) -> &'static str {
        if self == Theme::Light { "#1f2933" } else { "#e4e9ee" }
    }

    pub fn faint(self) -> &'static str {
        if self == Theme::Light { "#5b6875" } else { "#9aa7b4" }
    }

    pub fn line(self) -> &'static str {
        if self == Theme::Light { "#e3e7eb" } else { "#2c353f" }
    }

    pub fn paper(self) -> &'static str {
        if self == Theme::Light { "#ffffff" } else { "#161b21" }
    }
}

/// What a method is called beside its mark.
pub fn method_name(kind: MethodKind) -> &'static str {
    kind.info().title
}
