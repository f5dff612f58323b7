//! Days and months in words.

use super::super::calendar::{Calendar, DayRule};
use super::lists::{is_range, listed, numbered};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Monday on, with the numbers that a schedule has for them.
const DAYS_OF_WEEK: [(u32, &str); 7] = [
    (1, "Monday"),
    (2, "Tuesday"),
    (3, "Wednesday"),
    (4, "Thursday"),
    (5, "Friday"),
    (6, "Saturday"),
    (0, "Sunday"),
];

/// Words for the days.
pub(super) enum Days {
    /// Nothing: they are all of them.
    All,
    /// Some days of a month.
    OfMonth(String),
    /// Anything else.
    Other(String),
}

pub(super) fn days(calendar: &Calendar) -> Days {
    let (of_month, of_week) = (calendar.days_of_month, calendar.days_of_week);
    match (calendar.day_rule(), of_month.is_whole(), of_week.is_whole()) {
        // Where either is enough, one of them always is.
        (DayRule::Both, true, true) | (DayRule::Either, true, _) | (DayRule::Either, _, true) => {
            Days::All
        }
        (DayRule::Both, true, false) => Days::Other(weekdays(calendar)),
        (DayRule::Both, false, true) => Days::OfMonth(days_of_month(calendar)),
        (DayRule::Both, false, false) => {
            let is_one = calendar.days_of_month.numbers().len() == 1;
            let (plural, link) = if is_one {
                ("", "it is a")
            } else {
                ("s", "they are")
            };
            let names = listed(&weekday_names(calendar, plural), "or");
            let days = days_of_month(calendar);
            Days::Other(format!("on {days} of the month (if {link} {names})"))
        }
        (DayRule::Either, false, false) if of_month.is_empty() => Days::Other(weekdays(calendar)),
        (DayRule::Either, false, false) if of_week.is_empty() => {
            Days::OfMonth(days_of_month(calendar))
        }
        (DayRule::Either, false, false) => Days::Other(format!(
            "on {} of the month and {}",
            days_of_month(calendar),
            weekdays(calendar)
        )),
    }
}

fn days_of_month(calendar: &Calendar) -> String {
    let numbers = calendar.days_of_month.numbers();
    let plural = if numbers.len() == 1 { "" } else { "s" };
    format!("day{plural} {}", numbered(&numbers))
}

fn weekday_names(calendar: &Calendar, plural: &str) -> Vec<String> {
    let allowed = DAYS_OF_WEEK
        .into_iter()
        .filter(|(number, _)| calendar.days_of_week.contains(*number));
    allowed.map(|(_, name)| format!("{name}{plural}")).collect()
}

/// `from Monday to Friday`, `on Saturdays and Sundays`.
fn weekdays(calendar: &Calendar) -> String {
    let positions = (0..).zip(DAYS_OF_WEEK);
    let allowed: Vec<u32> = positions
        .filter(|(_, (number, _))| calendar.days_of_week.contains(*number))
        .map(|(position, _)| position)
        .collect();
    match weekday_names(calendar, "").as_slice() {
        [first, .., last] if is_range(&allowed) => {
            format!("from {first} to {last}")
        }
        _ => format!("on {}", listed(&weekday_names(calendar, "s"), "and")),
    }
}

/// `January and July`, `March to June`; `None` for every month.
pub(super) fn months(calendar: &Calendar) -> Option<String> {
    let numbers = calendar.months.numbers();
    let names: Vec<_> = (1..)
        .zip(MONTHS)
        .filter(|(number, _)| numbers.contains(number))
        .map(|(_, name)| name.to_owned())
        .collect();
    match names.as_slice() {
        _ if calendar.months.is_whole() => None,
        [first, .., last] if is_range(&numbers) => Some(format!("{first} to {last}")),
        names => Some(listed(names, "and")),
    }
}
