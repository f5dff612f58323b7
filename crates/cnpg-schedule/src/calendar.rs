//! The seconds that a calendar and a clock show.

use chrono::{Datelike, Days, NaiveDate};

use super::field::{FieldKind, FieldSet};

/// Which seconds of which days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    pub(super) seconds: FieldSet,
    pub(super) minutes: FieldSet,
    pub(super) hours: FieldSet,
    pub(super) days_of_month: FieldSet,
    pub(super) months: FieldSet,
    pub(super) days_of_week: FieldSet,
}

/// How the two kinds of day come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayRule {
    /// A day has to be allowed by both.
    Both,
    /// By either.
    Either,
}

/// The longest month of each name.
const MONTH_DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Calendar {
    pub(super) const fn new(
        [seconds, minutes, hours, days_of_month, months, days_of_week]: [FieldSet; 6],
    ) -> Self {
        Self { seconds, minutes, hours, days_of_month, months, days_of_week }
    }

    /// robfig/cron's `dayMatches`: with a star in either field, both have to match.
    pub(super) const fn day_rule(&self) -> DayRule {
        if self.days_of_month.has_star || self.days_of_week.has_star {
            DayRule::Both
        } else {
            DayRule::Either
        }
    }

    /// Calendars whose times together are those of this one, and of which each asks for both kinds
    /// of day at once. Those that never come are left out.
    pub(super) fn with_both(&self) -> Vec<Self> {
        let calendars = match self.day_rule() {
            DayRule::Both => vec![self.clone()],
            DayRule::Either => vec![
                Self { days_of_week: FieldSet::all(FieldKind::DayOfWeek), ..self.clone() },
                Self { days_of_month: FieldSet::all(FieldKind::DayOfMonth), ..self.clone() },
            ],
        };
        calendars.into_iter().filter(Self::both_come).collect()
    }

    /// Whether any of its times ever comes.
    pub(super) fn comes(&self) -> bool {
        !self.with_both().is_empty()
    }

    /// Each day of a month falls on each day of the week, sooner or later.
    fn both_come(&self) -> bool {
        let sets = [self.seconds, self.minutes, self.hours, self.days_of_week];
        let months = (1..).zip(MONTH_DAYS).filter(|(month, _)| self.months.contains(*month));
        let mut longest = months.map(|(_, days)| days);
        let first_day = self.days_of_month.numbers().first().copied();
        let has_day = longest.any(|days| first_day.is_some_and(|first| first <= days));
        has_day && sets.iter().all(|set| !set.is_empty())
    }

    pub(super) fn allows(&self, day: NaiveDate) -> bool {
        let of_month = self.days_of_month.contains(day.day());
        let of_week = self.days_of_week.contains(day.weekday().num_days_from_sunday());
        let either = match self.day_rule() {
            DayRule::Both => of_month && of_week,
            DayRule::Either => of_month || of_week,
        };
        self.months.contains(day.month()) && either
    }

    /// The seconds of a day, counted from its begin, in order.
    pub(super) fn seconds_of_day(&self) -> Vec<i64> {
        let (seconds, minutes) = (self.seconds.numbers(), self.minutes.numbers());
        let minutes_of_day = self
            .hours
            .numbers()
            .into_iter()
            .flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute));
        let all = minutes_of_day
            .flat_map(|minute| seconds.iter().map(move |second| minute * 60 + second));
        all.map(i64::from).collect()
    }

    /// The days of a cycle after which the calendar repeats itself, each counted from its begin, in
    /// order. Leap years and days of the week do so after 28 years, until the year 2100.
    pub(super) fn days_of_cycle(&self) -> Vec<i64> {
        let days = std::iter::successors(CYCLE_BEGIN, |day| day.checked_add_days(Days::new(1)));
        let numbered = days.zip(0..CYCLE_DAYS);
        numbered.filter(|(day, _)| self.allows(*day)).map(|(_, number)| number).collect()
    }
}

/// Days of 28 years.
pub(super) const CYCLE_DAYS: i64 = 28 * 365 + 7;

const CYCLE_BEGIN: Option<NaiveDate> = NaiveDate::from_ymd_opt(2001, 1, 1);
