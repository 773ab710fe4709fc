//! The frame: header, views, footer; keeps the address and the theme in step with the state.

use super::about::About;
use super::laws::LawsView;
use super::try_it::TryIt;
use crate::ui::browser;
use crate::ui::charts::palette::Theme;
use crate::ui::lab::{Lab, use_lab};
use crate::ui::local;
use crate::ui::state::settings::View;
use crate::ui::state::share;
use crate::ui::state::{Input, Level};
use crate::ui::views::lab::controls::Controls;
use crate::ui::views::lab::device::DeviceBadge;
use crate::ui::views::lab::experiment::ExperimentPanel;
use crate::ui::views::lab::plot::{ScalingCard, Shown};
use crate::ui::views::lab::runs::Runs;
use crate::ui::views::lab::size_slider::SizeSlider;
use crate::ui::views::try_it::before_after::BeforeAfter;
use crate::ui::widgets::notices::{Banner, Notices};
use crate::ui::widgets::storage::{HalfDone, Unstored};
use crate::ui::widgets::term::Explanations;
use crate::ui::widgets::walk::Walk;
use leptos::ev;
use leptos::prelude::*;

#[component]
pub fn App() -> impl IntoView {
    let lab = Lab::open();
    provide_context(lab);
    Effect::new(move || browser::show_theme(lab.theme.get()));
    browser::on_system_theme(move || lab.theme.set(browser::theme()));
    Effect::new(move |before: Option<View>| {
        let settings = lab.settings.get();
        let turned = before.is_some_and(|before| before != settings.view) && !lab.travelled.get_value();
        lab.travelled.set_value(false);
        browser::set_fragment(&share::to_fragment(&settings), turned);
        settings.view
    });
    let resized = window_event_listener(ev::resize, move |_| {
        let narrow = browser::is_narrow();
        if narrow != lab.narrow.get_untracked() {
            lab.narrow.set(narrow);
        }
    });
    on_cleanup(move || resized.remove());
    // A link pasted into this tab changes the fragment alone; Back and Forward turn to the view that was shown there, and
    // leave the experiment as it is now.
    let moved = window_event_listener(ev::hashchange, move |_| {
        let (settings, problems) = share::from_fragment(&browser::address());
        if browser::at_own_entry() {
            lab.travelled.set_value(settings.view != lab.settings.get_untracked().view);
            return match lab.travelled.get_value() {
                true => lab.set(|now| now.view = settings.view),
                false => browser::set_fragment(&share::to_fragment(&lab.settings.get_untracked()), false),
            };
        }
        lab.set(|now| *now = settings);
        problems.into_iter().for_each(|problem| lab.send(Input::Say(Level::Warning, problem)));
    });
    on_cleanup(move || moved.remove());
    let view = Memo::new(move |_| lab.settings.with(|settings| settings.view));
    view! {
        <a class="skip" href="#stage">"Skip to the plot"</a>
        <Header view />
        <Notices />
        <main id="stage" tabindex="-1">
            <Unstored />
            {move || match view.get() {
                View::Lab => view! { <LabView /> }.into_any(),
                View::Laws => view! { <LawsView /> }.into_any(),
                View::Try => view! { <TryIt /> }.into_any(),
                View::About => view! { <About /> }.into_any(),
            }}
        </main>
        <Explanations />
    }
}

#[component]
fn Header(view: Memo<View>) -> impl IntoView {
    let lab = use_lab();
    let shows = move |part: &'static str| lab.settings.with(|settings| settings.shows(part));
    let share_link = move |_| {
        browser::copy(&browser::window().location().href().unwrap_or_default());
        lab.send(Input::Say(Level::Information, "The link to this experiment is in the clipboard.".into()));
    };
    let turn = move |_| {
        let theme = if lab.theme.get_untracked() == Theme::Dark { Theme::Light } else { Theme::Dark };
        local::keep_theme(if theme == Theme::Dark { "dark" } else { "light" });
        lab.theme.set(theme);
    };
    let theme_label = move || if lab.theme.get() == Theme::Dark { "Light appearance" } else { "Dark appearance" };
    view! {
        <header class="top">
            <div class="brand">
                <svg viewBox="0 0 32 32" aria-hidden="true">
                    <path d="M5 7c4 10 11 14 22 16" />
                    <circle cx="7.5" cy="11.5" r="2.6" />
                    <circle cx="14" cy="18.5" r="2.6" />
                    <circle cx="23" cy="22.5" r="2.6" />
                </svg>
                <strong>"Tunelab"</strong>
            </div>
            <nav aria-label="Views">
                {View::ALL
                    .into_iter()
                    .filter(|each| *each == View::Lab || shows(each.id()))
                    .map(|each| {
                        view! {
                            <button
                                type="button"
                                class="tab"
                                data-testid=format!("view-{}", each.id())
                                aria-current=move || (view.get() == each).then_some("page")
                                on:click=move |_| lab.set(|settings| settings.view = each)
                            >
                                {each.title()}
                            </button>
                        }
                    })
                    .collect_view()}
            </nav>
            <div class="tools">
                <Show when=move || shows("device")>
                    <DeviceBadge />
                </Show>
                <Show when=move || shows("share")>
                    <button type="button" class="plain" data-testid="share" on:click=share_link>"Copy link"</button>
                </Show>
                <button
                    type="button"
                    class="plain icon"
                    data-testid="theme"
                    aria-label=theme_label
                    title=theme_label
                    on:click=turn
                >
                    {move || if lab.theme.get() == Theme::Dark { "☀" } else { "☾" }}
                </button>
            </div>
        </header>
    }
}

#[component]
fn LabView() -> impl IntoView {
    let lab = use_lab();
    let shows = move |part: &'static str| lab.settings.with(|settings| settings.shows(part));
    let shown = Shown::new(lab);
    view! {
        <div class="lab" class:alone=move || !shows("experiment")>
            <aside class="side">
                <Controls />
                <Show when=move || shows("experiment")>
                    <ExperimentPanel />
                </Show>
            </aside>
            <section class="stage" aria-label="Results">
                <Walk />
                <HalfDone />
                <Banner />
                <ScalingCard shown />
                <Show when=move || shows("slider")>
                    <SizeSlider shown />
                </Show>
                <Show when=move || shows("runs")>
                    <Runs />
                </Show>
                <Show when=move || shows("compare")>
                    <BeforeAfter />
                </Show>
            </section>
        </div>
    }
}
