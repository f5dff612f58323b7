//! Bytes that arrived lately.

use barman_archive::inventory::{Day, Usage};
use serde::Serialize;

/// Number of whole days that are reported.
const DAYS: i32 = 30;

/// Number of whole weeks that are reported.
const WEEKS: i32 = 12;

/// Number of days in a week.
const WEEK: i32 = 7;

/// Bytes of the objects that arrived lately and still exist, by their modification times.
///
/// Objects that have been deleted since, for example by retention, are not counted, and the objects of
/// a copied bucket have the time of the copy. Days and weeks are in UTC. The current day and week are
/// incomplete, so they are reported separately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GrowthEntry {
    /// Bytes that arrived today so far.
    pub today_bytes: u64,
    /// Bytes that arrived on the last whole day.
    pub last_day_bytes: u64,
    /// Bytes that arrived on the last 7 whole days.
    pub last_7_days_bytes: u64,
    /// Bytes that arrived on the last 30 whole days.
    pub last_30_days_bytes: u64,
    /// Number of whole days that the averages are of: 30, or fewer if the oldest object is younger.
    pub averaged_days: u64,
    /// Bytes per day, averaged over these days; `null` without a whole day.
    pub bytes_per_day: Option<u64>,
    /// Bytes per week, averaged over the same days; `null` if they are less than a week.
    pub bytes_per_week: Option<u64>,
    /// The last 30 whole days, oldest first; days on which nothing arrived are 0.
    pub days: Vec<DayEntry>,
    /// Bytes that arrived in the current week, today included.
    pub this_week_bytes: u64,
    /// The last 12 whole weeks, oldest first; weeks in which nothing arrived are 0.
    pub weeks: Vec<WeekEntry>,
}

/// One day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DayEntry {
    /// The date in UTC, such as `2026-11-14`.
    pub day: String,
    /// Bytes that arrived.
    pub bytes: u64,
}

/// One week, from Monday to Sunday.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WeekEntry {
    /// The week as ISO 8601 names it, such as `2026-W46`.
    pub week: String,
    /// Bytes that arrived.
    pub bytes: u64,
}

impl GrowthEntry {
    /// Sums up the bytes that arrived before a day and on it; later ones are not counted.
    pub(super) fn new(usage: &Usage, today: Day) -> Self {
        let monday = monday_of(today);
        let last_30_days_bytes = arrived_within(usage, before(today, DAYS), DAYS);
        let averaged_days = averaged_days(usage, today);
        let per_day = average(last_30_days_bytes, averaged_days, 1);
        let per_week = average(last_30_days_bytes, averaged_days, 7);
        let mut days = Vec::new();
        for back in (1..=DAYS).rev() {
            let day = before(today, back);
            let bytes = arrived_within(usage, day, 1);
            days.push(DayEntry {
                day: day.begins_at().format("%Y-%m-%d").to_string(),
                bytes,
            });
        }
        let mut weeks = Vec::new();
        for back in (1..=WEEKS).rev() {
            let week = before(monday, back * WEEK);
            let bytes = arrived_within(usage, week, WEEK);
            weeks.push(WeekEntry {
                week: week.begins_at().format("%G-W%V").to_string(),
                bytes,
            });
        }
        Self {
            today_bytes: arrived_within(usage, today, 1),
            last_day_bytes: arrived_within(usage, before(today, 1), 1),
            last_7_days_bytes: arrived_within(usage, before(today, WEEK), WEEK),
            last_30_days_bytes,
            averaged_days,
            bytes_per_day: per_day,
            bytes_per_week: per_week.filter(|_| averaged_days >= 7),
            days,
            this_week_bytes: sum(usage, monday, Day(today.0.saturating_add(1))),
            weeks,
        }
    }
}

/// Returns the day so many days before another.
const fn before(day: Day, days: i32) -> Day {
    Day(day.0.saturating_sub(days))
}

/// Sums up the bytes that arrived on so many days from `first` on.
fn arrived_within(usage: &Usage, first: Day, days: i32) -> u64 {
    sum(usage, first, Day(first.0.saturating_add(days)))
}

/// Average bytes of so many days, from a sum over `averaged_days`; `None` if these are none.
fn average(sum: u64, averaged_days: u64, days: u64) -> Option<u64> {
    let scaled = u128::from(sum) * u128::from(days);
    let average = scaled.checked_div(u128::from(averaged_days))?;
    Some(u64::try_from(average).unwrap_or(u64::MAX))
}

/// Sums up the bytes that arrived in `begin..end`.
fn sum(usage: &Usage, begin: Day, end: Day) -> u64 {
    let days = usage.days();
    let later = days
        .get(days.partition_point(|(day, _)| *day < begin)..)
        .unwrap_or_default();
    let within = later.iter().take_while(|(day, _)| *day < end);
    within.fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
}

/// Number of reported days since the arrival of the oldest object.
fn averaged_days(usage: &Usage, today: Day) -> u64 {
    let oldest = usage.days().first().map_or(today, |(day, _)| *day);
    let days = i64::from(today.0) - i64::from(oldest.0);
    u64::try_from(days.clamp(0, i64::from(DAYS))).unwrap_or_default()
}

