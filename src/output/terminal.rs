//! Texts for terminals: words in colours, and texts from elsewhere that cannot control the terminal.

use crate::health::Severity;

/// Shows a severity as a word in capitals, in colour (ANSI) if wanted.
pub(super) fn status(severity: Severity, colours: bool) -> String {
    let word = severity.as_label().to_uppercase();
    let colour = match severity {
        Severity::Ok => 32,
        Severity::Warning => 33,
        Severity::Unknown => 35,
        Severity::Critical => 31,
    };
    if colours {
        format!("\u{1b}[1;{colour}m{word}\u{1b}[0m")
    } else {
        word
    }
}

/// Replaces the characters of a text from elsewhere that would control the terminal or change the
/// order in which it is read.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        let is_harmful = character.is_control() || is_direction(character);
        plain.push(if is_harmful { '\u{fffd}' } else { character });
    }
    plain
}

/// Returns whether an invisible character starts a line or changes the direction of writing (Unicode
/// Standard Annex 9, "Explicit Directional Formatting Characters").
fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_replaced() {
        let hostile = "a\u{1b}[2Jb\rc\nd\u{9b}e\u{202e}f\u{2028}g\u{7f}";

        assert_eq!(
            plain(hostile),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}f\u{fffd}g\u{fffd}"
        );
        assert_eq!(plain("Größe, 大小, ü"), "Größe, 大小, ü");
    }

    #[test]
    fn a_status_is_coloured_where_colours_are_wanted() {
        assert_eq!(status(Severity::Ok, false), "OK");
        assert_eq!(
            status(Severity::Critical, true),
            "\u{1b}[1;31mCRITICAL\u{1b}[0m"
        );
    }
}
