//! Spelling of keys and values in mistakes.

use figment::value::{Num, Value};

use super::mistakes::shown;
use super::sources::ENVIRONMENT_PREFIX;

/// Returns true for the value of a key without a value, which counts as absent.
pub(super) fn is_unset(value: &Value) -> bool {
    matches!(value, Value::Empty(..))
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::String(..) | Value::Char(..) => "a text",
        Value::Bool(..) => "true or false",
        Value::Num(..) => "a number",
        Value::Empty(..) => "nothing",
        Value::Dict(..) => "a section",
        Value::Array(..) => "a list",
    }
}

/// Returns the number, unless it has a fraction or is too large.
pub(super) fn whole(number: Num) -> Option<i128> {
    number
        .to_i128()
        .or_else(|| number.to_u128().and_then(|number| number.try_into().ok()))
}

pub(super) fn shown_value(value: &Value) -> String {
    match value {
        Value::String(_, text) => shown(text),
        Value::Bool(_, flag) => format!("`{flag}`"),
        Value::Num(_, number) => match (whole(*number), number.to_f64()) {
            (Some(number), _) => format!("`{number}`"),
            (None, Some(number)) => format!("`{number}`"),
            (None, None) => "a number".to_owned(),
        },
        Value::Char(..) | Value::Empty(..) | Value::Dict(..) | Value::Array(..) => {
            kind_of(value).to_owned()
        }
    }
}

pub(super) fn shown_key(key: &str) -> String {
    shown(key).trim_matches('`').to_owned()
}

pub(super) fn is_near(key: &str, known: &str) -> bool {
    let (key, known) = (key.to_lowercase(), known.to_lowercase());
    strsim::osa_distance(&key, &known) <= (known.len() / 3).max(1)
}

/// Returns true if a key is a part of a known one, such as `retention` of `retentionPolicy`, or the
/// other way round.
pub(super) fn is_part(key: &str, known: &str) -> bool {
    let (key, known) = (key.to_lowercase(), known.to_lowercase());
    key.len().min(known.len()) >= 4 && (known.contains(&key) || key.contains(&known))
}

/// Returns the environment variable of a key such as `web.listenAddress`.
pub(super) fn variable_of(key: &str) -> String {
    let mut name = ENVIRONMENT_PREFIX.to_owned();
    for letter in key.chars() {
        match letter {
            '.' => name.push_str("__"),
            letter if letter.is_ascii_uppercase() => name.extend(['_', letter]),
            letter => name.push(letter.to_ascii_uppercase()),
        }
    }
    name
}

/// Converts `archives[0].name` to `archives[].name`.
pub(super) fn without_indices(key: &str) -> String {
    key.chars()
        .filter(|letter| !letter.is_ascii_digit())
        .collect()
}