/// Returns the Monday of a day's week. Unix time began on a Thursday.
fn monday_of(day: Day) -> Day {
    let since_monday = (i64::from(day.0) + 3).rem_euclid(i64::from(WEEK));
    Day(day
        .0
        .saturating_sub(i32::try_from(since_monday).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use barman_archive::inventory::ListedObject;
    use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};
    use proptest::prelude::*;

    use super::*;

    fn usage(objects: &[(DateTime<Utc>, u64)]) -> Usage {
        let mut usage = Usage::default();
        for (last_modified, size) in objects {
            usage.add_object(&ListedObject {
                key: "k".to_owned(),
                size: *size,
                last_modified: *last_modified,
                etag: None,
                storage_class: None,
            });
        }
        usage
    }

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn growth(objects: &[(&str, u64)], now: &str) -> GrowthEntry {
        let objects: Vec<_> = objects
            .iter()
            .map(|(at, size)| (moment(at), *size))
            .collect();
        GrowthEntry::new(&usage(&objects), Day::of(moment(now)))
    }

    #[test]
    fn the_day_that_is_not_over_is_in_no_sum_and_no_average() {
        let objects = [
            ("2026-11-01T10:00:00Z", 100),
            ("2026-11-14T23:59:59Z", 40),
            ("2026-11-15T00:00:00Z", 7),
            ("2026-11-16T00:00:00Z", 5),
        ];

        let growth = growth(&objects, "2026-11-15T12:00:00Z");

        assert_eq!((growth.today_bytes, growth.last_day_bytes), (7, 40));
        assert_eq!(
            (growth.last_7_days_bytes, growth.last_30_days_bytes),
            (40, 140)
        );
        assert_eq!((growth.averaged_days, growth.bytes_per_day), (14, Some(10)));
        assert_eq!(growth.bytes_per_week, Some(70));
        // A Sunday: 2026-11-09 was the Monday.
        assert_eq!(growth.this_week_bytes, 47);
    }

    #[test]
    fn what_began_today_has_no_average() {
        let today = growth(&[("2026-11-15T10:00:00Z", 100)], "2026-11-15T12:00:00Z");
        let empty = growth(&[], "2026-11-15T12:00:00Z");
        let yesterday = growth(&[("2026-11-14T10:00:00Z", 100)], "2026-11-15T12:00:00Z");

        assert_eq!((today.averaged_days, today.bytes_per_day), (0, None));
        assert_eq!((empty.averaged_days, empty.bytes_per_day), (0, None));
        assert_eq!(
            (yesterday.bytes_per_day, yesterday.bytes_per_week),
            (Some(100), None)
        );
    }

    #[test]
    fn weeks_have_their_names_from_iso_8601() {
        let growth = growth(&[("2027-01-01T10:00:00Z", 100)], "2027-01-04T12:00:00Z");

        let last = growth.weeks.last().unwrap();
        // The Friday is in the last week of the year before.
        assert_eq!((last.week.as_str(), last.bytes), ("2026-W53", 100));
        assert_eq!(growth.weeks.first().unwrap().week, "2026-W42");
        assert_eq!(growth.days.last().unwrap().day, "2027-01-03");
        assert_eq!(growth.days.first().unwrap().day, "2026-12-05");
    }

    #[test]
    fn no_moment_makes_it_panic() {
        let now = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
        for (now, other) in now.into_iter().zip(now.into_iter().rev()) {
            let all = [
                (now, u64::MAX),
                (other, u64::MAX),
                (moment("2026-11-15T12:00:00Z"), 1),
            ];
            let growth = GrowthEntry::new(&usage(&all), Day::of(now));
            assert_eq!((growth.days.len(), growth.weeks.len()), (30, 12));
        }
    }

    proptest! {
        #[test]
        fn sums_are_those_of_a_naive_count(
            objects in prop::collection::vec((-120_i64..5, 0_i64..86_400, 0_u64..1000), 0..40),
            today in 0_i32..30_000,
        ) {
            let midnight = Day(today).begins_at();
            let at = |(day, second, size): &(i64, i64, u64)| {
                (midnight + TimeDelta::days(*day) + TimeDelta::seconds(*second), *size)
            };
            let objects: Vec<_> = objects.iter().map(at).collect();
            let monday = (0..7)
                .map(|back| midnight - TimeDelta::days(back))
                .find(|day| day.weekday() == Weekday::Mon)
                .unwrap();
            let naive = |from: DateTime<Utc>, days: i64| -> u64 {
                let until = from + TimeDelta::days(days);
                objects.iter().filter(|(at, _)| *at >= from && *at < until).map(|(_, size)| size).sum()
            };
            let before = |days| midnight - TimeDelta::days(days);

            let growth = GrowthEntry::new(&usage(&objects), Day(today));

            prop_assert_eq!(growth.today_bytes, naive(midnight, 1));
            prop_assert_eq!(growth.last_day_bytes, naive(before(1), 1));
            prop_assert_eq!(growth.last_7_days_bytes, naive(before(7), 7));
            prop_assert_eq!(growth.last_30_days_bytes, naive(before(30), 30));
            for (back, day) in (1..=30).rev().zip(&growth.days) {
                prop_assert_eq!(&day.day, &before(back).format("%Y-%m-%d").to_string());
                prop_assert_eq!(day.bytes, naive(before(back), 1));
            }
            for (back, week) in (1..=12).rev().zip(&growth.weeks) {
                let begin = monday - TimeDelta::days(7 * back);
                prop_assert_eq!(&week.week, &begin.format("%G-W%V").to_string());
                prop_assert_eq!(week.bytes, naive(begin, 7));
            }
            let until_today = (midnight - monday).num_days() + 1;
            prop_assert_eq!(growth.this_week_bytes, naive(monday, until_today));
        }
    }
}
