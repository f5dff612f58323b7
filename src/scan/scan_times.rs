//! Times at which scans are due.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use cnpg_schedule::next_time;
use croner::Cron;

/// Times of a cron expression in a time zone, one after the other.
///
/// A time comes as often as a clock on the wall shows it: twice in the hour that is repeated when
/// summer time ends, and not at all in the hour that is skipped when it begins. Setting the clock
/// back delays no scan.
#[derive(Clone, Debug)]
pub struct ScanTimes {
    cron: Cron,
    zone: Tz,
    asked_at: DateTime<Utc>,
    next: Option<DateTime<Utc>>,
}

impl ScanTimes {
    /// Returns the times after `now`.
    #[must_use]
    pub fn new(cron: Cron, zone: Tz, now: DateTime<Utc>) -> Self {
        let next = next_time(&cron, zone, now);
        Self {
            cron,
            zone,
            asked_at: now,
            next,
        }
    }

    /// Next time; `None` if there is no more.
    #[must_use]
    pub const fn next(&self) -> Option<DateTime<Utc>> {
        self.next
    }

    /// Returns whether a time has come since the last call. Several times count once.
    pub fn has_come(&mut self, now: DateTime<Utc>) -> bool {
        let was_set_back = now < self.asked_at;
        let has_come = self.next.is_some_and(|next| next <= now);
        self.asked_at = now;
        if has_come || was_set_back {
            self.next = next_time(&self.cron, self.zone, now);
        }
        has_come
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use croner::parser::{CronParser, Seconds};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn times(expression: &str, zone: Tz, now: &str) -> ScanTimes {
        let parser = CronParser::builder()
            .seconds(Seconds::Required)
            .dom_and_dow(true)
            .build();
        ScanTimes::new(parser.parse(expression).unwrap(), zone, at(now))
    }

    #[test]
    fn a_time_that_has_come_comes_once() {
        let mut times = times("0 */5 * * * *", Tz::UTC, "2026-11-15T12:01:00.5Z");

        assert_eq!(times.next(), Some(at("2026-11-15T12:05:00Z")));
        assert!(!times.has_come(at("2026-11-15T12:04:59.9Z")));
        assert!(times.has_come(at("2026-11-15T12:05:00.3Z")));
        assert!(!times.has_come(at("2026-11-15T12:05:01.3Z")));
        assert_eq!(times.next(), Some(at("2026-11-15T12:10:00Z")));
    }

    #[test]
    fn times_that_were_slept_through_count_once() {
        let mut times = times("0 */5 * * * *", Tz::UTC, "2026-11-15T12:01:00Z");

        assert!(times.has_come(at("2026-11-15T14:02:00Z")));
        assert_eq!(times.next(), Some(at("2026-11-15T14:05:00Z")));
    }

    #[test]
    fn a_clock_that_is_set_back_delays_nothing() {
        let mut times = times("0 */5 * * * *", Tz::UTC, "2026-11-15T12:01:00Z");

        assert!(!times.has_come(at("2026-11-15T11:01:00Z")));
        assert_eq!(times.next(), Some(at("2026-11-15T11:05:00Z")));
        assert!(times.has_come(at("2026-11-15T11:05:00Z")));
    }

    #[test]
    fn the_hour_of_a_daily_scan_survives_changes_of_summer_time() {
        let mut times = times("0 30 6 * * *", Tz::Europe__Berlin, "2027-03-27T00:00:00Z");
        let mut found = Vec::new();
        for _ in 0..3 {
            let next = times.next().unwrap();
            found.push(next);
            assert!(times.has_come(next + TimeDelta::milliseconds(400)));
        }

        let expected = [
            "2027-03-27T05:30:00Z",
            "2027-03-28T04:30:00Z",
            "2027-03-29T04:30:00Z",
        ];
        assert_eq!(found, expected.map(at));
    }

    /// The times that come while a clock goes from one moment to another, second by second.
    fn ticked(expression: &str, from: &str, seconds: i64) -> Vec<String> {
        let mut times = times(expression, Tz::Europe__Berlin, from);
        let ticks = (1..=seconds).map(|second| at(from) + TimeDelta::seconds(second));
        let came = ticks.filter(|tick| times.has_come(*tick));
        came.map(|tick| tick.format("%H:%M").to_string()).collect()
    }

    #[test]
    fn times_in_the_repeated_hour_come_as_often_as_the_clock_shows() {
        let night = "2027-10-30T23:59:00Z";

        let half_past_two = ticked("0 30 2 * * *", night, 4 * 3600);
        assert_eq!(half_past_two, ["00:30", "01:30"]);
        let hourly = ticked("0 0 * * * *", night, 4 * 3600);
        assert_eq!(hourly, ["00:00", "01:00", "02:00", "03:00"]);
        assert_eq!(ticked("0 */20 * * * *", night, 4 * 3600).len(), 12);
    }

    #[test]
    fn in_the_hour_left_out_no_time_comes() {
        let night = "2027-03-27T23:59:00Z";

        assert_eq!(ticked("0 30 2 * * *", night, 4 * 3600), [""; 0]);
        assert_eq!(
            ticked("0 0 * * * *", night, 4 * 3600),
            ["00:00", "01:00", "02:00", "03:00"]
        );
    }

    #[test]
    fn a_time_beyond_several_changes_is_found() {
        let times = times("0 0 6 29 2 *", Tz::Europe__Berlin, "2026-11-15T12:00:00Z");

        assert_eq!(times.next(), Some(at("2028-02-29T05:00:00Z")));
    }
}
