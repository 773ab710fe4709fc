//! What the worker says to the page, warnings and panics included: on the GPU errors are silent otherwise.

use crate::job::{Event, JobEvent, JobId, LogLevel, Output, Progress};
use crate::platform::browser::wire;
use log::{Level, LevelFilter, Log, Metadata, Record};
use wasm_bindgen::JsCast;
use web_sys::DedicatedWorkerGlobalScope;

/// Sends an event. What cannot be sent (the page is gone) is lost with the page.
pub fn post(event: &Event) {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    match wire::write_event(event) {
        Ok(message) => drop(scope.post_message(&message)),
        Err(error) => web_sys::console::error_1(&error.to_string().into()),
    }
}

pub fn say(id: JobId, event: JobEvent) {
    post(&Event::Job(id, event));
}

pub fn progress(id: JobId, progress: Progress) {
    say(id, JobEvent::Progress(progress));
}

/// A job's last word.
pub fn finish(id: JobId, result: Result<Output, impl ToString>) {
    say(id, result.map_or_else(|error| JobEvent::Failed(error.to_string()), JobEvent::Done));
}

struct ToPage;

impl Log for ToPage {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record) {
        if self.enabled(record.metadata()) {
            let level = if record.level() == Level::Error { LogLevel::Error } else { LogLevel::Warning };
            post(&Event::Log { level, text: format!("{}: {}", record.target(), record.args()) });
        }
    }

    fn flush(&self) {}
}

/// From here on the page hears warnings, errors and panics.
pub fn report_to_page() {
    // A second start of the same worker finds its logger in place.
    if log::set_logger(&ToPage).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        post(&Event::Log { level: LogLevel::Panic, text: info.to_string() });
    }));
}
