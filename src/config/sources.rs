//! Sources of settings: the file, the environment, flags; merged by figment.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use figment::providers::{Data, Format};
use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider, Source};
use serde::de::{DeserializeOwned, Error as _};
use serde_saphyr::UserMessageFormatter;

use super::mistakes::{Mistake, Mistakes, ValueOrigin};
use super::quotes;

/// Prefix of our environment variables.
///
/// It ends in two underscores because Kubernetes injects variables such as
/// `BARMAN_CLOUD_EXPORTER_PORT` into every pod next to a service of that name.
pub const ENVIRONMENT_PREFIX: &str = "BARMAN_CLOUD_EXPORTER__";

/// A flag of the command line that overrides a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The flag with its dashes, as mistakes name it.
    pub name: &'static str,
    /// The setting, as in `web.listenAddress`.
    pub key: &'static str,
    /// The value, as given.
    pub value: String,
}

/// All settings with their origins.
pub(super) struct Merged {
    pub(super) value: Value,
    figment: Figment,
    /// Origin that is named for settings that are missing everywhere.
    origin: ValueOrigin,
}

impl Merged {
    /// Returns the origin of a value with this tag.
    pub(super) fn origin(&self, tag: Tag) -> ValueOrigin {
        self.figment
            .get_metadata(tag)
            .map_or_else(|| self.origin.clone(), origin)
    }
}

const FLAG: &str = "flag";

fn origin(metadata: &Metadata) -> ValueOrigin {
    match &metadata.source {
        Some(Source::File(path)) => ValueOrigin::File(path.clone()),
        Some(Source::Custom(name)) if metadata.name == FLAG => ValueOrigin::Flag(name.clone()),
        Some(Source::Custom(name)) => ValueOrigin::Environment(name.clone()),
        _ => ValueOrigin::Unknown,
    }
}

/// Merges all sources, later ones over earlier ones.
pub(super) fn merge(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &[Flag],
) -> Result<Merged, Mistakes> {
    let mut figment = Figment::new();
    if let Some(path) = file {
        figment = figment.merge(Data::<Yaml>::file_exact(path));
    }
    for variable in variables(environment)? {
        figment = figment.merge(variable);
    }
    for flag in flags {
        figment = figment.merge(flag.clone());
    }
    let origin = file.map_or(ValueOrigin::Unknown, |path| {
        ValueOrigin::File(path.to_owned())
    });
    match figment.find_value("") {
        Ok(value) => Ok(Merged {
            value,
            figment,
            origin,
        }),
        Err(error) => Err(unreadable(&error).into()),
    }
}

/// Returns a mistake for a file that cannot be read. The text of figment's error names the place.
fn unreadable(error: &figment::Error) -> Mistake {
    Mistake {
        key: String::new(),
        message: error.kind.to_string(),
        origin: error.metadata.as_ref().map_or(ValueOrigin::Unknown, origin),
    }
}

/// YAML 1.2, for figment: a key that comes twice is an error, depth is limited.
struct Yaml;

impl Format for Yaml {
    type Error = serde_saphyr::Error;

    const NAME: &'static str = "YAML";

    fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Self::Error> {
        if is_empty(text) {
            return serde_saphyr::from_str("{}");
        }
        serde_saphyr::from_str_with_options(
            text,
            serde_saphyr::options! {
                // A snippet of the file might show a secret.
                with_snippet: false,
                budget: serde_saphyr::budget! { max_depth: 32 },
            },
        )
        .map_err(|error| Self::Error::custom(in_words(&error, text)))
    }
}

/// Returns what is wrong with a text, with the remedy if it is known.
fn in_words(error: &serde_saphyr::Error, text: &str) -> String {
    let said = error.render_with_formatter(&UserMessageFormatter);
    let place = error.location();
    let hint =
        place.and_then(|place| quotes::missing_quotes_hint(text, place.line(), place.column()));
    hint.map_or_else(|| said.clone(), |hint| format!("{hint} ({said})"))
}

/// Returns true if a file contains no setting, as one in which everything is commented out.
fn is_empty(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#'))
}

/// Environment variable with a setting. Each is a provider of its own, so that mistakes can name it.
struct Variable {
    name: String,
    value: Value,
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::from("environment variable", Source::Custom(self.name.clone()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let name = self
            .name
            .strip_prefix(ENVIRONMENT_PREFIX)
            .unwrap_or(&self.name);
        let keys: Vec<String> = name.split("__").map(camel_case).collect();
        Ok(Profile::Default.collect(nested(&keys, self.value.clone())))
    }
}

impl Provider for Flag {
    fn metadata(&self) -> Metadata {
        Metadata::from(FLAG, Source::Custom(self.name.to_owned()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let keys: Vec<String> = self.key.split('.').map(str::to_owned).collect();
        Ok(Profile::Default.collect(nested(&keys, Value::from(self.value.clone()))))
    }
}

fn variables(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<Variable>, Mistakes> {
    let mut variables = Vec::new();
    let mut mistakes = Vec::new();
    for (name, value) in environment {
        match variable(&name, &value) {
            Some(Ok(variable)) => variables.push(variable),
            Some(Err(mistake)) => mistakes.push(mistake),
            None => {}
        }
    }
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    Mistakes::from_list(mistakes).map_or(Ok(variables), Err)
}

/// Returns the variable, if it is one of ours.
fn variable(name: &OsStr, value: &OsStr) -> Option<Result<Variable, Mistake>> {
    let name = name.to_string_lossy();
    name.strip_prefix(ENVIRONMENT_PREFIX)?;
    let name = name.into_owned();
    let Some(value) = value.to_str() else {
        let origin = ValueOrigin::Environment(name.clone());
        let message = "the value is not UTF-8; write it in UTF-8".to_owned();
        return Some(Err(Mistake {
            key: name,
            message,
            origin,
        }));
    };
    Some(Ok(Variable {
        name,
        value: variable_value(value),
    }))
}

/// Reads the value of a variable: YAML in brackets or braces, as for `archives`; otherwise a text.
fn variable_value(text: &str) -> Value {
    let as_text = || Value::from(text.to_owned());
    if !text.trim_start().starts_with(['[', '{']) {
        return as_text();
    }
    Yaml::from_str(text).unwrap_or_else(|_| as_text())
}

/// Converts `LISTEN_ADDRESS` to `listenAddress`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_').map(str::to_ascii_lowercase);
    let mut key = words.next().unwrap_or_default();
    for word in words {
        let mut letters = word.chars();
        key.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        key.extend(letters);
    }
    key
}

fn nested(keys: &[String], value: Value) -> Dict {
    let Some((first, rest)) = keys.split_first() else {
        return Dict::new();
    };
    let value = if rest.is_empty() {
        value
    } else {
        Value::from(nested(rest, value))
    };
    Dict::from([(first.clone(), value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_variables_become_keys() {
        assert_eq!(camel_case("WEB"), "web");
        assert_eq!(camel_case("LISTEN_ADDRESS"), "listenAddress");
        assert_eq!(camel_case("MAX_RUNNING_TIME"), "maxRunningTime");
    }
}
