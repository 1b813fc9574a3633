//! Layered configuration: the defaults, then a file, the environment, and the command line.
//!
//! The defaults are a commented TOML file compiled into the program, so the reference of all settings is the file that
//! is in force. Every error names the key, where its value came from, and what would be right.

mod duration;
mod problems;
mod secret;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use figment::{
    Figment, Metadata, Profile, Provider,
    error::{Actual, Kind, OneOf},
    value::{Dict, Map, Value},
};
use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    duration::{DurationError, HumanDuration},
    problems::Problems,
    secret::Secret,
};

/// Why a configuration was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("the configuration file {} can't be read: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        problem: String,
    },
    /// A layer is not valid TOML.
    #[error("{origin}, line {line}: {problem}")]
    Syntax {
        /// The layer.
        origin: String,
        /// The line in the layer.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A variable is not Unicode.
    #[error("the environment variable {0} is not Unicode text")]
    NotUnicode(String),
    /// Two variables, or a variable and its section, set the same key.
    #[error(
        "{origin}: {key} is both a value and a section in the environment; unset one of the two"
    )]
    Ambiguous {
        /// The later of the two variables.
        origin: String,
        /// The key.
        key: String,
    },
    /// A key does not exist.
    #[error("{origin}: there is no setting {key}; {hint}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it is set.
        origin: String,
        /// The keys that exist there.
        hint: String,
    },
    /// A value can't be used.
    #[error("{origin}: {key}: {problem}")]
    BadValue {
        /// The key.
        key: String,
        /// Where it is set.
        origin: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A key without a default is not set.
    #[error(
        "{key} is not set; set it in the configuration file, by {variable} or on the command line"
    )]
    Missing {
        /// The key.
        key: String,
        /// The environment variable that sets it.
        variable: String,
    },
    /// The configuration can't be shown.
    #[error("the configuration can't be written as TOML: {0}")]
    Render(String),
}

/// Reads the configuration of this process. Each layer overrides those before it: `defaults_toml`, the file, every
/// environment variable that begins with `env_prefix`, and `overrides` (in which `None` sets nothing).
///
/// A variable's name is the prefix and the key in capitals, with a double underscore for each dot:
/// `CARREL_SESSION__HEARTBEAT` is `session.heartbeat`. Its value is converted to the type of the setting; a list is
/// written as in TOML: `["a", "b"]`.
///
/// Every struct within `T` must be marked `#[serde(deny_unknown_fields)]`, so that a misspelt key is an error.
///
/// # Errors
///
/// If a layer can't be read, sets a key that does not exist, or leaves the whole with a missing or unusable value.
pub fn load<T: DeserializeOwned>(
    defaults_toml: &str,
    file: Option<&Path>,
    env_prefix: &str,
    overrides: impl Serialize,
) -> Result<T, ConfigError> {
    load_with(
        defaults_toml,
        file,
        env_prefix,
        std::env::vars_os(),
        overrides,
    )
}

/// [`load`] with a given environment.
///
/// # Errors
///
/// As [`load`].
pub fn load_with<T: DeserializeOwned>(
    defaults_toml: &str,
    file: Option<&Path>,
    env_prefix: &str,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    overrides: impl Serialize,
) -> Result<T, ConfigError> {
    let mut layers = Figment::new().merge(Layer::toml("the defaults", defaults_toml)?);
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::File {
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
        layers = layers.merge(Layer::toml(&path.display().to_string(), &text)?);
    }
    for layer in environment_layers(env_prefix, environment)? {
        layers = layers.merge(layer);
    }
    layers
        .merge(Layer::overrides(overrides)?)
        // Lossy means that a text is read as a number or a boolean where the setting is one, which is how environment
        // variables arrive.
        .extract_lossy()
        .map_err(|error| explain(error, env_prefix))
}

/// Shows a configuration as TOML. Every [`Secret`] stays hidden.
///
/// # Errors
///
/// If it contains something that TOML can't express.
pub fn render(config: &impl Serialize) -> Result<String, ConfigError> {
    toml::to_string_pretty(config).map_err(|error| ConfigError::Render(error.to_string()))
}

/// One source of settings, with its name for errors.
struct Layer {
    name: String,
    values: Dict,
}

