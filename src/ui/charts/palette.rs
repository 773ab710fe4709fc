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
}

/// Rows are series, columns light and dark.
const MARKS: [(&str, &str, &str); 8] = [
    ("#0072b2", "#56b4e9", "circle"),
    ("#c84e00", "#f0893e", "triangle"),
    ("#00825f", "#2fc49a", "diamond"),
    ("#9b4f82", "#d692bd", "rect"),
    ("#8a6d00", "#e5c542", "roundRect"),
    ("#3d4f9f", "#98a7f0", "pin"),
    ("#5f6b76", "#aab4bd", "arrow"),
    ("#7a3b12", "#d3a27f", "emptyCircle"),
];

impl Theme {
    /// The mark of series `index`, coming round after the last.
    pub fn mark(self, index: usize) -> Mark {
        let (light, dark, symbol) = MARKS[index % MARKS.len()];
        Mark { colour: if self == Theme::Light { light } else { dark }, symbol }
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
    match kind {
        MethodKind::Full => "Full fine-tuning",
        MethodKind::Lora => "LoRA",
        MethodKind::Prompt => "Prompt tuning",
        MethodKind::Scratch => "From scratch",
    }
}
