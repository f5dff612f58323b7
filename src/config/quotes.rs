//! Values of a YAML file that lack their quotes.

/// Characters that YAML reads at the start of a value as something other than text: alias, reserved signs,
/// directive (YAML 1.2.2, "Indicator Characters"). Not `&`: whoever writes an anchor means one.
const INDICATORS: [char; 4] = ['*', '@', '`', '%'];

/// Returns a hint if a value near this place lacks its quotes. Lines count from 1.
///
/// The hint names the key and the value's first character, and shows nothing else of the file.
pub(super) fn missing_quotes_hint(text: &str, line: u64, column: u64) -> Option<String> {
    let number = usize::try_from(line).ok()?.checked_sub(1)?;
    let content: Vec<char> = text.lines().nth(number)?.chars().collect();
    // Columns count from 0 or 1, and point at the character or behind it, depending on the error.
    let column = usize::try_from(column).ok()?;
    let near = column.saturating_sub(2)..column.saturating_add(1).min(content.len());
    for index in near.rev() {
        let (before, rest) = content.split_at_checked(index)?;
        let before: String = before.iter().collect();
        if let Some(first) = rest.first()
            && INDICATORS.contains(first)
            && begins_value(&before)
        {
            let value = match key(&before) {
                Some(key) => format!("the value of `{key}` on line {line}"),
                None => format!("a value on line {line}"),
            };
            return Some(format!(
                "{value} begins with `{first}`, which means something else in YAML: put it in quotes"
            ));
        }
    }
    None
}

/// Returns true if a value starts behind this part of a line.
fn begins_value(before: &str) -> bool {
    let blank = before.ends_with(char::is_whitespace);
    match before.trim_end().chars().next_back() {
        Some(':' | '-') => blank,
        Some('[' | ',') => true,
        Some(_) | None => false,
    }
}

/// Returns the key that a part of a line ends with, if it looks like one of ours.
fn key(before: &str) -> Option<&str> {
    let before = before.trim_end().strip_suffix(':')?;
    let (before, key) = match before.rfind([' ', '\t', '{', ',']) {
        Some(at) => (before.get(..=at)?.trim_end(), before.get(at + 1..)?),
        None => ("", before),
    };
    // Behind another `:` it is a part of a value, which may be a secret.
    let is_first = before.is_empty() || before.ends_with(['{', ',', '-']);
    let is_plain = !key.is_empty() && key.chars().all(|character| character.is_ascii_alphabetic());
    (is_first && is_plain).then_some(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_key_is_named_and_the_value_is_not_shown() {
        let text = "servers:\n  - { backupSchedule: @daily }";

        let told = missing_quotes_hint(text, 2, 22).unwrap();

        assert_eq!(
            told,
            "the value of `backupSchedule` on line 2 begins with `@`, which means something else in \
             YAML: put it in quotes"
        );
    }

    #[test]
    fn an_element_of_a_list_has_no_key() {
        assert!(
            missing_quotes_hint("a:\n  - @b", 2, 5)
                .unwrap()
                .starts_with("a value on line 2 begins")
        );
    }

    #[test]
    fn an_alias_is_not_blamed_for_what_is_wrong_further_on() {
        assert_eq!(
            missing_quotes_hint("- { <<: *usual, name: a, name: b }", 1, 25),
            None
        );
    }

    #[test]
    fn a_part_of_a_value_is_no_key() {
        let told = missing_quotes_hint("[{ secretAccessKey: hunter: @x }]", 1, 28).unwrap();

        assert!(told.starts_with("a value on line 1 begins"), "{told}");
    }

    #[test]
    fn what_stands_inside_a_value_begins_none() {
        assert_eq!(missing_quotes_hint("a: b *c", 1, 5), None);
        assert_eq!(missing_quotes_hint("a: b", 7, 1), None);
    }

    proptest! {
        #[test]
        fn no_place_makes_it_panic(text in "(\\PC|[\n:*@ -])*", line: u64, column: u64, near in 0_u64..9) {
            let _ = missing_quotes_hint(&text, line, column);
            let _ = missing_quotes_hint(&text, near, near);
        }
    }
}
