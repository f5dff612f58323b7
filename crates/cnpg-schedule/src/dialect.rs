//! Readings of a schedule: by `CloudNativePG` and by Kubernetes.

use chrono::TimeDelta;

use super::calendar::Calendar;
use super::every::parse_every;
use super::field::{FieldKind, FieldSet, PartError};

/// Reader of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `CloudNativePG`'s `ScheduledBackup`: `cron.Parse` of robfig/cron v1.2.0.
    CloudNativePg,
    /// A Kubernetes `CronJob`: `ParseStandard` of robfig/cron v3.0.1.
    Kubernetes,
}

/// Meaning of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The seconds that a calendar and a clock show.
    Calendar(Calendar),
    /// A constant time after the one before, at least a second, of whole seconds.
    Every(TimeDelta),
}

/// A text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// Neither five nor six fields.
    #[error(
        "expected six fields, seconds first (second, minute, hour, day of month, month, day of week), \
         such as `0 0 2 * * *`, or a word such as `@daily` or `@every 6h`"
    )]
    OtherForm,
    /// Not five fields, where there are no seconds.
    #[error("expected five fields: minute, hour, day of month, month, day of week")]
    NotFiveFields,
    /// A field that makes no sense.
    #[error("expected {form} in the field {field}; `{part}` {reason}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// Values that the field may have.
        form: &'static str,
        /// The part of it that makes no sense, shortened.
        part: String,
        /// Reason why the part is wrong.
        reason: PartError,
    },
    /// Five fields that make sense only where there are no seconds.
    #[error("{mistake}. With five fields, the first field is seconds. {hint}")]
    FiveFields {
        /// Reason why they are wrong here.
        mistake: Box<InvalidSchedule>,
        /// Meaning in a crontab, and the way to write it.
        hint: String,
    },
    /// A word with an `@` that nobody knows.
    #[error(
        "expected `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`, or \
         `@every` and a duration"
    )]
    UnknownWord,
    /// `@every` without a duration.
    #[error("expected a Go duration after `@every `, such as `6h` or `1h30m`")]
    NoDuration,
    /// A moment that does not exist, such as the 30th of February.
    #[error("expected a schedule that runs at some time; this one never does")]
    Never,
}

/// The longest part of a text that an error repeats, in characters.
const SHOWN_CHARACTERS: usize = 40;

impl Dialect {
    /// Reads a schedule.
    ///
    /// # Errors
    /// If this reader does not accept the text, or if its time never comes.
    pub fn read(self, text: &str) -> Result<Meaning, InvalidSchedule> {
        if text.starts_with('@') {
            return word(text);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let fields = match (self, fields.as_slice()) {
            (Self::CloudNativePg, [_, _, _, _, _, _]) => fields,
            // The day of week is what may be missing, and not the second.
            (Self::CloudNativePg, [_, _, _, _, _]) => [fields.as_slice(), &["*"]].concat(),
            (Self::CloudNativePg, _) => return Err(InvalidSchedule::OtherForm),
            (Self::Kubernetes, [_, _, _, _, _]) => [&["0"], fields.as_slice()].concat(),
            (Self::Kubernetes, _) => return Err(InvalidSchedule::NotFiveFields),
        };
        let mut sets = Vec::new();
        for (kind, field) in FieldKind::ALL.into_iter().zip(fields) {
            sets.push(self.field(kind, field)?);
        }
        let sets = sets.try_into().map_err(|_| InvalidSchedule::OtherForm)?;
        came(Calendar::new(sets))
    }

    fn field(self, kind: FieldKind, text: &str) -> Result<FieldSet, InvalidSchedule> {
        // Since v3, a star with a step above 1 restricts a field like any other range.
        let star_with_step = match self {
            Self::CloudNativePg => true,
            Self::Kubernetes => false,
        };
        FieldSet::read(kind, text, star_with_step).map_err(|(part, reason)| {
            let part: String = part.chars().take(SHOWN_CHARACTERS).collect();
            InvalidSchedule::Field {
                field: kind.name(),
                form: kind.form(),
                part: part.escape_debug().to_string(),
                reason,
            }
        })
    }
}

fn came(calendar: Calendar) -> Result<Meaning, InvalidSchedule> {
    if calendar.comes() {
        Ok(Meaning::Calendar(calendar))
    } else {
        Err(InvalidSchedule::Never)
    }
}

/// The words with an `@` (`parseDescriptor`, the same in both versions).
fn word(text: &str) -> Result<Meaning, InvalidSchedule> {
    let expression = match text {
        "@yearly" | "@annually" => "0 0 0 1 1 *",
        "@monthly" => "0 0 0 1 * *",
        "@weekly" => "0 0 0 * * 0",
        "@daily" | "@midnight" => "0 0 0 * * *",
        "@hourly" => "0 0 * * * *",
        _ => {
            let duration = text
                .strip_prefix("@every ")
                .ok_or(InvalidSchedule::UnknownWord)?;
            let duration = parse_every(duration).ok_or(InvalidSchedule::NoDuration)?;
            return Ok(Meaning::Every(duration));
        }
    };
    Dialect::CloudNativePg.read(expression)
}
