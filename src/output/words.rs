//! Moments, lengths of time, sizes and counts in words.

use chrono::{DateTime, TimeDelta, Utc};

/// Shows a length of time in its two largest units, such as `2 days 9 hours`; seconds stand alone.
pub(super) fn duration(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60)];
    let Some(largest) = units.iter().position(|(_, size)| seconds >= *size) else {
        return count(seconds, "second");
    };
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (unit, size) in units.into_iter().skip(largest).take(2) {
        if rest >= size {
            parts.push(count(rest / size, unit));
        }
        rest %= size;
    }
    parts.join(" ")
}

/// Maximum length of a text from elsewhere that a sentence repeats, in characters.
const QUOTED_CHARACTERS: usize = 160;

/// Puts a text from elsewhere on one line, and cuts it if it is long.
pub(super) fn quoted(text: &str) -> String {
    cut(text, QUOTED_CHARACTERS)
}

/// Puts a text on one line, and cuts it after this many characters.
pub(super) fn cut(text: &str, characters: usize) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// Counts something, such as `1 backup` and `3 backups`.
pub(super) fn count(number: impl TryInto<u64>, unit: &str) -> String {
    match number.try_into() {
        Ok(1) => format!("1 {unit}"),
        Ok(number) => format!("{number} {unit}s"),
        Err(_) => format!("no {unit}s"),
    }
}

/// Shows a number with its digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Shows bytes in the largest unit that fits, such as `1.5 GiB`.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(super) fn bytes(number: u64) -> String {
    if number < 1024 {
        return format!("{number} bytes");
    }
    let mut size = number as f64 / 1024.0;
    let mut unit = "KiB";
    for larger in ["MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{size:.1} {unit}")
}

/// Shows a moment to the second, in UTC.
#[must_use]
pub fn moment_in_words(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Shows the distance of a moment from now, such as `2 hours ago` and `in 5 minutes`.
#[must_use]
pub fn distance(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    if at > now {
        format!("in {}", duration(at - now))
    } else {
        ago(at, now)
    }
}

/// Shows the distance of a past moment from now; a moment in the future counts as now.
pub(super) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ago", duration(now - at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_in_the_past_or_in_the_future() {
        let now: DateTime<Utc> = "2026-01-10T00:00:00Z".parse().unwrap();
        let from = |at: &str| distance(at.parse().unwrap(), now);

        assert_eq!(from("2026-01-10T00:00:30Z"), "in 30 seconds");
        assert_eq!(from("2026-01-10T00:00:00Z"), "0 seconds ago");
        assert_eq!(from("2026-01-09T23:50:00Z"), "10 minutes ago");
        assert_eq!(from("2026-01-09T12:00:00Z"), "12 hours ago");
        assert_eq!(from("2026-01-01T00:00:00Z"), "9 days ago");
    }

    #[test]
    fn two_units_tell_how_long() {
        let seconds = [0, 1, 59, 60, 3_599, 3_600, 86_400, 205_258, 864_060];
        let shown: Vec<_> = seconds
            .map(|count| duration(TimeDelta::seconds(count)))
            .into();

        let expected = [
            "0 seconds",
            "1 second",
            "59 seconds",
            "1 minute",
            "59 minutes",
            "1 hour",
            "1 day",
            "2 days 9 hours",
            "10 days",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_quoted_stands_on_one_line_and_is_cut() {
        assert_eq!(
            quoted("Connection lost\n\tby peer \r\n"),
            "Connection lost by peer"
        );
        assert_eq!(quoted(&"ü".repeat(160)), "ü".repeat(160));
        assert_eq!(quoted(&"ü".repeat(161)), format!("{}…", "ü".repeat(160)));
    }

    #[test]
    fn digits_stand_in_groups_of_three() {
        let shown = [0, 999, 1000, 1_234_567].map(grouped);

        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn bytes_are_shown_in_the_unit_that_fits() {
        let shown = [0, 1023, 1024, 65_011_712, u64::MAX].map(bytes);

        assert_eq!(
            shown,
            [
                "0 bytes",
                "1023 bytes",
                "1.0 KiB",
                "62.0 MiB",
                "16777216.0 TiB"
            ]
        );
    }
}
