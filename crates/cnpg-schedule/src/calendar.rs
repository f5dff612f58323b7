//! Calendars: seconds of days.

use chrono::{Datelike, Days, NaiveDate};

use super::field::{FieldKind, FieldSet};

/// Set of seconds on a set of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    pub(super) seconds: FieldSet,
    pub(super) minutes: FieldSet,
    pub(super) hours: FieldSet,
    pub(super) days_of_month: FieldSet,
    pub(super) months: FieldSet,
    pub(super) days_of_week: FieldSet,
}

/// Combination of the two kinds of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayRule {
    /// Both must allow a day.
    Both,
    /// Either must allow a day.
    Either,
}

/// The longest month of each name.
const MONTH_DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Calendar {
    pub(super) const fn new(
        [seconds, minutes, hours, days_of_month, months, days_of_week]: [FieldSet; 6],
    ) -> Self {
        Self {
            seconds,
            minutes,
            hours,
            days_of_month,
            months,
            days_of_week,
        }
    }

    /// Rule of robfig/cron's `dayMatches`: with a star in either field, both must match.
    pub(super) const fn day_rule(&self) -> DayRule {
        if self.days_of_month.has_star || self.days_of_week.has_star {
            DayRule::Both
        } else {
            DayRule::Either
        }
    }

    /// Returns calendars that together have the times of this one, and that each require both kinds of
    /// day. Those that are never due are left out.
    pub(super) fn with_both(&self) -> Vec<Self> {
        let mut calendars = match self.day_rule() {
            DayRule::Both => vec![self.clone()],
            DayRule::Either => vec![
                Self {
                    days_of_week: FieldSet::all(FieldKind::DayOfWeek),
                    ..self.clone()
                },
                Self {
                    days_of_month: FieldSet::all(FieldKind::DayOfMonth),
                    ..self.clone()
                },
            ],
        };
        calendars.retain(Self::both_come);
        calendars
    }

    /// Returns true if any of its times ever comes.
    pub(super) fn comes(&self) -> bool {
        !self.with_both().is_empty()
    }

    /// Returns true if a day exists that both kinds of day allow: sooner or later, each day of a month
    /// falls on each day of the week.
    fn both_come(&self) -> bool {
        let sets = [self.seconds, self.minutes, self.hours, self.days_of_week];
        if sets.iter().any(FieldSet::is_empty) {
            return false;
        }
        let days = self.days_of_month.numbers();
        let Some(first_day) = days.first() else {
            return false;
        };
        for (month, length) in (1..).zip(MONTH_DAYS) {
            if self.months.contains(month) && *first_day <= length {
                return true;
            }
        }
        false
    }

    pub(super) fn allows(&self, day: NaiveDate) -> bool {
        let day_of_week = day.weekday().num_days_from_sunday();
        let by_month = self.days_of_month.contains(day.day());
        let by_week = self.days_of_week.contains(day_of_week);
        let is_allowed = match self.day_rule() {
            DayRule::Both => by_month && by_week,
            DayRule::Either => by_month || by_week,
        };
        is_allowed && self.months.contains(day.month())
    }

    /// Returns the seconds of a day, counted from its start, in order.
    pub(super) fn seconds_of_day(&self) -> Vec<i64> {
        let minutes = self.minutes.numbers();
        let seconds = self.seconds.numbers();
        let mut seconds_of_day = Vec::new();
        for hour in self.hours.numbers() {
            for minute in &minutes {
                let start_of_minute = (hour * 60 + minute) * 60;
                for second in &seconds {
                    seconds_of_day.push(i64::from(start_of_minute + second));
                }
            }
        }
        seconds_of_day
    }

    /// Returns the days of a cycle after which the calendar repeats itself, each counted from its
    /// start, in order. Leap years and days of the week repeat after 28 years, until the year 2100.
    pub(super) fn days_of_cycle(&self) -> Vec<i64> {
        let mut days = Vec::new();
        let mut next_day = CYCLE_START;
        for number in 0..CYCLE_DAYS {
            let Some(day) = next_day else { break };
            if self.allows(day) {
                days.push(number);
            }
            next_day = day.checked_add_days(Days::new(1));
        }
        days
    }
}

/// Days of 28 years.
pub(super) const CYCLE_DAYS: i64 = 28 * 365 + 7;

const CYCLE_START: Option<NaiveDate> = NaiveDate::from_ymd_opt(2001, 1, 1);
