//! Times of a schedule, by croner.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use super::calendar::Calendar;
use super::field::FieldSet;
use super::{next_time, previous_time};

/// Number of years after the current one in which robfig/cron looks for a time.
const YEARS_AHEAD: i32 = 5;

/// Times of a calendar: those of any of these expressions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Occurrences(Vec<Cron>);

impl Occurrences {
    pub(super) fn of(calendar: &Calendar) -> Self {
        let calendars = calendar.with_both();
        Self(calendars.iter().filter_map(translated).collect())
    }

    /// Returns the first time after a moment; `None` if robfig/cron finds none.
    pub(super) fn next(&self, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let times = self
            .0
            .iter()
            .filter_map(|cron| next_time(cron, zone, after));
        let next = times.min()?;
        let start = after.checked_add_signed(TimeDelta::seconds(1))?;
        let last_year = start.with_timezone(&zone).year() + YEARS_AHEAD;
        if next.with_timezone(&zone).year() > last_year {
            return None;
        }
        Some(next)
    }

    /// Returns the last time up to a moment.
    pub(super) fn latest(&self, zone: Tz, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let times = self
            .0
            .iter()
            .filter_map(|cron| previous_time(cron, zone, until));
        times.max()
    }
}

/// Returns the calendar for croner: lists of numbers, which every dialect reads alike.
fn translated(calendar: &Calendar) -> Option<Cron> {
    let fields = [
        calendar.seconds,
        calendar.minutes,
        calendar.hours,
        calendar.days_of_month,
        calendar.months,
        calendar.days_of_week,
    ];
    let text = fields.map(|field| list(&field)).join(" ");
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .dom_and_dow(true)
        .build();
    parser.parse(&text).ok()
}

fn list(field: &FieldSet) -> String {
    let numbers: Vec<_> = field.numbers().iter().map(ToString::to_string).collect();
    numbers.join(",")
}
