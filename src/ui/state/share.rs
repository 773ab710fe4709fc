//! Settings as the address's fragment and back, so that a link is an experiment. Only what differs from the
//! defaults is written; what cannot be read keeps its default and is reported, so that an old link still opens.

use super::settings::*;
use crate::hub::Host;
use crate::job::Backend;
use crate::spec::MethodKind;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::fmt::Display;
use std::str::FromStr;

fn backend_id(backend: Backend) -> &'static str {
    match backend {
        Backend::Auto => "auto",
        Backend::WebGpu => "webgpu",
        Backend::Cpu => "cpu",
    }
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

/// The fragment without `#`; empty where everything is default.
pub fn to_fragment(settings: &Settings) -> String {
    let default = Settings::default();
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut put = |changed: bool, key: &str, value: String| {
        if changed {
            pairs.push((key.to_string(), value));
        }
    };
    put(settings.view != default.view, "view", settings.view.id().into());
    put(settings.bases != default.bases, "base", list(&settings.bases));
    match &settings.data {
        DataChoice::Task(id) => put(settings.data != default.data, "task", id.clone()),
        DataChoice::Own => put(true, "data", "own".into()),
    }
    put(settings.methods != default.methods, "methods", list(settings.methods.iter().map(|&kind| kind.id())));
    put(settings.smallest != default.smallest, "from", settings.smallest.to_string());
    put(settings.largest != default.largest, "to", settings.largest.to_string());
    put(settings.seeds != default.seeds, "seeds", settings.seeds.to_string());
    for kind in MethodKind::ALL {
        for (setting, default) in settings.settings_of(kind).into_iter().zip(default.settings_of(kind)) {
            put(setting.on_page && setting != default, setting.id, setting.value);
        }
    }
    for (&kind, rate) in &settings.rates {
        put(true, &format!("lr.{}", kind.id()), rate.to_string());
    }
    put(settings.base_precision != default.base_precision, "precision", settings.base_precision.id().into());
    put(settings.max_steps.is_some(), "steps", settings.max_steps.unwrap_or(0).to_string());
    put(settings.batch_size.is_some(), "batch", settings.batch_size.unwrap_or(0).to_string());
    put(settings.sequence.is_some(), "sequence", settings.sequence.unwrap_or(0).to_string());
    put(settings.hub != default.hub, "hub", settings.hub.clone());
    put(settings.backend != default.backend, "device", backend_id(settings.backend).into());
    put(settings.horizontal != default.horizontal, "x", "tokens".into());
    put(settings.law != default.law, "law", settings.law.clone());
    put(settings.hidden != default.hidden, "hide", list(&settings.hidden));
    pairs.iter().map(|(key, value)| format!("{key}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// Settings of a fragment or query (with or without its `#` or `?`), and one sentence for each part that could
/// not be read.
pub fn from_fragment(fragment: &str) -> (Settings, Vec<String>) {
    let mut settings = Settings::default();
    let mut problems = Vec::new();
    for pair in fragment.trim_start_matches(['#', '?']).split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        if let Err(rule) = read(&mut settings, key, &value) {
            problems.push(format!("The link says {key}={value}, which this lab does not read: {rule}"));
        }
    }
    if settings.largest < settings.smallest {
        problems.push("The link's largest data size is below its smallest; both are back at their defaults.".into());
        let default = Settings::default();
        (settings.smallest, settings.largest) = (default.smallest, default.largest);
    }
    (settings, problems)
}

fn read(settings: &mut Settings, key: &str, value: &str) -> Result<(), String> {
    match key {
        "view" => {
            settings.view = View::ALL
                .into_iter()
                .find(|view| view.id() == value)
                .ok_or("the views are lab, laws, try and about.")?;
        }
        "base" => settings.bases = value.split(',').filter(|name| !name.is_empty()).map(String::from).collect(),
        "task" => settings.data = DataChoice::Task(value.to_string()),
        "data" if value == "own" => settings.data = DataChoice::Own,
        "methods" => {
            let methods =
                value.split(',').filter(|id| !id.is_empty()).map(str::parse).collect::<Result<Vec<MethodKind>, _>>();
            let mut methods = methods.map_err(|error| error.to_string())?;
            methods.sort();
            methods.dedup();
            settings.methods = methods;
        }
        "from" => settings.smallest = number(value, SMALLEST_SIZE, LARGEST_SIZE)?,
        "to" => settings.largest = number(value, SMALLEST_SIZE, LARGEST_SIZE)?,
        "seeds" => settings.seeds = number(value, 1, MOST_SEEDS)?,
        "precision" => settings.base_precision = value.parse().map_err(|_| "it is f32, f16, int8 or nf4.")?,
        "steps" => settings.max_steps = Some(number(value, 1, 100_000)?),
        "batch" => settings.batch_size = Some(number(value, 1, 512)?),
        "sequence" => settings.sequence = Some(number(value, 2, 4096)?),
        "hub" => settings.hub = Host::parse(value).map_err(|error| format!("{error}."))?.url().into(),
        "device" => {
            settings.backend = [Backend::Auto, Backend::WebGpu, Backend::Cpu]
                .into_iter()
                .find(|&backend| backend_id(backend) == value)
                .ok_or("the devices are auto, webgpu and cpu.")?;
        }
        "x" => {
            settings.horizontal = match value {
                "tokens" => Horizontal::Tokens,
                "examples" => Horizontal::Examples,
                _ => return Err("it is examples or tokens.".into()),
            };
        }
        "law" => settings.law = value.to_string(),
        "hide" => settings.hidden = value.split(',').filter(|part| !part.is_empty()).map(String::from).collect(),
        _ => return read_of_method(settings, key, value),
    }
    Ok(())
}

/// A method's learning rate, or one of its settings.
fn read_of_method(settings: &mut Settings, key: &str, value: &str) -> Result<(), String> {
    if let Some(kind) = key.strip_prefix("lr.").and_then(|id| id.parse::<MethodKind>().ok()) {
        settings.rates.insert(kind, number(value, 1e-7, 10.0)?);
        return Ok(());
    }
    for kind in MethodKind::ALL {
        if let Some(setting) = settings.settings_of(kind).iter().find(|setting| setting.on_page && setting.id == key) {
            setting.control.check(value)?;
            return settings.set_setting(kind, key, value);
        }
    }
    Err("there is no such setting.".into())
}

fn number<T: FromStr + PartialOrd + Display>(value: &str, least: T, most: T) -> Result<T, String> {
    match value.parse::<T>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(format!("it is a number from {least} to {most}.")),
    }
}

/// What has a meaning in a fragment; the rest stays readable.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'<').add(b'>').add(b'=');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn defaults_need_no_fragment() {
        assert_eq!(to_fragment(&Settings::default()), "");
        assert_eq!(from_fragment("#"), (Settings::default(), vec![]));
    }

    #[test]
    fn a_changed_experiment_survives_the_address_bar() {
        let mut settings = Settings {
            bases: vec!["tiny".into(), "small".into()],
            data: DataChoice::Own,
            methods: vec![MethodKind::Lora, MethodKind::Scratch],
            smallest: 128,
            largest: 1024,
            seeds: 5,
            max_steps: Some(40),
            batch_size: Some(4),
            sequence: Some(32),
            hub: "http://localhost:9000/mirror".into(),
            backend: Backend::Cpu,
            view: View::Laws,
            horizontal: Horizontal::Tokens,
            law: "power".into(),
            hidden: vec!["device".into(), "try".into()],
            ..Settings::default()
        };
        settings.set_setting(MethodKind::Lora, "rank", "2").unwrap();
        settings.set_setting(MethodKind::Lora, "rslora", "true").unwrap();
        settings.set_setting(MethodKind::Prompt, "init", "text:Traduis & dis = oui %41 ünï").unwrap();
        settings.rates.insert(MethodKind::Lora, 0.003);
        settings.base_precision = crate::spec::Precision::Int8;
        assert_eq!(from_fragment(&to_fragment(&settings)), (settings, vec![]));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_the_rest_holds() {
        let (settings, problems) = from_fragment("#seeds=900&rank=4&colour=red&methods=full,magic");
        assert_eq!(settings, {
            let mut s = Settings::default();
            s.set_setting(MethodKind::Lora, "rank", "4").unwrap();
            s
        });
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("seeds=900") && problems[0].contains("from 1 to 16"), "{problems:?}");
    }

    /// Links that are out in the world.
    #[test]
    fn every_setting_of_a_method_keeps_its_place_in_a_link() {
        let link =
            "rank=4&alpha=8.5&dropout=0.1&rslora=true&virtual=20&init=text:Say%20it.&lr.lora=0.002&precision=nf4";
        let (settings, problems) = from_fragment(link);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(to_fragment(&settings), link);
        let written = |kind| serde_json::to_string(&settings.method(kind).0).unwrap();
        let lora = r#"{"Lora":{"rank":4,"alpha":8.5,"dropout":0.1,"targets":["Query","Key","Value","AttentionOut","Gate","Up","Down"],"rslora":true,"base_precision":"nf4"}}"#;
        assert_eq!(written(MethodKind::Lora), lora);
        let prompt = r#"{"Prompt":{"virtual_tokens":20,"init":{"Text":"Say it."},"base_precision":"nf4"}}"#;
        assert_eq!(written(MethodKind::Prompt), prompt);
        assert_eq!(written(MethodKind::Full), r#""Full""#);
        for (pair, rule) in [
            ("rank=300", "from 1 to 256"),
            ("dropout=1", "from 0 to 0.95"),
            ("rslora=no", "true or false"),
            ("targets=up", "no such setting"),
        ] {
            let (settings, problems) = from_fragment(pair);
            assert_eq!(settings, Settings::default());
            assert!(problems[0].contains(rule), "{problems:?}");
        }
    }

    proptest! {
        #[test]
        fn any_fragment_opens(fragment in ".{0,80}") {
            let (settings, _) = from_fragment(&fragment);
            prop_assert!(settings.largest >= settings.smallest);
            prop_assert_eq!(from_fragment(&to_fragment(&settings)).0, settings);
        }

        #[test]
        fn any_text_survives(text in ".{0,40}") {
            prop_assert_eq!(decode(&encode(&text)), text);
        }
    }
}
