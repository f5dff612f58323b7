//! Settings of the scan.

use std::ops::RangeInclusive;
use std::time::Duration;

use chrono_tz::Tz;

use super::schedule::Schedule;
use super::section::Section;
#[cfg(test)]
use super::tests::schema::DurationText;

/// Schedule and limits of the scans.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct ScanConfig {
    /// Schedule of the scans: a cron expression of six fields, seconds first (second, minute, hour, day
    /// of month, month, day of week). If both kinds of day are given, both must match. Default:
    /// `0 */5 * * * *`, every five minutes.
    #[cfg_attr(test, schemars(with = "String"))]
    pub schedule: Schedule,
    /// IANA time zone of the schedule, such as `Europe/Berlin`. Default: `UTC`.
    #[cfg_attr(test, schemars(with = "String"))]
    pub time_zone: Tz,
    /// Longest random delay of a scan, so that several exporters do not list at the same moment. Up to
    /// one hour. Default: `0s`.
    #[cfg_attr(test, schemars(with = "DurationText"))]
    pub jitter: Duration,
    /// Time limit of one scan of one archive; a scan that takes longer fails. Up to 24 hours. Default:
    /// `5m`.
    #[cfg_attr(test, schemars(with = "DurationText"))]
    pub timeout: Duration,
    /// Maximum number of requests that one scan of one archive sends at once. From 1 to 1024. Default:
    /// 16.
    #[cfg_attr(test, schemars(range(min = 1, max = 1024)))]
    pub concurrency: u32,
    /// If everything can be listed in at most this many requests, every scan lists everything.
    /// Otherwise a scan lists only what can have changed: new and open WAL directories, the first and
    /// the last one, base backups, history files. From 0 to 1000000. Default: 50.
    #[cfg_attr(test, schemars(range(max = 1_000_000)))]
    pub full_scan_requests: u32,
    /// Time within which every WAL directory is listed again, even if nothing indicates a change. From
    /// one minute to 366 days. Default: `24h`.
    #[cfg_attr(test, schemars(with = "DurationText"))]
    pub audit_period: Duration,
    /// Time limit of one request to the object storage, without its retries. Up to one hour. Default:
    /// `30s`.
    #[cfg_attr(test, schemars(with = "DurationText"))]
    pub request_timeout: Duration,
    /// Number of times that a request is sent before it counts as failed; 1 means no retry. From 1 to
    /// 20. Default: 4.
    #[cfg_attr(test, schemars(range(min = 1, max = 20)))]
    pub max_attempts: u32,
}

impl Default for ScanConfig {
    fn default() -> Self {
        Self {
            schedule: Schedule::default(),
            time_zone: Tz::UTC,
            jitter: Duration::ZERO,
            timeout: Duration::from_mins(5),
            concurrency: 16,
            full_scan_requests: 50,
            audit_period: 24 * HOUR,
            request_timeout: Duration::from_secs(30),
            max_attempts: 4,
        }
    }
}

const HOUR: Duration = Duration::from_hours(1);

impl ScanConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let config = Self {
            schedule: section
                .text("schedule", str::parse)
                .unwrap_or(default.schedule),
            time_zone: section
                .text("timeZone", parse_time_zone)
                .unwrap_or(default.time_zone),
            jitter: section
                .duration("jitter", Duration::ZERO..=HOUR)
                .unwrap_or(default.jitter),
            timeout: section
                .duration("timeout", up_to(24 * HOUR))
                .unwrap_or(default.timeout),
            concurrency: section
                .number("concurrency", 1..=1024)
                .unwrap_or(default.concurrency),
            full_scan_requests: section
                .number("fullScanRequests", 0..=1_000_000)
                .unwrap_or(default.full_scan_requests),
            audit_period: section
                .duration("auditPeriod", Duration::from_mins(1)..=366 * 24 * HOUR)
                .unwrap_or(default.audit_period),
            request_timeout: section
                .duration("requestTimeout", up_to(HOUR))
                .unwrap_or(default.request_timeout),
            max_attempts: section
                .number("maxAttempts", 1..=20)
                .unwrap_or(default.max_attempts),
        };
        section.finish();
        config
    }
}

pub(super) fn up_to(most: Duration) -> RangeInclusive<Duration> {
    Duration::from_millis(1)..=most
}

/// Reads the IANA name of a time zone.
pub(crate) fn parse_time_zone(text: &str) -> Result<Tz, &'static str> {
    text.parse()
        .map_err(|_| "expected the IANA name of a time zone, such as `Europe/Berlin`")
}
