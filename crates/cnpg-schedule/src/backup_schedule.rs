//! Schedule of a server's backups.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;

use super::dialect::{Dialect, InvalidSchedule, Meaning};
use super::field::FieldKind;
use super::intervals::ScheduledIntervals;
use super::occurrences::Occurrences;

/// Schedule of a server's backups, as `CloudNativePG` reads the `schedule` of a `ScheduledBackup`. It
/// is due at some time: schedules that never are cannot be built.
#[derive(Clone, PartialEq)]
pub struct BackupSchedule {
    text: String,
    meaning: Meaning,
    intervals: ScheduledIntervals,
    occurrences: Occurrences,
}

// croner compares patterns, which hold no floating point.
impl Eq for BackupSchedule {}

impl BackupSchedule {
    /// Text of the schedule, with single spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the meaning as part of a sentence: `every day at 02:00`.
    #[must_use]
    pub fn in_words(&self) -> String {
        self.meaning.in_words_of("backup")
    }

    /// Intervals between its times.
    #[must_use]
    pub const fn intervals(&self) -> ScheduledIntervals {
        self.intervals
    }

    /// Returns the first time after a moment; `None` if the operator finds none within five years.
    ///
    /// The operator counts `@every` from its last backup; here, it is counted from the moment.
    #[must_use]
    pub fn next_after(&self, moment: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        match &self.meaning {
            Meaning::Calendar(_) => self.occurrences.next(zone, moment),
            Meaning::Every(interval) => moment.trunc_subsecs(0).checked_add_signed(*interval),
        }
    }

    /// Returns the last time up to a moment.
    ///
    /// The time of an `@every` is known only from a backup that started before: a number of intervals
    /// after its start, or the start itself. `None` without such a backup.
    #[must_use]
    pub fn latest_until(
        &self,
        moment: DateTime<Utc>,
        zone: Tz,
        counted_from: Option<DateTime<Utc>>,
    ) -> Option<DateTime<Utc>> {
        match &self.meaning {
            Meaning::Calendar(_) => self.occurrences.latest(zone, moment),
            Meaning::Every(interval) => {
                let begun_at = counted_from.filter(|begun_at| *begun_at <= moment)?;
                let since = (moment - begun_at.trunc_subsecs(0)).num_seconds();
                let passed = since - since.checked_rem(interval.num_seconds())?;
                begun_at
                    .trunc_subsecs(0)
                    .checked_add_signed(TimeDelta::seconds(passed))
            }
        }
    }

    /// Returns a warning if the text has five fields, as crontabs have without seconds.
    ///
    /// `CloudNativePG` accepts them and reads the first one as the second; the missing one is the day
    /// of the week.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let fields = &self.text;
        if fields.split(' ').count() != 5 {
            return None;
        }
        let meaning = self.in_words();
        let head = format!(
            "`{fields}` has five fields, and the first field is seconds: it means {meaning}."
        );
        Some(match Crontab::read(fields) {
            Some(crontab) => format!("{head} {crontab}; otherwise write `{fields} *`"),
            None => format!("{head} To write the same with six fields, use `{fields} *`"),
        })
    }

    /// Returns the meaning that the text has for a Kubernetes `CronJob`.
    ///
    /// # Errors
    /// If it is not a schedule there.
    pub fn as_cron_job(&self) -> Result<String, InvalidSchedule> {
        Dialect::Kubernetes
            .read(&self.text)
            .map(|meaning| meaning.in_words_of("job"))
    }
}

/// Five fields read as in a crontab, which is probably intended.
struct Crontab {
    meaning: Meaning,
    /// Text with this meaning for `CloudNativePG`.
    fields: String,
}

impl Crontab {
    fn read(fields: &str) -> Option<Self> {
        // There, Sunday is 7 as well.
        let fields = match fields.strip_suffix(" 7") {
            Some(fields) => format!("0 {fields} 0"),
            None => format!("0 {fields}"),
        };
        let is_whole = fields.split(' ').count() == FieldKind::ALL.len();
        let meaning = is_whole.then(|| Dialect::CloudNativePg.read(&fields).ok())??;
        Some(Self { meaning, fields })
    }
}

impl fmt::Display for Crontab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { meaning, fields } = self;
        write!(
            f,
            "If you meant {}, as in a crontab, write `{fields}`",
            meaning.in_words_of("backup")
        )
    }
}

impl fmt::Debug for BackupSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BackupSchedule").field(&self.text).finish()
    }
}

impl fmt::Display for BackupSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for BackupSchedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let fields = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let read = Dialect::CloudNativePg.read(text);
        let meaning = read.map_err(|mistake| match Crontab::read(&fields) {
            Some(crontab) => InvalidSchedule::FiveFields {
                mistake: Box::new(mistake),
                hint: crontab.to_string().escape_debug().to_string(),
            },
            None => mistake,
        })?;
        let intervals = ScheduledIntervals::of(&meaning).ok_or(InvalidSchedule::Never)?;
        let occurrences = match &meaning {
            Meaning::Calendar(calendar) => Occurrences::of(calendar),
            Meaning::Every(_) => Occurrences::default(),
        };
        Ok(Self {
            text: fields,
            meaning,
            intervals,
            occurrences,
        })
    }
}
