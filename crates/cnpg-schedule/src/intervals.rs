//! How far apart the times of a schedule are.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::calendar::{CYCLE_DAYS, Calendar};
use super::dialect::Meaning;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// How far apart the times of a schedule are, by a clock without summer time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledIntervals {
    /// The shortest time from one to the next.
    pub shortest: TimeDelta,
    /// The median.
    pub median: TimeDelta,
    /// The longest.
    pub longest: TimeDelta,
}

impl ScheduledIntervals {
    /// `None` for a calendar of which no time ever comes.
    pub(super) fn of(meaning: &Meaning) -> Option<Self> {
        match meaning {
            Meaning::Every(interval) => {
                Some(Self { shortest: *interval, median: *interval, longest: *interval })
            }
            Meaning::Calendar(calendar) => Self::of_counts(&counts(calendar)?),
        }
    }

    /// Of intervals in seconds, with how many there are of each.
    fn of_counts(counts: &BTreeMap<i64, i64>) -> Option<Self> {
        let total: i64 = counts.values().sum();
        let at = |rank: i64| {
            let mut before = 0;
            counts.iter().find_map(|(seconds, count)| {
                before += count;
                (before > rank).then_some(*seconds)
            })
        };
        let (lower, upper) = (at((total - 1) / 2)?, at(total / 2)?);
        Some(Self {
            shortest: TimeDelta::seconds(at(0)?),
            median: TimeDelta::milliseconds((lower + upper) * 500),
            longest: TimeDelta::seconds(at(total - 1)?),
        })
    }
}

/// Every interval of a whole cycle of the calendar: those within its days, and those between them.
fn counts(calendar: &Calendar) -> Option<BTreeMap<i64, i64>> {
    let (days, seconds) = (calendar.days_of_cycle(), calendar.seconds_of_day());
    let (first, last) = (*seconds.first()?, *seconds.last()?);
    let mut counts = BTreeMap::new();
    let number_of_days = i64::try_from(days.len()).ok()?;
    for (one, next) in seconds.iter().zip(seconds.iter().skip(1)) {
        *counts.entry(next - one).or_default() += number_of_days;
    }
    // After the last day of the cycle comes the first one of the next.
    let next_cycle = days.first()? + CYCLE_DAYS;
    for (one, next) in days.iter().zip(days.iter().skip(1).chain([&next_cycle])) {
        *counts.entry((next - one) * DAY_SECONDS - last + first).or_default() += 1;
    }
    Some(counts)
}
