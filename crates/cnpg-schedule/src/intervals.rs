//! Intervals between the times of a schedule.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::calendar::{CYCLE_DAYS, Calendar};
use super::dialect::Meaning;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Intervals between the times of a schedule, by a clock without summer time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledIntervals {
    /// Shortest interval.
    pub shortest: TimeDelta,
    /// Median interval.
    pub median: TimeDelta,
    /// Longest interval.
    pub longest: TimeDelta,
}

impl ScheduledIntervals {
    /// Returns the intervals of a schedule; `None` if it is never due.
    pub(super) fn of(meaning: &Meaning) -> Option<Self> {
        match meaning {
            Meaning::Every(interval) => Some(Self {
                shortest: *interval,
                median: *interval,
                longest: *interval,
            }),
            Meaning::Calendar(calendar) => Self::of_counts(&counts(calendar)?),
        }
    }

    /// Returns the intervals for numbers of intervals by their length in seconds.
    fn of_counts(counts: &BTreeMap<i64, i64>) -> Option<Self> {
        let total: i64 = counts.values().sum();
        let (shortest, longest) = (*counts.keys().next()?, *counts.keys().next_back()?);
        let lower = interval_at(counts, (total - 1) / 2)?;
        let upper = interval_at(counts, total / 2)?;
        Some(Self {
            shortest: TimeDelta::seconds(shortest),
            median: TimeDelta::milliseconds((lower + upper) * 500),
            longest: TimeDelta::seconds(longest),
        })
    }
}

/// Returns the interval with a rank, counted from the shortest one.
fn interval_at(counts: &BTreeMap<i64, i64>, rank: i64) -> Option<i64> {
    let mut shorter = 0;
    for (seconds, count) in counts {
        shorter += count;
        if shorter > rank {
            return Some(*seconds);
        }
    }
    None
}

/// Returns the number of intervals by their length, within the days of a whole cycle of the calendar
/// and between them.
fn counts(calendar: &Calendar) -> Option<BTreeMap<i64, i64>> {
    let (days, seconds) = (calendar.days_of_cycle(), calendar.seconds_of_day());
    let (first, last) = (*seconds.first()?, *seconds.last()?);
    let mut counts = BTreeMap::new();
    let number_of_days = i64::try_from(days.len()).ok()?;
    for (one, next) in seconds.iter().zip(seconds.iter().skip(1)) {
        *counts.entry(next - one).or_default() += number_of_days;
    }
    // The last day of the cycle is followed by the first one of the next.
    let next_cycle = days.first()? + CYCLE_DAYS;
    for (one, next) in days.iter().zip(days.iter().skip(1).chain([&next_cycle])) {
        *counts
            .entry((next - one) * DAY_SECONDS - last + first)
            .or_default() += 1;
    }
    Some(counts)
}
