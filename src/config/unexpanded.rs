//! Values with a variable that should have been replaced before: variables are not expanded here.

use figment::value::Value;

/// Returns one warning for each value with a `${NAME}` in it, with the value's key.
pub(super) fn warnings(settings: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look_into(settings, "", &mut found);
    found
}

fn look_into(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_, text) => found.extend(variable(text).map(|name| {
            format!(
                "{key}: contains `${{{name}}}`: variables are not expanded here; write the value itself"
            )
        })),
        Value::Dict(_, fields) => {
            for (name, value) in fields {
                let below = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                look_into(value, &below, found);
            }
        }
        Value::Array(_, elements) => {
            for (index, value) in elements.iter().enumerate() {
                look_into(value, &format!("{key}[{index}]"), found);
            }
        }
        Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => {}
    }
}

/// Returns the name in the first `${NAME}` of a text.
fn variable(text: &str) -> Option<&str> {
    let mut beginnings = text.match_indices("${");
    beginnings.find_map(|(at, opening)| {
        let (name, _) = text.get(at + opening.len()..)?.split_once('}')?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_name_in_braces() {
        assert_eq!(variable("https://s3.${REGION}.example.org"), Some("REGION"));
        assert_eq!(variable("${ not one }${a_1}"), Some("a_1"));
        for text in ["", "$HOME", "${}", "${A", "$ {A}", "{A}", "${A-b}"] {
            assert_eq!(variable(text), None, "{text}");
        }
    }
}
