//! Settings with their comments, as the sample configuration has them.

/// Setting of the sample configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Key with the keys above it, such as `archives[].servers[].serverName`.
    pub(crate) key: String,
    /// Value in the sample; empty if the setting holds other settings.
    pub(crate) sample: String,
    /// Comment above it.
    pub(crate) meaning: String,
}

/// Line of the sample with a key.
struct KeyLine<'a> {
    indent: usize,
    is_item: bool,
    key: &'a str,
    value: &'a str,
}

/// Returns the settings of the sample that have a comment, in its order.
///
/// A setting without a comment is one that was explained before.
pub(crate) fn settings(sample: &str) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in sample.lines() {
        let content = line.trim_start();
        if let Some(text) = content.strip_prefix('#') {
            comment.push(text.trim());
        } else if let Some(value) = list_value(content) {
            let setting = settings.last_mut().expect("a list has a key");
            value.clone_into(&mut setting.sample);
        } else if let Some(line) = key_line(line) {
            let key = full_key(&line, &mut above);
            let is_known = settings.iter().any(|setting| setting.key == key);
            if !comment.is_empty() && !is_known {
                let sample = line.value.to_owned();
                settings.push(Setting {
                    key,
                    sample,
                    meaning: comment.join(" "),
                });
            }
            comment.clear();
        } else {
            // An empty line ends the introduction of the file.
            comment.clear();
        }
    }
    settings
}

/// Returns the value of a list's entry that is not a mapping.
fn list_value(content: &str) -> Option<&str> {
    content
        .strip_prefix("- ")
        .filter(|value| !value.contains(": "))
}

fn key_line(line: &str) -> Option<KeyLine<'_>> {
    let content = line.trim_start();
    let indent = line.len() - content.len();
    let (is_item, content) = match content.strip_prefix("- ") {
        Some(content) => (true, content),
        None => (false, content),
    };
    let (key, value) = content.split_once(':')?;
    let indent = if is_item { indent + 2 } else { indent };
    Some(KeyLine {
        indent,
        is_item,
        key,
        value: value.trim(),
    })
}

/// Returns the key with those above it, and remembers it for the lines below.
fn full_key(line: &KeyLine<'_>, above: &mut Vec<(usize, String)>) -> String {
    above.retain(|(indent, _)| *indent < line.indent);
    if line.is_item
        && let Some((_, list)) = above.last_mut()
        && !list.ends_with("[]")
    {
        list.push_str("[]");
    }
    let keys: Vec<_> = above
        .iter()
        .map(|(_, key)| key.as_str())
        .chain([line.key])
        .collect();
    let full = keys.join(".");
    above.push((line.indent, line.key.to_owned()));
    full
}

#[test]
fn settings_have_their_comments_and_the_keys_above_them() {
    let sample = "\
# A file.

# Lists.
lists:
  # One
  # entry.
  - name: a
    # Entries below.
    inner:
      # Deep.
      deep: 1
    # Patterns.
    patterns:
      - x-*

  - name: b
";

    let found = settings(sample);

    let expected = [
        ("lists", "", "Lists."),
        ("lists[].name", "a", "One entry."),
        ("lists[].inner", "", "Entries below."),
        ("lists[].inner.deep", "1", "Deep."),
        ("lists[].patterns", "x-*", "Patterns."),
    ];
    let expected = expected.map(|(key, sample, meaning)| Setting {
        key: key.to_owned(),
        sample: sample.to_owned(),
        meaning: meaning.to_owned(),
    });
    assert_eq!(found, expected);
}
