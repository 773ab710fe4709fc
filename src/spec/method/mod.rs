//! How a model is tuned. The methods are a closed set: each is one file here with its settings and what it says of
//! itself ([`TuningMethod`]), one in `engine::adapt` that trains it, and a line in the list below.

mod full;
mod info;
mod lora;
mod prompt;
mod scratch;

pub use full::Full;
pub use info::{Citation, CliOption, Control, MethodInfo, MethodResult, Setting, TextOption, TuningMethod};
pub use lora::{Lora, Target};
pub use prompt::{Prompt, PromptInit};
pub use scratch::Scratch;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Declares [`Method`] and [`MethodKind`] from the list of methods. One without settings is a plain name in specs.
macro_rules! methods {
    ($($variant:ident $(($settings:ident: $type:ty))?,)+) => {
        /// What is trained, and how.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Method {
            $($variant $(($type))?,)+
        }

        /// A method without its settings: the key for colours, names and defaults.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum MethodKind {
            $($variant,)+
        }

        impl Method {
            /// Which method it is, whatever its settings.
            pub fn kind(&self) -> MethodKind {
                match self {
                    $(Method::$variant { .. } => MethodKind::$variant,)+
                }
            }

            /// What it says of itself.
            pub fn tuning(&self) -> &dyn TuningMethod {
                match self {
                    $(Method::$variant $(($settings))? => methods!(@tuning $variant $($settings)?),)+
                }
            }

            /// To change its settings; none where it has none.
            pub fn tuning_mut(&mut self) -> Option<&mut dyn TuningMethod> {
                match self {
                    $(Method::$variant $(($settings))? => methods!(@settings $($settings)?),)+
                }
            }
        }

        impl MethodKind {
            /// All of them, in the order they are shown.
            pub const ALL: [MethodKind; [$(MethodKind::$variant),+].len()] = [$(MethodKind::$variant),+];

            /// The method with its default settings.
            pub fn method(self) -> Method {
                match self {
                    $(MethodKind::$variant => Method::$variant $((<$type>::default()))?,)+
                }
            }
        }
    };
    (@tuning $variant:ident) => { &$variant };
    (@tuning $variant:ident $settings:ident) => { $settings };
    (@settings) => { None };
    (@settings $settings:ident) => { Some($settings) };
}

methods! {
    Full,
    Lora(lora: Lora),
    Prompt(prompt: Prompt),
    Scratch,
}

/// A name that is no method's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no method is called {0}: the methods are {list}.", list = ids())]
pub struct NoMethod(String);

/// Reads [`MethodKind::id`].
impl FromStr for MethodKind {
    type Err = NoMethod;

    fn from_str(id: &str) -> Result<Self, NoMethod> {
        MethodKind::ALL.into_iter().find(|kind| kind.id() == id).ok_or_else(|| NoMethod(id.into()))
    }
}

/// Their ids as a list in a sentence.
fn ids() -> String {
    let ids = MethodKind::ALL.map(MethodKind::id);
    format!("{} and {}", ids[..ids.len() - 1].join(", "), ids[ids.len() - 1])
}

impl fmt::Display for MethodKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().name)
    }
}

impl From<MethodKind> for Method {
    fn from(kind: MethodKind) -> Self {
        kind.method()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Precision;

    #[test]
    fn a_spec_in_f32_reads_and_writes_as_before_there_was_a_choice() {
        let before = r#"{"Prompt":{"virtual_tokens":16,"init":"Vocabulary"}}"#;
        let method: Method = serde_json::from_str(before).unwrap();
        assert_eq!(method, MethodKind::Prompt.method());
        assert_eq!(serde_json::to_string(&method).unwrap(), before);
        assert!(!serde_json::to_string(&MethodKind::Lora.method()).unwrap().contains("precision"));
        let low = method.on(Precision::Nf4).unwrap();
        let written = serde_json::to_string(&low).unwrap();
        assert!(written.contains(r#""base_precision":"nf4""#), "{written}");
        assert_eq!(serde_json::from_str::<Method>(&written).unwrap(), low);
    }

    #[test]
    fn what_trains_every_weight_needs_every_bit() {
        for kind in [MethodKind::Full, MethodKind::Scratch] {
            let error = kind.method().on(Precision::Int8).unwrap_err().to_string();
            assert!(error.contains("int8") && error.contains("LoRA"), "{error}");
            assert_eq!(kind.method().on(Precision::F32), Ok(kind.method()));
        }
    }
}
