//! Schedule of a server's backups in JSON.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::output::Moment;
use crate::output::words::{duration, moment_in_words};
use crate::report::ScheduleReport;

/// Backups of a server compared with their schedule.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ScheduleEntry {
    /// Schedule as configured.
    pub expression: String,
    /// Time zone of the schedule, by its IANA name.
    pub time_zone: &'static str,
    /// Meaning of the schedule, in words.
    pub meaning: String,
    /// Warning if the schedule probably means something else than intended; `null` otherwise.
    pub warning: Option<String>,
    /// Median time from one scheduled time to the next.
    pub interval_seconds: f64,
    /// Median time from the start of a done backup to that of the next; `null` with fewer than two.
    pub observed_interval_seconds: Option<f64>,
    /// Latest scheduled time; `null` if unknown, as for `@every` before any backup.
    pub due_at: Option<Moment>,
    /// Time after its due time for which a backup may be missing before it is late.
    pub grace_seconds: f64,
    /// Time by which a backup is late; 0 if on time, `null` like the latest time.
    pub overdue_seconds: Option<f64>,
}

impl ScheduleEntry {
    pub(super) fn new(report: &ScheduleReport, now: DateTime<Utc>) -> Self {
        let schedule = &report.expected.schedule;
        Self {
            expression: schedule.as_str().to_owned(),
            time_zone: report.expected.zone.name(),
            meaning: schedule.in_words(),
            warning: schedule.warning(),
            interval_seconds: schedule.intervals().median.as_seconds_f64(),
            observed_interval_seconds: report
                .observed
                .map(|interval| interval.median.as_seconds_f64()),
            due_at: report.due_at(now).map(Moment),
            grace_seconds: report.grace_period.as_seconds_f64(),
            overdue_seconds: report.overdue(now).map(TimeDelta::as_seconds_f64),
        }
    }

    /// Describes the schedule and the backups in one line.
    pub(super) fn in_words(&self) -> String {
        let mut words = vec![format!("{} ({})", self.meaning, self.expression)];
        if self.time_zone != Tz::UTC.name() {
            words.push(format!("in {}", self.time_zone));
        }
        if let Some(seconds) = self.observed_interval_seconds {
            words.push(format!(
                "observed interval {}",
                duration(seconds_delta(seconds))
            ));
        }
        if let Some(due_at) = self.due_at {
            words.push(format!("last due {}", moment_in_words(due_at.0)));
        }
        match self.overdue_seconds {
            Some(seconds) if seconds > 0.0 => {
                words.push(format!("overdue by {}", duration(seconds_delta(seconds))));
            }
            Some(_) => words.push("on time".to_owned()),
            None => {}
        }
        words.join(", ")
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole seconds are shown")]
fn seconds_delta(seconds: f64) -> TimeDelta {
    TimeDelta::try_seconds(seconds as i64).unwrap_or(TimeDelta::MAX)
}
