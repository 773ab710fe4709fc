//! What the lab is, how to use it in a class, and whose work it stands on.

use crate::spec::MethodKind;
use crate::ui::widgets::offline::OfflineState;
use crate::ui::widgets::storage::{GiveBack, SaveRuns};
use crate::ui::widgets::walk::WalkAgain;
use leptos::prelude::*;

/// Papers named on the page besides the methods' own: what for, and where.
const PAPERS: [(&str, &str, &str); 6] = [
    ("Scaling laws of language models", "Kaplan et al. 2020", "https://arxiv.org/abs/2001.08361"),
    ("The law of transfer", "Hernandez et al. 2021", "https://arxiv.org/abs/2102.01293"),
    ("Data, model size and tuning method", "Zhang et al. 2024", "https://arxiv.org/abs/2402.17193"),
    ("The rectified law", "Lin et al. 2024", "https://arxiv.org/abs/2402.02314"),
    ("Compute-optimal training", "Hoffmann et al. 2022", "https://arxiv.org/abs/2203.15556"),
    ("Repeated data", "Muennighoff et al. 2023", "https://arxiv.org/abs/2305.16264"),
];

fn papers() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let of = |kind: MethodKind| {
        let info = kind.info();
        info.citation.map(|citation| (info.title, citation.authors, citation.address))
    };
    MethodKind::ALL.into_iter().filter_map(of).chain(PAPERS)
}

#[component]
pub fn About() -> impl IntoView {
    view! {
        <article class="page prose">
            <h1>"About this lab"</h1>
            <p>
                "Tunelab fine-tunes small language models in this browser tab and fits the laws by which their loss falls as
                data grow. You choose a base model, a task and some methods; the lab trains a model for every data size and
                seed, and draws what it finds while it finds it."
            </p>
            <p><WalkAgain /></p>
            <h2>"What stays with you"</h2>
            <p>
                "Everything. Models, data and results never leave this machine; once the page is loaded it asks the network
                for nothing that you did not ask for. Finished runs are kept in the browser’s storage."
            </p>
            <OfflineState />
            <p class="quiet">"What lies in it beside results, and can be removed:"</p>
            <GiveBack />
            <SaveRuns />
            <h2>"In a class"</h2>
            <p>
                "The address holds every setting: “Copy link” gives an experiment to others. Parts can be taken away with "
                <code>"hide="</code> " in the address, for example " <code>"#hide=laws,device,slider"</code>
                ". The parts are device, share, laws, try, about, experiment, slider, runs and compare."
            </p>
            <h2>"Whose work it stands on"</h2>
            <ul>
                {papers()
                    .map(|(what, who, url)| {
                        view! { <li>{what} ": " <a href=url rel="noreferrer">{who}</a></li> }
                    })
                    .collect_view()}
            </ul>
            <p class="quiet">
                "Built with burn, Leptos, Apache ECharts, Pico CSS and "
                <a href="third-party.txt">"what they stand on"</a> ". Version " {env!("CARGO_PKG_VERSION")} "."
            </p>
        </article>
    }
}
