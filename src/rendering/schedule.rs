//! What is not as it should be about when backups are taken.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::human::{duration, moment};
use super::{Evidence, Finding, FindingCode, Moment, Severity};
use crate::report::{Contradiction, ScheduleReport, ServerReport};

/// How a server's backups keep to their schedule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScheduleEntry {
    /// The schedule as it is configured.
    pub expression: String,
    /// Its time zone, by its IANA name.
    pub time_zone: &'static str,
    /// What it means, in words.
    pub meaning: String,
    /// What is odd about how it is written; `null` where nothing is.
    pub warning: Option<String>,
    /// Median time from one of its times to the next.
    pub interval_seconds: f64,
    /// Median time from the begin of a done backup to that of the next; `null` for fewer than two.
    pub observed_interval_seconds: Option<f64>,
    /// Its latest time; `null` where that is not known, as for `@every` before any backup.
    pub due_at: Option<Moment>,
    /// How long after its time a backup may be missing before it is late.
    pub grace_seconds: f64,
    /// How long a backup is late; 0 when on time, `null` like the latest time.
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

    /// All of it in one line.
    pub(super) fn in_words(&self) -> String {
        let mut words = vec![format!("{} ({})", self.meaning, self.expression)];
        if self.time_zone != "UTC" {
            words.push(format!("in {}", self.time_zone));
        }
        if let Some(seconds) = self.observed_interval_seconds {
            words.push(format!("taken every {}", duration(seconds_delta(seconds))));
        }
        if let Some(due_at) = self.due_at {
            words.push(format!("last due {}", moment(due_at.0)));
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

pub(super) fn schedule(server: &ServerReport, now: DateTime<Utc>) -> Vec<Finding> {
    let Some(report) = &server.schedule else { return Vec::new() };
    let misread = report.expected.schedule.warning().map(|warning| {
        let message = format!("The backup schedule {warning}");
        Finding::new(Severity::Warning, FindingCode::ScheduleMisread, message)
    });
    // Without any done backup, that there is none says it all.
    let overdue = server.newest_done().and_then(|_| overdue(report, now));
    [overdue, misread, contradiction(report)].into_iter().flatten().collect()
}

fn overdue(report: &ScheduleReport, now: DateTime<Utc>) -> Option<Finding> {
    let unmet_at = report.unmet_at(now)?;
    let overdue = report.overdue(now).filter(|overdue| *overdue > TimeDelta::zero())?;
    // One backup may fail and the next one succeed; two in a row look like the end of them.
    let is_second = overdue >= report.expected.schedule.intervals().longest;
    let severity = if is_second { Severity::Critical } else { Severity::Warning };
    let message = format!(
        "A backup was due {} and none that began since is done: overdue by {}, a grace of {} not \
         counted",
        moment(unmet_at),
        duration(overdue),
        duration(report.grace_period)
    );
    let evidence = Evidence { since: Some(Moment(unmet_at)), ..Evidence::default() };
    Some(Finding::new(severity, FindingCode::BackupOverdue, message).with(evidence))
}

fn contradiction(report: &ScheduleReport) -> Option<Finding> {
    let observed = report.observed?;
    let than = match report.contradiction()? {
        Contradiction::MoreOften => "more often",
        Contradiction::LessOften => "less often",
    };
    let schedule = &report.expected.schedule;
    let message = format!(
        "Backups are taken {than} than the schedule `{schedule}` has it: every {} (median of {}), and \
         not every {} ({})",
        duration(observed.median),
        observed.count,
        duration(schedule.intervals().median),
        schedule.in_words()
    );
    let count = u64::try_from(observed.count).ok();
    let evidence = Evidence { count, ..Evidence::default() };
    Some(Finding::new(Severity::Warning, FindingCode::ScheduleContradicted, message).with(evidence))
}
