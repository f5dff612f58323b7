//! Settings of the scan.

use std::ops::RangeInclusive;
use std::time::Duration;

use chrono_tz::Tz;

use super::schedule::Schedule;
use super::section::Section;

/// When archives are scanned, and what a scan may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanConfig {
    /// When every archive is scanned: a cron expression of six fields, seconds first (second,
    /// minute, hour, day of month, month, day of week). Where both kinds of day are given, both
    /// must match. Default: `0 */5 * * * *`, every five minutes.
    pub schedule: Schedule,
    /// The time zone of the schedule, by its IANA name such as `Europe/Berlin`. Default: `UTC`.
    pub time_zone: Tz,
    /// The longest random delay of a scan after its time, so that several exporters do not list at
    /// the same moment. Up to one hour. Default: `0s`.
    pub jitter: Duration,
    /// How long one scan of one archive may take; what has not ended by then failed. Up to 24 hours.
    /// Default: `5m`.
    pub timeout: Duration,
    /// How many requests one scan of one archive has under way at once. From 1 to 1024.
    /// Default: 16.
    pub concurrency: u32,
    /// Up to how many requests for listing everything, it is listed in every scan. Above, a scan asks
    /// only for what can have changed: new and open WAL directories, the outermost ones, base
    /// backups, history files. From 0 to 1000000. Default: 50.
    pub full_scan_requests: u32,
    /// Within what time every WAL directory is listed again, also where nothing says that it
    /// changed. From one minute to 366 days. Default: `24h`.
    pub audit_period: Duration,
    /// How long one request to the object storage may take, its retries not included. Up to one
    /// hour. Default: `30s`.
    pub request_timeout: Duration,
    /// How many times a request is sent before it counts as failed; 1 means no retry. From 1 to 20.
    /// Default: 4.
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
            schedule: section.text("schedule", str::parse).unwrap_or(default.schedule),
            time_zone: section.text("timeZone", parse_time_zone).unwrap_or(default.time_zone),
            jitter: section.duration("jitter", Duration::ZERO..=HOUR).unwrap_or(default.jitter),
            timeout: section.duration("timeout", up_to(24 * HOUR)).unwrap_or(default.timeout),
            concurrency: section.number("concurrency", 1..=1024).unwrap_or(default.concurrency),
            full_scan_requests: section
                .number("fullScanRequests", 0..=1_000_000)
                .unwrap_or(default.full_scan_requests),
            audit_period: section
                .duration("auditPeriod", Duration::from_mins(1)..=366 * 24 * HOUR)
                .unwrap_or(default.audit_period),
            request_timeout: section
                .duration("requestTimeout", up_to(HOUR))
                .unwrap_or(default.request_timeout),
            max_attempts: section.number("maxAttempts", 1..=20).unwrap_or(default.max_attempts),
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
    text.parse().map_err(|_| "expected the IANA name of a time zone, such as `Europe/Berlin`")
}
