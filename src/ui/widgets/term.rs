//! The field's words, explained where they stand: a term is a button that opens its explanation, by pointer, touch and
//! keyboard, as the browser's own popover. Where a browser has none, the explanations stand at the page's end.

use leptos::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    Loss,
    Nats,
    BitsPerByte,
    Exponent,
    Interval,
    Rectified,
    Aicc,
}

impl Term {
    const ALL: [Term; 7] =
        [Term::Loss, Term::Nats, Term::BitsPerByte, Term::Exponent, Term::Interval, Term::Rectified, Term::Aicc];

    /// The one of this title, where it is explained.
    pub fn titled(title: &str) -> Option<Term> {
        Term::ALL.into_iter().find(|term| term.title() == title)
    }

    fn id(self) -> &'static str {
        match self {
            Term::Loss => "term-loss",
            Term::Nats => "term-nats",
            Term::BitsPerByte => "term-bits",
            Term::Exponent => "term-exponent",
            Term::Interval => "term-interval",
            Term::Rectified => "term-rectified",
            Term::Aicc => "term-aicc",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Term::Loss => "Loss",
            Term::Nats => "Nats per token",
            Term::BitsPerByte => "Bits per byte",
            Term::Exponent => "β, the exponent",
            Term::Interval => "95% interval",
            Term::Rectified => "Rectified law",
            Term::Aicc => "AICc",
        }
    }

    fn explanation(self) -> &'static str {
        match self {
            Term::Loss => {
                "How surprised the model is by the right answer. It gives every possible next word a probability; the less it gave the one that came, the higher the loss. A model that always knew would have a loss of 0."
            }
            Term::Nats => {
                "The unit of the loss. A token is a word or a piece of one. At 0.7 nats per token the model gives the right one a chance of about 1 in 2, at 2.3 of 1 in 10, at 4.6 of 1 in 100."
            }
            Term::BitsPerByte => {
                "The same surprise, counted for each letter of the text instead of each token, so that models which cut text into different pieces can be compared. Lower is better."
            }
            Term::Exponent => {
                "How fast the loss falls with more data: the steepness of the line. At β = 0.15, twice the data takes about 10% off the loss; at β = 0.5, about 29%. At 0 more data would not help."
            }
            Term::Interval => {
                "How far the number might be off. If the whole experiment were made again and again, about 95 of 100 such ranges would hold the true value. More seeds and more sizes make it narrower."
            }
            Term::Rectified => {
                "A law for models that know something already: at first more data hardly helps, then the loss begins to fall like a power of the data. It tells the two stretches apart."
            }
            Term::Aicc => {
                "A score for choosing between laws: how well a law fits, minus a price for each number it may adjust. Lower is better; a difference below 2 decides nothing."
            }
        }
    }
}

/// A term that can be opened; `word` is how it is written here.
#[component]
pub fn Word(term: Term, #[prop(default = "")] word: &'static str) -> impl IntoView {
    let shown = if word.is_empty() { term.title() } else { word };
    view! {
        <button type="button" class="term" data-testid=term.id() popovertarget=term.id() title="What is this?">{shown}</button>
    }
}

/// The explanations, once for the page.
#[component]
pub fn Explanations() -> impl IntoView {
    let each = |term: Term| {
        view! {
            <div id=term.id() class="explained" popover="auto" role="note">
                <strong>{term.title()}</strong>
                <p>{term.explanation()}</p>
            </div>
        }
    };
    view! { <aside aria-label="Words explained">{Term::ALL.map(each)}</aside> }
}
