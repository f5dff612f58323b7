//! What may be shown on a terminal: words in colours, and texts from outside that do not steer it.

use super::Severity;

/// A severity as a word in capitals, with a colour (ANSI) where it is wanted.
pub(super) fn status(severity: Severity, colours: bool) -> String {
    let word = severity.as_str().to_uppercase();
    let colour = match severity {
        Severity::Ok => 32,
        Severity::Warning => 33,
        Severity::Unknown => 35,
        Severity::Critical => 31,
    };
    if colours { format!("\u{1b}[1;{colour}m{word}\u{1b}[0m") } else { word }
}

/// A text from outside, which must neither steer the terminal nor change the order of what is read.
pub(super) fn plain(text: &str) -> String {
    let is_harmless = |character: &char| !character.is_control() && !is_direction(*character);
    text.chars()
        .map(|character| if is_harmless(&character) { character } else { '\u{fffd}' })
        .collect()
}

/// Whether a character begins a line or turns the direction of writing (Unicode Standard Annex 9,
/// "Explicit Directional Formatting Characters"), and shows nothing itself.
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
        assert_eq!(status(Severity::Critical, true), "\u{1b}[1;31mCRITICAL\u{1b}[0m");
    }
}
