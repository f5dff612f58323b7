//! When a scan is due.

use chrono::{DateTime, SubsecRound, Utc};
use chrono_tz::Tz;
use croner::Cron;

/// The times of a cron expression in a time zone, one after the other.
///
/// Times are found in the zone as it is then, so that a change of the offset moves none of them; and
/// anew whenever the clock is asked, so that a clock that is set back delays none.
#[derive(Clone, Debug)]
pub struct Due {
    cron: Cron,
    zone: Tz,
    next: Option<DateTime<Utc>>,
}

impl Due {
    /// The times after `now`.
    #[must_use]
    pub fn new(cron: Cron, zone: Tz, now: DateTime<Utc>) -> Self {
        let mut due = Self { cron, zone, next: None };
        due.next = due.after(now);
        due
    }

    /// The next time; `None` if there is none any more.
    #[must_use]
    pub const fn next(&self) -> Option<DateTime<Utc>> {
        self.next
    }

    /// Whether a time has come since this was asked the last time. Several count once.
    pub fn has_come(&mut self, now: DateTime<Utc>) -> bool {
        let following = self.after(now);
        let has_come = self.next.is_some_and(|next| next <= now);
        self.next = following;
        has_come
    }

    fn after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // The parser would carry fractions of a second over to the next time.
        let local = now.trunc_subsecs(0).with_timezone(&self.zone);
        let next = self.cron.find_next_occurrence(&local, false).ok()?;
        Some(next.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use croner::parser::{CronParser, Seconds};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn due(expression: &str, zone: Tz, now: &str) -> Due {
        let parser = CronParser::builder().seconds(Seconds::Required).dom_and_dow(true).build();
        Due::new(parser.parse(expression).unwrap(), zone, at(now))
    }

    #[test]
    fn a_time_that_has_come_comes_once() {
        let mut due = due("0 */5 * * * *", Tz::UTC, "2026-11-15T12:01:00.5Z");

        assert_eq!(due.next(), Some(at("2026-11-15T12:05:00Z")));
        assert!(!due.has_come(at("2026-11-15T12:04:59.9Z")));
        assert!(due.has_come(at("2026-11-15T12:05:00.3Z")));
        assert!(!due.has_come(at("2026-11-15T12:05:01.3Z")));
        assert_eq!(due.next(), Some(at("2026-11-15T12:10:00Z")));
    }

    #[test]
    fn times_that_were_slept_through_count_once() {
        let mut due = due("0 */5 * * * *", Tz::UTC, "2026-11-15T12:01:00Z");

        assert!(due.has_come(at("2026-11-15T14:02:00Z")));
        assert_eq!(due.next(), Some(at("2026-11-15T14:05:00Z")));
    }

    #[test]
    fn a_clock_that_is_set_back_delays_nothing() {
        let mut due = due("0 */5 * * * *", Tz::UTC, "2026-11-15T12:01:00Z");

        assert!(!due.has_come(at("2026-11-15T11:01:00Z")));
        assert_eq!(due.next(), Some(at("2026-11-15T11:05:00Z")));
        assert!(due.has_come(at("2026-11-15T11:05:00Z")));
    }

    #[test]
    fn the_hour_of_a_daily_scan_stays_when_summer_time_begins_and_ends() {
        let mut due = due("0 30 6 * * *", Tz::Europe__Berlin, "2027-03-27T00:00:00Z");
        let mut found = Vec::new();
        for _ in 0..3 {
            let next = due.next().unwrap();
            found.push(next);
            assert!(due.has_come(next + TimeDelta::milliseconds(400)));
        }

        let expected = ["2027-03-27T05:30:00Z", "2027-03-28T04:30:00Z", "2027-03-29T04:30:00Z"];
        assert_eq!(found, expected.map(at));
    }
}
