//! When a server's backups should be taken.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;

use super::dialect::{Dialect, InvalidSchedule, Meaning};
use super::field::FieldKind;
use super::intervals::ScheduledIntervals;
use super::occurrences::Occurrences;

/// When a server's backups should be taken, as `CloudNativePG` reads the `schedule` of a
/// `ScheduledBackup`. Its times come.
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
    /// The schedule as it was given, but for the spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it means, as a part of a sentence: `every day at 02:00`.
    #[must_use]
    pub fn in_words(&self) -> String {
        self.meaning.in_words()
    }

    /// How far apart its times are.
    #[must_use]
    pub const fn intervals(&self) -> ScheduledIntervals {
        self.intervals
    }

    /// The first time after a moment; `None` where the operator finds none within five years.
    ///
    /// The operator counts `@every` from when it last took a backup; here, that is the moment.
    #[must_use]
    pub fn next_after(&self, moment: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        match &self.meaning {
            Meaning::Calendar(_) => self.occurrences.next(zone, moment),
            Meaning::Every(interval) => moment.trunc_subsecs(0).checked_add_signed(*interval),
        }
    }

    /// The last time up to a moment.
    ///
    /// That of an `@every` is known only from a backup that began before: so many intervals after
    /// it, or its begin itself. `None` without one.
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
                begun_at.trunc_subsecs(0).checked_add_signed(TimeDelta::seconds(passed))
            }
        }
    }

    /// What is odd about how it is written: five fields, which elsewhere are those without seconds.
    ///
    /// `CloudNativePG` takes them and reads the first one as seconds; the last one, the day of the
    /// week, is what it misses.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let fields = &self.text;
        if fields.split(' ').count() != 5 {
            return None;
        }
        let meaning = self.in_words();
        let head = format!(
            "`{fields}` has five fields, and the first one is the second: it means {meaning}."
        );
        Some(match Crontab::read(fields) {
            Some(crontab) => format!("{head} {crontab}; if not, write `{fields} *`"),
            None => format!("{head} To say so in all six fields, write `{fields} *`"),
        })
    }

    /// What the same text would mean to a Kubernetes `CronJob`.
    ///
    /// # Errors
    /// When it would be none there.
    pub fn as_cron_job(&self) -> Result<String, InvalidSchedule> {
        Dialect::Kubernetes.read(&self.text).map(|meaning| meaning.in_words())
    }
}

/// Five fields as a crontab has them, which is what is probably meant by them.
struct Crontab {
    meaning: Meaning,
    /// How to write that for `CloudNativePG`.
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
        write!(f, "If {} is meant, as in a crontab, write `{fields}`", meaning.in_words())
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
        Ok(Self { text: fields, meaning, intervals, occurrences })
    }
}
