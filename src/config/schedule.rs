//! Schedule as a cron expression of six fields.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use super::texts::may_hold_password;

/// A cron expression of six fields, seconds first, that comes due at some time.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    text: String,
    cron: Cron,
}

// croner compares patterns, which hold no floating point.
impl Eq for Schedule {}

const DEFAULT: &str = "0 */5 * * * *";

impl Schedule {
    /// The expression as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The expression as it was understood.
    #[must_use]
    pub const fn cron(&self) -> &Cron {
        &self.cron
    }
}

impl Default for Schedule {
    #[expect(
        clippy::expect_used,
        reason = "the expression is ours, and a test reads it"
    )]
    fn default() -> Self {
        DEFAULT.parse().expect("the default schedule is valid")
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reason why a text is not a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScheduleSetting {
    /// Five fields, as most programs write cron expressions: seconds are missing.
    #[error("expected six fields, seconds first; there are five: did you mean `0 {0}`?")]
    WithoutSeconds(String),
    /// A word such as `@daily`, as a `ScheduledBackup` may have it.
    #[error(
        "expected six fields, seconds first, such as `0 */5 * * * *`; words that start with `@` are \
         for `backupSchedule` only"
    )]
    Word,
    /// Neither five nor six fields.
    #[error(
        "expected six fields, seconds first: second, minute, hour, day of month, month, day of \
         week; such as `0 */5 * * * *`"
    )]
    OtherForm,
    /// Six fields with an invalid one.
    #[error("expected a cron expression such as `0 */5 * * * *`{0}")]
    Senseless(String),
    /// A moment that does not exist, such as the 30th of February.
    #[error("expected a schedule that runs at some time; this one never does")]
    Never,
}

impl FromStr for Schedule {
    type Err = InvalidScheduleSetting;

    fn from_str(text: &str) -> Result<Self, InvalidScheduleSetting> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if text.trim_start().starts_with('@') {
            return Err(InvalidScheduleSetting::Word);
        }
        if fields.len() != 6 {
            return Err(wrong_number_of_fields(&fields));
        }
        // As `tokio-cron-scheduler` parses it, so that what is accepted here runs there.
        let parser = CronParser::builder()
            .seconds(Seconds::Required)
            .dom_and_dow(true)
            .build();
        let cron = match parser.parse(text) {
            Ok(cron) => cron,
            // The parser repeats the field.
            Err(_) if may_hold_password(text) => {
                return Err(InvalidScheduleSetting::Senseless(String::new()));
            }
            Err(error) => return Err(InvalidScheduleSetting::Senseless(format!(" ({error})"))),
        };
        let first = cron.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, false);
        first.map_err(|_| InvalidScheduleSetting::Never)?;
        Ok(Self {
            text: text.trim().to_owned(),
            cron,
        })
    }
}

/// Returns the error for a number of fields other than six. The parser would accept five without a
/// word, and run them at second 0.
fn wrong_number_of_fields(fields: &[&str]) -> InvalidScheduleSetting {
    if fields.len() == 5 {
        let fields = fields.join(" ");
        if format!("0 {fields}").parse::<Schedule>().is_ok() {
            return InvalidScheduleSetting::WithoutSeconds(fields);
        }
    }
    InvalidScheduleSetting::OtherForm
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_default_schedule_is_valid() {
        assert_eq!(Schedule::default().as_str(), DEFAULT);
    }

    #[test]
    fn five_fields_are_rejected_with_the_form_that_is_meant() {
        let error = "*/5 * * * *".parse::<Schedule>().unwrap_err();

        assert!(error.to_string().contains("`0 */5 * * * *`"), "{error}");
    }

    #[test]
    fn words_are_told_that_they_are_taken_elsewhere() {
        for text in ["@every 5m", "@daily", " @hourly"] {
            assert_eq!(
                text.parse::<Schedule>(),
                Err(InvalidScheduleSetting::Word),
                "{text}"
            );
        }
    }

    #[test]
    fn a_time_that_never_comes_is_rejected() {
        assert_eq!(
            "0 0 0 30 2 *".parse::<Schedule>(),
            Err(InvalidScheduleSetting::Never)
        );
    }

    #[test]
    fn both_kinds_of_day_must_match() {
        let schedule: Schedule = "0 0 0 13 * FRI".parse().unwrap();
        let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();

        let next = schedule.cron().find_next_occurrence(&start, false).unwrap();

        assert_eq!(next.to_rfc3339(), "2026-02-13T00:00:00+00:00");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"([0-9*/,\-?LW#A-Za-z+]{0,9} ){5}\PC{0,9}") {
            let _ = text.parse::<Schedule>();
        }
    }
}
