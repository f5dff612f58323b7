//! Forms of texts that several settings have.

use std::fmt::Display;
use std::path::PathBuf;

use super::section::Section;

/// Reads a text that is required. `None` if it is absent or wrong, which is recorded.
pub(super) fn required<T, E: Display>(
    section: &mut Section<'_>,
    key: &'static str,
    form: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    if !section.has(key) {
        section.missing(key, form);
    }
    section.text(key, parse)
}

/// Reads a name that metrics show as a label.
pub(super) fn label(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() || text.contains(char::is_control) {
        return Err("expected a name without control characters");
    }
    Ok(text.to_owned())
}

/// Reads a word, such as the name of a region.
pub(super) fn word(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.contains(char::is_control) || text.contains(char::is_whitespace) {
        return Err("expected one word");
    }
    Ok(text.to_owned())
}

/// Returns true for a text that may be an address with a password in it. Words such as `@daily` are
/// not taken for one.
pub(super) fn may_hold_password(text: &str) -> bool {
    let text = text.trim();
    text.contains(':') || text.strip_prefix('@').unwrap_or(text).contains('@')
}

/// Reads the path of a file.
pub(super) fn path(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err("expected the path of a file");
    }
    Ok(PathBuf::from(text))
}

/// Reads the path of a directory.
pub(super) fn directory(text: &str) -> Result<PathBuf, &'static str> {
    path(text).map_err(|_| "expected the path of a directory")
}