impl Layer {
    fn toml(name: &str, text: &str) -> Result<Self, ConfigError> {
        let values = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            ConfigError::Syntax {
                origin: name.to_owned(),
                line: text
                    .bytes()
                    .take(start)
                    .filter(|&byte| byte == b'\n')
                    .count()
                    + 1,
                // Not the whole error, which would quote the line and perhaps a secret with it.
                problem: error.message().to_owned(),
            }
        })?;
        Ok(Self {
            name: name.to_owned(),
            values,
        })
    }

    fn overrides(overrides: impl Serialize) -> Result<Self, ConfigError> {
        let name = "the command line".to_owned();
        let values = match Value::serialize(overrides) {
            Ok(Value::Dict(_, values)) => without_unset(values),
            Ok(_) => Dict::new(),
            Err(error) => {
                return Err(ConfigError::BadValue {
                    key: error.path.join("."),
                    origin: name,
                    problem: error.kind.to_string(),
                });
            }
        };
        Ok(Self { name, values })
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// Drops unset overrides, at any depth.
fn without_unset(values: Dict) -> Dict {
    let set = values.into_iter().filter_map(|(key, value)| match value {
        Value::Empty(..) => None,
        Value::Dict(tag, inner) => Some((key, Value::Dict(tag, without_unset(inner)))),
        value => Some((key, value)),
    });
    set.collect()
}

/// Makes one layer for each variable, so that an error can name it.
fn environment_layers(
    prefix: &str,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<Layer>, ConfigError> {
    let mut found = Vec::new();
    for (variable, value) in environment {
        let Some(variable) = variable.to_str() else {
            continue;
        };
        let Some(key) = variable.strip_prefix(prefix) else {
            continue;
        };
        if is_of_an_orchestrator(key) {
            continue;
        }
        let value = value
            .into_string()
            .map_err(|_| ConfigError::NotUnicode(variable.to_owned()))?;
        found.push((
            key.to_lowercase().replace("__", "."),
            variable.to_owned(),
            value,
        ));
    }
    found.sort();
    for (index, (key, variable, _)) in found.iter().enumerate() {
        let clashes =
            |(other, _, _): &(String, _, _)| other == key || other.starts_with(&format!("{key}."));
        if found.iter().skip(index + 1).any(clashes) {
            return Err(ConfigError::Ambiguous {
                origin: environment_name(variable),
                key: key.clone(),
            });
        }
    }
    let layers = found.into_iter().map(|(key, variable, value)| {
        let mut value = variable_value(value);
        for part in key.rsplit('.') {
            value = Value::from(Dict::from([(part.to_owned(), value)]));
        }
        Layer {
            name: environment_name(&variable),
            values: value.into_dict().unwrap_or_default(),
        }
    });
    Ok(layers.collect())
}

/// Returns whether a variable, without its prefix, is one that Kubernetes gives every container for each service: for a
/// service named "carrel-session", `CARREL_SESSION_SERVICE_HOST` and `CARREL_SESSION_PORT_50051_TCP_ADDR`. No setting
/// has such a name: a setting's sections are separated by two underscores.
fn is_of_an_orchestrator(key: &str) -> bool {
    let of_a_service = ["SERVICE_HOST", "SERVICE_PORT", "PORT"];
    let named = |word: &&str| {
        key == *word
            || key.ends_with(&format!("_{word}"))
            || key.starts_with(&format!("{word}_"))
            || key.contains(&format!("_{word}_"))
    };
    !key.contains("__") && of_a_service.iter().any(named)
}

fn environment_name(variable: &str) -> String {
    format!("the environment variable {variable}")
}

/// Returns a list or a table if the text is one in TOML, and the text itself otherwise.
fn variable_value(text: String) -> Value {
    if text.trim_start().starts_with(['[', '{'])
        && let Ok(mut parsed) = toml::from_str::<Dict>(&format!("value = {text}"))
        && let Some(value) = parsed.remove("value")
    {
        return value;
    }
    Value::from(text)
}

fn explain(error: figment::Error, env_prefix: &str) -> ConfigError {
    let origin = match &error.metadata {
        Some(metadata) => metadata.name.to_string(),
        None => "the configuration".to_owned(),
    };
    let key = error.path.join(".");
    match error.kind {
        Kind::UnknownField(_, known) => ConfigError::UnknownKey {
            key,
            origin,
            hint: match known {
                [] => "none can be set there".to_owned(),
                known => format!("known there: {}", known.join(", ")),
            },
        },
        Kind::MissingField(field) => {
            let key = [error.path, vec![field.into_owned()]].concat().join(".");
            let variable = format!("{env_prefix}{}", key.replace('.', "__").to_uppercase());
            ConfigError::Missing { key, variable }
        }
        kind => ConfigError::BadValue {
            key,
            origin,
            problem: problem(kind),
        },
    }
}

fn problem(kind: Kind) -> String {
    match kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let expected = in_words(&expected.to_string());
            match found {
                Actual::Str(text) => format!("{text:?} is not right; it must be {expected}"),
                Actual::Bool(value) => format!("{value} is not right; it must be {expected}"),
                Actual::Unsigned(value) => format!("{value} is not right; it must be {expected}"),
                Actual::Signed(value) => format!("{value} is not right; it must be {expected}"),
                Actual::Float(value) => format!("{value} is not right; it must be {expected}"),
                Actual::Seq => format!("it is a list; it must be {expected}"),
                Actual::Map => format!("it is a section; it must be {expected}"),
                found => format!("it is {found}; it must be {expected}"),
            }
        }
        Kind::UnknownVariant(found, known) => {
            format!("{found:?} is not known; it must be {}", OneOf(known))
        }
        kind => match kind.to_string() {
            // What the standard library says of an address without its port, or with a name for a host.
            said if said.contains("socket address") => {
                "it must be an IP address and a port, for example 127.0.0.1:8080".to_owned()
            }
            said => said,
        },
    }
}

/// Says what a setting must be, for people who do not know what types are called in Rust.
fn in_words(expected: &str) -> String {
    let is_number = |name: &str| {
        let digits = name.trim_start_matches(['u', 'i']);
        digits.len() < name.len() && (digits == "size" || digits.parse::<u8>().is_ok())
    };
    let words = match expected {
        "a boolean" => "true or false",
        "a string" => "text in quotes",
        "a sequence" => "a list, for example [\"a\", \"b\"]",
        "f64" | "f32" => "a number, for example 0.5",
        section if section.starts_with("struct ") => "a section with keys of its own",
        number if number.strip_prefix("a nonzero ").is_some_and(is_number) => {
            "a whole number of 1 or more"
        }
        number if is_number(number) => "a whole number",
        other => other,
    };
    words.to_owned()
}
