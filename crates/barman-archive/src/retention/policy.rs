//! Retention policies, which say how long backups are needed.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;

/// Longest window in days: the limit of Python's `timedelta`.
const MAX_DAYS: u64 = 999_999_999;

/// Rule for how long backups are needed, as `barman-cloud-backup-delete --retention-policy` takes
/// it.
///
/// Parsed from Barman's own words, `REDUNDANCY 3` or `RECOVERY WINDOW OF 30 DAYS`, and from the
/// short form of CloudNativePG's ObjectStore resource (`spec.retentionPolicy`): `30d`, `4w`, `6m`.
/// Displayed in Barman's words, a window in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionPolicy {
    /// Number of newest finished backups that are needed (`RedundancyRetentionPolicy`).
    Redundancy(u32),
    /// Everything that recovery to any moment of the last `days` days takes
    /// (`RecoveryWindowRetentionPolicy`).
    ///
    /// A day has 24 hours. Barman calculates with the wall clock of the host it runs on, which is
    /// the same in CloudNativePG's images. If a clock was put forward or back within the window,
    /// Barman's window starts that hour earlier or later.
    RecoveryWindow {
        /// Length of the window; a month is 31 days. 0 still needs the newest backup.
        days: u32,
    },
}

/// Text that is not a retention policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRetentionPolicy {
    /// Text that is neither in Barman's words nor in CloudNativePG's short form.
    #[error(
        "expected a window like `30d`, `4w`, `6m` or `RECOVERY WINDOW OF 30 DAYS`, or `REDUNDANCY 3`"
    )]
    Syntax,
    /// Window that Barman cannot calculate with.
    #[error("a recovery window has at most {MAX_DAYS} days")]
    TooLong,
}

impl RetentionPolicy {
    /// Returns the length of the recovery window; `None` if backups are counted.
    #[must_use]
    pub fn window(self) -> Option<TimeDelta> {
        match self {
            Self::Redundancy(_) => None,
            Self::RecoveryWindow { days } => Some(TimeDelta::days(days.into())),
        }
    }

    /// Returns the minimum number of backups that are needed: a window needs the newest one,
    /// however long it is.
    #[must_use]
    pub fn least_backups(self) -> u32 {
        match self {
            Self::Redundancy(count) => count,
            Self::RecoveryWindow { .. } => 1,
        }
    }

    /// Returns a window of `count` units of `days_each` days each.
    fn of_days(count: u64, days_each: u64) -> Result<Self, InvalidRetentionPolicy> {
        let days = count.saturating_mul(days_each);
        match u32::try_from(days) {
            Ok(short) if days <= MAX_DAYS => Ok(Self::RecoveryWindow { days: short }),
            Ok(_) | Err(_) => Err(InvalidRetentionPolicy::TooLong),
        }
    }
}

impl FromStr for RetentionPolicy {
    type Err = InvalidRetentionPolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let window = match words.as_slice() {
            ["redundancy", count] => {
                let Some(count) = number(count) else {
                    return Err(InvalidRetentionPolicy::Syntax);
                };
                // More backups than `u32` can count do not exist.
                return Ok(Self::Redundancy(u32::try_from(count).unwrap_or(u32::MAX)));
            }
            ["recovery", "window", "of", count, unit] => number(count).zip(days_of_word(unit)),
            _ => short_form(text),
        };
        let (count, days_each) = window.ok_or(InvalidRetentionPolicy::Syntax)?;
        Self::of_days(count, days_each)
    }
}

/// Reads `^[1-9][0-9]*[dwm]$`, as the ObjectStore resource has it.
fn short_form(text: &str) -> Option<(u64, u64)> {
    if text.starts_with('0') {
        return None;
    }
    for (unit, days) in [('d', 1), ('w', 7), ('m', 31)] {
        if let Some(count) = text.strip_suffix(unit) {
            return Some((number(count)?, days));
        }
    }
    None
}

