//! What the visitor types: a model's address, `owner/name` or `owner/name@revision`, and the hub's own.

use std::fmt;

/// The hub that is asked where the visitor names no other.
pub const PUBLIC: &str = "https://huggingface.co";

/// Longest name of an owner, a model or a revision; what hubs allow is shorter.
const LONGEST: usize = 128;

/// A model on a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `owner/name`
    pub model: String,
    /// A branch, tag or commit; the hub's `main` where none is named.
    pub revision: Option<String>,
}

/// A hub: scheme, host and, where a mirror lies in a folder, its path, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(String);

/// Why an address names no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("“{0}” is not a model’s address: write owner/name, such as EleutherAI/pythia-14m, or owner/name@revision")]
    Model(String),
    #[error("“{0}” is not a revision: write a branch, tag or commit, such as main or step1000")]
    Revision(String),
    #[error("“{0}” is not a hub’s address: write https:// and its host, such as {PUBLIC}")]
    Host(String),
}

impl Address {
    /// Reads `owner/name`, `owner/name@revision`, or the address of a model's page on `host`.
    pub fn parse(text: &str, host: &Host) -> Result<Address, AddressError> {
        let text = text.trim();
        let wrong = || AddressError::Model(text.into());
        let path = text.strip_prefix(host.0.as_str()).map_or(text, |path| path.trim_start_matches('/'));
        let path = path.trim_end_matches('/');
        let (model, revision) = match path.split_once('@').or_else(|| path.split_once("/tree/")) {
            Some((model, revision)) => (model, Some(revision)),
            None => (path, None),
        };
        let (owner, name) = model.split_once('/').ok_or_else(wrong)?;
        if !is_name(owner) || !is_name(name) {
            return Err(wrong());
        }
        if let Some(revision) = revision.filter(|revision| !revision.split('/').all(is_name)) {
            return Err(AddressError::Revision(revision.into()));
        }
        Ok(Address { model: model.into(), revision: revision.map(String::from) })
    }
}

/// As it is typed, and as the model is called on the shelf.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.revision {
            Some(revision) => write!(f, "{}@{revision}", self.model),
            None => f.write_str(&self.model),
        }
    }
}

/// Letters, digits, `-`, `_` and `.`, and no path trick.
fn is_name(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !name.starts_with(['.', '-'])
        && !name.contains("..")
}

impl Host {
    /// Reads a host's address, with its scheme.
    pub fn parse(text: &str) -> Result<Host, AddressError> {
        let trimmed = text.trim().trim_end_matches('/');
        let wrong = || AddressError::Host(text.trim().into());
        let rest = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://")).ok_or_else(wrong)?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = host.rsplit_once(':').unwrap_or((host, "443"));
        let plain = is_name(host) && port.parse::<u16>().is_ok() && (path.is_empty() || path.split('/').all(is_name));
        if plain { Ok(Host(trimmed.into())) } else { Err(wrong()) }
    }

    /// With its scheme, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.0
    }

    /// Where `file` of a model lies; `revision` may hold slashes, which the hub wants escaped.
    pub fn file(&self, address: &Address, revision: &str, file: &str) -> String {
        format!("{}/{}/resolve/{}/{file}", self.0, address.model, revision.replace('/', "%2F"))
    }
}

/// Without its scheme, as people say it.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.split_once("://").map_or(&self.0, |(_, host)| host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<String, String> {
        let host = Host::parse(PUBLIC).unwrap();
        Address::parse(text, &host).map(|address| address.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_as_people_write_them() {
        for (text, said) in [
            ("EleutherAI/pythia-14m", "EleutherAI/pythia-14m"),
            (" HuggingFaceTB/SmolLM2-135M \n", "HuggingFaceTB/SmolLM2-135M"),
            ("EleutherAI/pythia-14m@step1000", "EleutherAI/pythia-14m@step1000"),
            ("a/b@refs/pr/1", "a/b@refs/pr/1"),
            ("https://huggingface.co/roneneldan/TinyStories-1M/", "roneneldan/TinyStories-1M"),
            ("https://huggingface.co/a/b/tree/v1.0", "a/b@v1.0"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(said));
        }
    }

    #[test]
    fn what_is_no_address_is_said() {
        for text in [
            "",
            "gpt2",
            "a/b/c",
            "../etc",
            "a/..",
            "a/b c",
            ".a/b",
            "https://elsewhere.org/a/b",
            "a/b?x=1",
            "ä/b",
            "a//b",
        ] {
            assert!(parse(text).unwrap_err().contains("owner/name"), "{text}");
        }
        for text in ["a/b@", "a/b@x y", "a/b@../main", "a/b@refs//1", "a/b@x@y"] {
            assert!(parse(text).unwrap_err().contains("revision"), "{text}");
        }
    }

    #[test]
    fn hubs_are_hosts_and_give_their_files_addresses() {
        let address = Address { model: "a/b".into(), revision: None };
        for (text, file) in [
            (PUBLIC, "https://huggingface.co/a/b/resolve/refs%2Fpr%2F1/config.json"),
            ("http://localhost:8081/", "http://localhost:8081/a/b/resolve/refs%2Fpr%2F1/config.json"),
            ("https://school.example/mirror", "https://school.example/mirror/a/b/resolve/refs%2Fpr%2F1/config.json"),
        ] {
            assert_eq!(Host::parse(text).unwrap().file(&address, "refs/pr/1", "config.json"), file);
        }
        for text in
            ["", "huggingface.co", "ftp://a", "https://", "https://a b", "https://me@host", "https://a?b", "http://a:x"]
        {
            assert!(Host::parse(text).unwrap_err().to_string().contains("hub"), "{text}");
        }
    }

    proptest! {
        /// Whatever is accepted stays within the model's folder of the hub.
        #[test]
        fn no_text_leads_elsewhere(text in "[a-zA-Z0-9/@._%: -]{0,24}") {
            let host = Host::parse(PUBLIC).unwrap();
            if let Ok(address) = Address::parse(&text, &host) {
                let url = host.file(&address, address.revision.as_deref().unwrap_or("main"), "config.json");
                let folder = format!("{PUBLIC}/{}/resolve/", address.model);
                prop_assert!(url.starts_with(&folder));
                prop_assert!(!url.contains("..") && address.model.split('/').count() == 2);
            }
        }
    }
}
