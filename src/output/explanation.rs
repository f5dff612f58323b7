//! Explanations of schedules.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use cnpg_schedule::{BackupSchedule, ScheduledIntervals, whole_length};

use super::terminal::plain;
use super::words::moment_in_words;

/// Number of the next times that are shown.
const NEXT_TIMES: usize = 5;

/// Explains a schedule in lines for people: its meaning, its interval, the next times in a time zone,
/// a warning if it probably means something else, and its meaning as a `CronJob`.
#[must_use]
pub fn explanation(schedule: &BackupSchedule, zone: Tz, now: DateTime<Utc>) -> String {
    let mut facts = vec![
        ("Schedule", plain(schedule.as_str())),
        ("Meaning", schedule.in_words()),
        ("Interval", interval(schedule.intervals())),
    ];
    let mut name = "Next times";
    for time in next_times(schedule, zone, now) {
        facts.push((name, time));
        name = "";
    }
    if let Some(warning) = schedule.warning() {
        facts.push(("Warning", plain(&warning)));
    }
    facts.push(("As a CronJob", cron_job(schedule)));
    let mut lines = Vec::new();
    for (name, fact) in facts {
        lines.push(format!("{name:<12}  {fact}"));
    }
    lines.join("\n")
}

fn interval(intervals: ScheduledIntervals) -> String {
    let ScheduledIntervals {
        shortest,
        median,
        longest,
    } = intervals;
    let median = whole_length(median);
    if shortest == longest {
        return median;
    }
    format!(
        "{median} (median; from {} to {})",
        whole_length(shortest),
        whole_length(longest)
    )
}

fn next_times(schedule: &BackupSchedule, zone: Tz, now: DateTime<Utc>) -> Vec<String> {
    let mut times = Vec::new();
    let mut last = now;
    while times.len() < NEXT_TIMES
        && let Some(next) = schedule.next_after(last, zone)
    {
        times.push(local_moment(next, zone));
        last = next;
    }
    if times.is_empty() {
        times.push("none within five years: the operator takes no backup".to_owned());
    }
    times
}

fn local_moment(at: DateTime<Utc>, zone: Tz) -> String {
    if zone == Tz::UTC {
        return moment_in_words(at);
    }
    let local = at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z");
    format!("{local} ({})", moment_in_words(at))
}

fn cron_job(schedule: &BackupSchedule) -> String {
    match schedule.as_cron_job() {
        Ok(words) => words,
        Err(error) => format!("Kubernetes rejects it: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(text: &str, zone: Tz) -> String {
        let now = "2026-11-24T20:00:00Z".parse().unwrap();
        explanation(&text.parse().unwrap(), zone, now)
    }

    #[test]
    fn five_fields_are_explained_with_the_warning() {
        insta::assert_snapshot!(explained("0 2 * * *", Tz::UTC), @"
        Schedule      0 2 * * *
        Meaning       every hour at minute 2
        Interval      1 hour
        Next times    2026-11-24 20:02:00 UTC
                      2026-11-24 21:02:00 UTC
                      2026-11-24 22:02:00 UTC
                      2026-11-24 23:02:00 UTC
                      2026-11-25 00:02:00 UTC
        Warning       `0 2 * * *` has five fields, and the first field is seconds: it means every hour at minute 2. If you meant every day at 02:00, as in a crontab, write `0 0 2 * * *`; otherwise write `0 2 * * * *`
        As a CronJob  every day at 02:00
        ");
    }

    #[test]
    fn six_fields_are_explained_in_a_time_zone() {
        insta::assert_snapshot!(explained("0 30 2 * * MON-FRI", Tz::Europe__Berlin), @"
        Schedule      0 30 2 * * MON-FRI
        Meaning       from Monday to Friday at 02:30
        Interval      1 day (median; from 1 day to 3 days)
        Next times    2026-11-25 02:30:00 CET (2026-11-25 01:30:00 UTC)
                      2026-11-26 02:30:00 CET (2026-11-26 01:30:00 UTC)
                      2026-11-27 02:30:00 CET (2026-11-27 01:30:00 UTC)
                      2026-11-30 02:30:00 CET (2026-11-30 01:30:00 UTC)
                      2026-12-01 02:30:00 CET (2026-12-01 01:30:00 UTC)
        As a CronJob  Kubernetes rejects it: expected five fields: minute, hour, day of month, month, day of week
        ");
    }

    #[test]
    fn every_so_often_is_explained_from_now_on() {
        insta::assert_snapshot!(explained("@every 90m30s", Tz::UTC), @"
        Schedule      @every 90m30s
        Meaning       every 1 hour 30 minutes 30 seconds, counted from the last backup
        Interval      1 hour 30 minutes 30 seconds
        Next times    2026-11-24 21:30:30 UTC
                      2026-11-24 23:01:00 UTC
                      2026-11-25 00:31:30 UTC
                      2026-11-25 02:02:00 UTC
                      2026-11-25 03:32:30 UTC
        As a CronJob  every 1 hour 30 minutes 30 seconds, counted from the last job
        ");
    }

    #[test]
    fn a_time_that_comes_too_late_for_the_operator_is_told() {
        insta::assert_snapshot!(explained("0 0 0 29 2 */6", Tz::UTC), @"
        Schedule      0 0 0 29 2 */6
        Meaning       on day 29 of the month (if it is a Saturday or Sunday) at 00:00, in February
        Interval      5113 days 12 hours (median; from 4383 days to 5844 days)
        Next times    none within five years: the operator takes no backup
        As a CronJob  Kubernetes rejects it: expected five fields: minute, hour, day of month, month, day of week
        ");
    }
}
