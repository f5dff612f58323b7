//! Settings of the schedule of a server's backups.

use std::time::Duration;

use chrono_tz::Tz;
use cnpg_schedule::{BackupSchedule, InvalidSchedule};

use super::scan::parse_time_zone;
use super::section::Section;
#[cfg(test)]
use super::tests::schema::DurationText;

/// Schedule of a server's backups.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename_all = "camelCase"))]
pub struct BackupScheduleConfig {
    /// The `schedule` of the server's `ScheduledBackup`, as `CloudNativePG` reads it: six fields, seconds
    /// first, or a word such as `@daily` or `@every 6h`. With five fields, the day of the week is
    /// missing, not the second; this causes a warning. Absent: not known; delays are not reported.
    #[cfg_attr(test, schemars(with = "Option<String>", rename = "backupSchedule"))]
    pub schedule: BackupSchedule,
    /// IANA time zone of the operator's pod, such as `Europe/Berlin`. Default: `UTC`.
    #[cfg_attr(
        test,
        schemars(with = "Option<String>", rename = "backupScheduleTimeZone")
    )]
    pub time_zone: Tz,
    /// Time after which a missing backup is late. Up to 30 days. Absent: one hour, or three times the
    /// duration of the newest backups if that is longer.
    #[cfg_attr(
        test,
        schemars(with = "Option<DurationText>", rename = "backupGracePeriod")
    )]
    pub grace_period: Option<Duration>,
}

const KEY: &str = "backupSchedule";

/// Reads a schedule. What is wrong with one is told with the field, which an address with a password
/// in it must not be.
fn parse(text: &str) -> Result<BackupSchedule, String> {
    let is_address = text.contains("://")
        || text
            .trim()
            .char_indices()
            .any(|(at, character)| at > 0 && character == '@');
    if is_address {
        return Err("expected six fields, seconds first, or a word such as `@daily`".to_owned());
    }
    text.parse()
        .map_err(|error: InvalidSchedule| error.to_string())
}

impl BackupScheduleConfig {
    /// Reads the schedule of a server; `None` if there is none.
    pub(super) fn read(server: &mut Section<'_>) -> Option<Self> {
        let schedule = server.text(KEY, parse);
        let time_zone = server.text("backupScheduleTimeZone", parse_time_zone);
        let range = Duration::ZERO..=Duration::from_hours(24 * 30);
        let grace_period = server.duration("backupGracePeriod", range);
        if !server.has(KEY) {
            for key in ["backupScheduleTimeZone", "backupGracePeriod"] {
                if server.has(key) {
                    server.mistake(key, format!("has no effect without `{KEY}`; remove it"));
                }
            }
        }
        Some(Self {
            schedule: schedule?,
            time_zone: time_zone.unwrap_or(Tz::UTC),
            grace_period,
        })
    }

    /// Returns a warning if the schedule is probably not intended. It starts with the key of the
    /// schedule; `server` is the key of the server.
    pub(super) fn warning(&self, server: &str) -> Option<String> {
        Some(format!("{server}.{KEY}: {}", self.schedule.warning()?))
    }
}