fn days_of_word(unit: &str) -> Option<u64> {
    match unit.strip_suffix('s').unwrap_or(unit) {
        "day" => Some(1),
        "week" => Some(7),
        "month" => Some(31),
        _ => None,
    }
}

/// Reads digits and nothing else; a number that is too large becomes the largest.
fn number(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits || text.is_empty() {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

impl fmt::Display for RetentionPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redundancy(count) => write!(formatter, "REDUNDANCY {count}"),
            Self::RecoveryWindow { days } => write!(formatter, "RECOVERY WINDOW OF {days} DAYS"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<RetentionPolicy, InvalidRetentionPolicy> {
        text.parse()
    }

    fn window(days: u32) -> RetentionPolicy {
        RetentionPolicy::RecoveryWindow { days }
    }

    #[test]
    fn the_short_form_is_a_window() {
        assert_eq!(parse("30d"), Ok(window(30)));
        assert_eq!(parse("4w"), Ok(window(28)));
        assert_eq!(parse("6m"), Ok(window(186)));
    }

    #[test]
    fn barmans_words_are_read_in_any_case_and_number() {
        for (text, days) in [
            ("RECOVERY WINDOW OF 1 DAY", 1),
            ("recovery window of 2 days", 2),
            ("  Recovery\tWindow of 2 WEEK ", 14),
            ("RECOVERY WINDOW OF 1 MONTHS", 31),
            ("RECOVERY WINDOW OF 0 DAYS", 0),
        ] {
            assert_eq!(parse(text), Ok(window(days)), "{text}");
        }
        assert_eq!(parse("redundancy 0"), Ok(RetentionPolicy::Redundancy(0)));
        assert_eq!(
            parse(" REDUNDANCY  03 "),
            Ok(RetentionPolicy::Redundancy(3))
        );
    }

    #[test]
    fn anything_else_is_refused_with_what_was_expected() {
        for text in [
            "",
            "30",
            "d",
            "0d",
            "030d",
            "30D",
            " 30d",
            "30d ",
            "+3d",
            "-3d",
            "3y",
            "3.5d",
            "REDUNDANCY",
            "REDUNDANCY -1",
            "REDUNDANCY 3 DAYS",
            "RECOVERY WINDOW OF 3",
            "RECOVERY WINDOW OF 3d",
            "RECOVERY WINDOW OF 3 YEARS",
            "RECOVERY WINDOW OF 3 DAYSS",
            "MAIN",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, InvalidRetentionPolicy::Syntax);
            assert!(error.to_string().contains("`30d`"), "{error}");
        }
    }

    #[test]
    fn no_number_is_too_large_to_be_read() {
        let huge = "9".repeat(400);

        let redundancy = parse(&format!("REDUNDANCY {huge}"));

        assert_eq!(redundancy, Ok(RetentionPolicy::Redundancy(u32::MAX)));
        assert_eq!(parse("999999999d"), Ok(window(999_999_999)));
        for text in [
            "1000000000d",
            &format!("{huge}m"),
            "RECOVERY WINDOW OF 142857143 WEEKS",
        ] {
            assert_eq!(parse(text), Err(InvalidRetentionPolicy::TooLong), "{text}");
        }
    }

    #[test]
    fn a_window_has_its_length_and_a_redundancy_none() {
        assert_eq!(window(2).window(), Some(TimeDelta::hours(48)));
        assert_eq!(RetentionPolicy::Redundancy(2).window(), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}|(REDUNDANCY|RECOVERY WINDOW OF) \\PC{0,30}") {
            let _ = parse(&text);
        }

        #[test]
        fn a_policy_survives_a_round_trip(count: u32, days in 0_u32..=999_999_999) {
            for policy in [RetentionPolicy::Redundancy(count), window(days)] {
                prop_assert_eq!(parse(&policy.to_string()), Ok(policy));
            }
        }
    }
}
