//! The options of the methods' settings, made from what each method says of itself.

use crate::spec::{Control, Method, MethodKind, Setting};
use anyhow::{Result, anyhow};
use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};

/// The settings that were given, by method and id.
#[derive(Clone, Debug, Default)]
pub struct MethodSettings(Vec<(MethodKind, Setting)>);

fn all() -> impl Iterator<Item = (MethodKind, Setting)> {
    MethodKind::ALL
        .into_iter()
        .flat_map(|kind| kind.method().tuning().settings().into_iter().map(move |setting| (kind, setting)))
}

impl MethodSettings {
    /// The method with the settings given for it.
    pub fn apply(&self, kind: MethodKind) -> Result<Method> {
        let mut method = kind.method();
        let Some(tuning) = method.tuning_mut() else { return Ok(method) };
        let given = || self.0.iter().filter(|(of, _)| *of == kind).map(|(_, setting)| setting);
        for Setting { id, option, value, .. } in given() {
            tuning.set(id, value).map_err(|rule| anyhow!("--{} is {value}: {rule}", option.name))?;
        }
        tuning.complete(&|id| given().any(|setting| setting.id == id));
        Ok(method)
    }
}

impl clap::Args for MethodSettings {
    fn augment_args(command: Command) -> Command {
        command.args(all().map(|(_, Setting { option, control, value, .. })| {
            let default = option.shows_default.then(|| format!("[default: {value}]"));
            let help: Vec<String> = option.help.map(String::from).into_iter().chain(default).collect();
            let arg = Arg::new(option.name).long(option.name).help(help.join(" "));
            match control {
                Control::Flag { .. } => arg.action(ArgAction::SetTrue),
                Control::List { options } => arg
                    .value_name(option.value)
                    .value_delimiter(',')
                    .value_parser(PossibleValuesParser::new(options.iter().copied())),
                Control::Choice { .. } | Control::Number { .. } => arg.value_name(option.value),
            }
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for MethodSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = all().filter_map(|(kind, setting)| {
            let name = setting.option.name;
            if matches.value_source(name) != Some(ValueSource::CommandLine) {
                return None;
            }
            let value = match setting.control {
                Control::Flag { .. } => matches.get_flag(name).to_string(),
                _ => matches.get_many::<String>(name)?.map(String::as_str).collect::<Vec<_>>().join(","),
            };
            let value = format!("{}{value}", setting.option.prefix);
            Some((kind, Setting { value, ..setting }))
        });
        Ok(MethodSettings(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
