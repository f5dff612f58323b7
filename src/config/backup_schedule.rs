//! Settings of when a server's backups should be taken.

use std::time::Duration;

use chrono_tz::Tz;
use cnpg_schedule::{BackupSchedule, InvalidSchedule};

use super::scan::parse_time_zone;
use super::section::Section;

/// When a server's backups should be taken, and from when on one is late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupScheduleConfig {
    /// `backupSchedule`: the `schedule` of the server's `ScheduledBackup`, read as `CloudNativePG`
    /// reads it: six fields, seconds first, or `@daily`, `@every 6h` and the like. With five fields,
    /// the day of the week is missing and not the second; that is warned of. Absent: not known, and
    /// nothing is said about it.
    pub schedule: BackupSchedule,
    /// `backupScheduleTimeZone`: the time zone of the operator's pod, by its IANA name such as
    /// `Europe/Berlin`. Default: `UTC`.
    pub time_zone: Tz,
    /// `backupGracePeriod`: how long after its time a backup may be missing before it is late. Up to
    /// 30 days. Absent: one hour, or three times what the newest backups took where that is longer.
    pub grace_period: Option<Duration>,
}

const KEY: &str = "backupSchedule";

/// Reads a schedule. What is wrong with one is told with the field, which an address with a password
/// in it must not be.
fn parse(text: &str) -> Result<BackupSchedule, String> {
    let is_address =
        text.contains("://") || text.trim().char_indices().any(|(at, one)| at > 0 && one == '@');
    if is_address {
        return Err("expected six fields, seconds first, or a word such as `@daily`".to_owned());
    }
    text.parse().map_err(|error: InvalidSchedule| error.to_string())
}

impl BackupScheduleConfig {
    /// The settings of a server; `None` without a schedule.
    pub(super) fn read(server: &mut Section<'_>) -> Option<Self> {
        let schedule = server.text(KEY, parse);
        let time_zone = server.text("backupScheduleTimeZone", parse_time_zone);
        let range = Duration::ZERO..=Duration::from_hours(24 * 30);
        let grace_period = server.duration("backupGracePeriod", range);
        if !server.has(KEY) {
            for key in ["backupScheduleTimeZone", "backupGracePeriod"] {
                if server.has(key) {
                    server.mistake(key, format!("means nothing without `{KEY}`"));
                }
            }
        }
        Some(Self { schedule: schedule?, time_zone: time_zone.unwrap_or(Tz::UTC), grace_period })
    }

    /// What is odd about the schedule of the server at this place, with its key.
    pub(super) fn warning(&self, server: &str) -> Option<String> {
        Some(format!("{server}.{KEY}: {}", self.schedule.warning()?))
    }
}
