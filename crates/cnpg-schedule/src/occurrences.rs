//! The times of a schedule, by croner.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use super::calendar::Calendar;
use super::field::FieldSet;
use super::{next_time, previous_time};

/// robfig/cron looks no further than the end of the fifth year after this one.
const YEARS_AHEAD: i32 = 5;

/// The times of a calendar: those of any of these expressions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Occurrences(Vec<Cron>);

impl Occurrences {
    pub(super) fn of(calendar: &Calendar) -> Self {
        Self(calendar.with_both().iter().filter_map(translated).collect())
    }

    /// The first time after a moment; `None` where robfig/cron finds none.
    pub(super) fn next(&self, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.0.iter().filter_map(|cron| next_time(cron, zone, after)).min()?;
        let year = |at: DateTime<Utc>| at.with_timezone(&zone).year();
        let begin = after.checked_add_signed(TimeDelta::seconds(1))?;
        (year(next) <= year(begin) + YEARS_AHEAD).then_some(next)
    }

    /// The last time up to a moment.
    pub(super) fn latest(&self, zone: Tz, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.iter().filter_map(|cron| previous_time(cron, zone, until)).max()
    }
}

/// The calendar for croner: lists of numbers, which every dialect reads in one way.
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
    let parser = CronParser::builder().seconds(Seconds::Required).dom_and_dow(true).build();
    parser.parse(&text).ok()
}

fn list(field: &FieldSet) -> String {
    let numbers: Vec<_> = field.numbers().iter().map(ToString::to_string).collect();
    numbers.join(",")
}
