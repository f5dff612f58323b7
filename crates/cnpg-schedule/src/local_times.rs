//! The times of a cron expression in a time zone.
//!
//! A time comes as often as a clock on the wall shows it: twice in the hour that is repeated when
//! summer time ends, not at all in the one that is left out when it begins. robfig/cron v1 does the
//! same, but where the offset changes by less than an hour or midnight is left out: there it misses
//! times that are found here.

use chrono::{DateTime, Days, FixedOffset, Offset, SubsecRound, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;

/// Maximum number of changes of the offset between two times: two a year, for the rarest schedules.
const MOST_CHANGES: usize = 64;

/// The first time after `now` that a clock in the zone shows.
///
/// The parser goes astray where local times are repeated. So it is asked with one offset at a time,
/// and what it finds beyond the next change of the offset is looked for again from there on.
#[must_use]
pub fn next_time(cron: &Cron, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // The parser would carry fractions of a second over to the next time.
    let mut from = now.trunc_subsecs(0);
    let mut may_be_now = false;
    for _ in 0..MOST_CHANGES {
        let local = from.with_timezone(&offset(zone, from));
        let found = cron
            .find_next_occurrence(&local, may_be_now)
            .ok()?
            .with_timezone(&Utc);
        match change(zone, from, found) {
            None => return Some(found),
            Some(change) => from = change,
        }
        may_be_now = true;
    }
    None
}

/// The last time up to `now`, which it may be itself, that a clock in the zone showed.
#[must_use]
pub fn previous_time(cron: &Cron, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut from = now.trunc_subsecs(0);
    for _ in 0..MOST_CHANGES {
        let local = from.with_timezone(&offset(zone, from));
        let found = cron
            .find_previous_occurrence(&local, true)
            .ok()?
            .with_timezone(&Utc);
        match change(zone, from, found) {
            None => return Some(found),
            Some(change) => from = change,
        }
    }
    None
}

fn offset(zone: Tz, at: DateTime<Utc>) -> FixedOffset {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix()
}

/// The first second on the way to `to`, forwards or backwards, with another offset than `from` has.
fn change(zone: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let is_changed = |at| offset(zone, at) != offset(zone, from);
    // No zone changes its offset and back within a day.
    let next_day = |at: &DateTime<Utc>| {
        let is_forwards = from < to;
        let day = Days::new(1);
        let next = if is_forwards {
            at.checked_add_days(day)
        } else {
            at.checked_sub_days(day)
        };
        next.map(|next| {
            if is_forwards {
                next.min(to)
            } else {
                next.max(to)
            }
        })
    };
    let (mut before, mut after) = (from, None);
    for day in std::iter::successors(Some(from), next_day).skip(1) {
        if is_changed(day) {
            after = Some(day);
            break;
        }
        if day == to {
            break;
        }
        before = day;
    }
    let mut after = after?;
    while (after - before).abs() > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        *(if is_changed(middle) {
            &mut after
        } else {
            &mut before
        }) = middle;
    }
    Some(after)
}
