//! Each law in two plain sentences, with its formula and its paper.

use super::formula::Formula;
use crate::laws::Law;
use leptos::prelude::*;

#[component]
pub fn Explanations() -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="explain-title">
            <h2 id="explain-title">"The laws"</h2>
            <div class="tiles">
                {Law::ALL
                    .into_iter()
                    .map(|law| {
                        let info = law.card();
                        view! {
                            <div class="tile">
                                <h3>{info.title}</h3>
                                <p><Formula text=info.formula /></p>
                                <p>{info.explanation}</p>
                                <p class="quiet"><a href=info.url rel="noreferrer">{info.citation}</a></p>
                            </div>
                        }
                    })
                    .collect_view()}
            </div>
            <details class="more">
                <summary>"How the fits are made"</summary>
                <p>
                    "A point is one finished run with its own decayed learning rate. Each law is fitted by minimising the sum of
                    Huber losses (δ = 0.001) on log residuals, as the papers do. The form is chosen by leaving the largest
                    sizes out and predicting them; AICc decides where that cannot. Intervals and bands come from refits to noise like that which was seen, shared
                    among all laws that the points leave open; choose a law to see its own, narrower ones. A forecast is trusted up to four times the largest size."
                </p>
            </details>
        </section>
    }
}
