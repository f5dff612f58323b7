//! What a schedule means, in words.

use chrono::TimeDelta;

use super::calendar::{Calendar, DayRule};
use super::dialect::Meaning;
use super::field::FieldSet;

/// Up to how many times of a day each is told; more are told by their rhythm.
const MOST_TIMES: usize = 8;

/// From how many numbers on a progression is told by its step.
const LEAST_PROGRESSION: usize = 4;

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

impl Meaning {
    /// The meaning as a part of a sentence: `every day at 02:00`, `every hour at minute 2`.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Every(interval) => format!("{}, counted from the last backup", every(*interval)),
            Self::Calendar(calendar) => calendar.in_words(),
        }
    }
}

impl Calendar {
    fn in_words(&self) -> String {
        let days = days(self);
        let (days, months) = match (days, months(self)) {
            (Days::OfMonth(days), Some(months)) => (Some(format!("on {days} of {months}")), None),
            (Days::OfMonth(days), None) => (Some(format!("on {days} of every month")), None),
            (Days::Other(days), months) => (Some(days), months),
            (Days::All, months) => (None, months),
        };
        let mut words = match clock_times(self) {
            Some(times) => format!("{} at {times}", days.as_deref().unwrap_or("every day")),
            None => [Some(rhythm(self)), days].into_iter().flatten().collect::<Vec<_>>().join(", "),
        };
        if let Some(months) = months {
            let link = if months.contains(" to ") { "from" } else { "in" };
            words = format!("{words}, {link} {months}");
        }
        words
    }
}

/// The times of the day one by one, if there are few of them.
fn clock_times(calendar: &Calendar) -> Option<String> {
    let sets = [calendar.hours, calendar.minutes, calendar.seconds].map(|set| set.numbers());
    let [hours, minutes, seconds] = &sets;
    if calendar.hours.is_whole() || sets.iter().map(Vec::len).product::<usize>() > MOST_TIMES {
        return None;
    }
    let mut times = Vec::new();
    for hour in hours {
        for minute in minutes {
            for second in seconds {
                times.push(if calendar.seconds.is_zero() {
                    format!("{hour:02}:{minute:02}")
                } else {
                    format!("{hour:02}:{minute:02}:{second:02}")
                });
            }
        }
    }
    Some(listed(&times, "and"))
}

/// One of seconds, minutes and hours.
struct Level {
    unit: &'static str,
    /// How many there are in the next larger one.
    size: u32,
    set: FieldSet,
}

impl Level {
    /// Whether its numbers come again and again, always as far apart: `every 5 minutes`.
    fn repeated(&self) -> Option<String> {
        let numbers = self.set.numbers();
        if self.set.is_whole() {
            return Some(format!("every {}", self.unit));
        }
        let step = progression(&numbers)?;
        let is_even = numbers.first() == Some(&0)
            && self.size.checked_rem(step) == Some(0)
            && numbers.len() == usize::try_from(self.size / step).ok()?;
        is_even.then(|| format!("every {step} {}s", self.unit))
    }

    /// Its numbers: `minute 2`, `minutes 2 and 5`.
    fn listed(&self) -> String {
        let numbers = self.set.numbers();
        let plural = if numbers.len() == 1 { "" } else { "s" };
        format!("{}{plural} {}", self.unit, numbered(&numbers))
    }
}

/// The times of the day by their rhythm, from the smallest unit that matters to the largest.
fn rhythm(calendar: &Calendar) -> String {
    let seconds = Level { unit: "second", size: 60, set: calendar.seconds };
    let minutes = Level { unit: "minute", size: 60, set: calendar.minutes };
    let hours = Level { unit: "hour", size: 24, set: calendar.hours };
    let levels = match (seconds.set.is_zero(), minutes.set.is_zero()) {
        (true, true) => return whole_hours(&hours),
        (true, false) => vec![minutes, hours],
        (false, _) => vec![seconds, minutes, hours],
    };
    at_every(&levels).unwrap_or_else(|| nested(&levels))
}

/// Hours without minutes and seconds.
fn whole_hours(hours: &Level) -> String {
    let numbers = hours.set.numbers();
    let times = |numbers: &[u32]| {
        listed(&numbers.iter().map(|hour| format!("{hour:02}:00")).collect::<Vec<_>>(), "and")
    };
    match (hours.repeated(), numbers.as_slice()) {
        (Some(repeated), _) => repeated,
        (None, [first, .., last]) if is_run(&numbers) => {
            format!("every hour from {first:02}:00 to {last:02}:00")
        }
        (None, numbers) => format!("at {}", times(numbers)),
    }
}

/// Numbers within each of a larger unit: `every hour at minute 2, second 30`.
fn at_every(levels: &[Level]) -> Option<String> {
    let listed: Vec<_> = levels.iter().take_while(|level| level.repeated().is_none()).collect();
    let larger = levels.get(listed.len()..)?;
    if listed.is_empty() || !larger.iter().all(|level| level.set.is_whole()) {
        return None;
    }
    let numbers: Vec<_> = listed.iter().rev().map(|level| level.listed()).collect();
    Some(format!("{} at {}", larger.first()?.repeated()?, numbers.join(", ")))
}

/// Units within each other: `every 5 minutes of hours 9 to 17`.
fn nested(levels: &[Level]) -> String {
    let mut words = String::new();
    let mut is_repeated = false;
    for level in levels {
        let is_smallest = words.is_empty();
        let part = match level.repeated() {
            // What is repeated all the time is so within every larger unit.
            Some(_) if is_repeated && level.set.is_whole() => continue,
            Some(repeated) if is_smallest || level.set.is_whole() => {
                is_repeated = true;
                repeated
            }
            Some(_) | None => {
                is_repeated = false;
                level.listed()
            }
        };
        let link = match (is_smallest, is_repeated) {
            (true, true) => "",
            (true, false) => "at ",
            (false, _) => " of ",
        };
        words.push_str(link);
        words.push_str(&part);
    }
    words
}

/// What is said of the days.
enum Days {
    /// Nothing: they are all of them.
    All,
    /// Some days of a month.
    OfMonth(String),
    /// Anything else.
    Other(String),
}

fn days(calendar: &Calendar) -> Days {
    let (of_month, of_week) = (calendar.days_of_month, calendar.days_of_week);
    match (calendar.day_rule(), of_month.is_whole(), of_week.is_whole()) {
        (DayRule::Both, true, true) => Days::All,
        // Either is allowed, and one of them always is.
        (DayRule::Either, true, _) | (DayRule::Either, _, true) => Days::All,
        (DayRule::Both, true, false) => Days::Other(weekdays(calendar)),
        (DayRule::Both, false, true) => Days::OfMonth(days_of_month(calendar)),
        (DayRule::Both, false, false) => {
            let names = listed(&weekday_names(calendar, "s"), "or");
            Days::Other(format!("on {} of the month that are {names}", days_of_month(calendar)))
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
    let allowed =
        DAYS_OF_WEEK.into_iter().filter(|(number, _)| calendar.days_of_week.contains(*number));
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
        [first, _, .., last] if allowed.len() > 2 && is_run(&allowed) => {
            format!("from {first} to {last}")
        }
        _ => format!("on {}", listed(&weekday_names(calendar, "s"), "and")),
    }
}

/// `January and July`, `March to June`; `None` for every month.
fn months(calendar: &Calendar) -> Option<String> {
    let numbers = calendar.months.numbers();
    let names: Vec<_> = (1..)
        .zip(MONTHS)
        .filter(|(number, _)| numbers.contains(number))
        .map(|(_, name)| name.to_owned())
        .collect();
    match names.as_slice() {
        _ if calendar.months.is_whole() => None,
        [first, _, .., last] if names.len() > 2 && is_run(&numbers) => {
            Some(format!("{first} to {last}"))
        }
        names => Some(listed(names, "and")),
    }
}

/// Numbers in words, those that follow each other together: `1 to 5, 9 and 20`.
fn numbered(numbers: &[u32]) -> String {
    if let (Some(step), [first, .., last]) = (progression(numbers), numbers)
        && step > 1
        && numbers.len() >= LEAST_PROGRESSION
    {
        return format!("{first} to {last} in steps of {step}");
    }
    let follow = |one: &u32, next: &u32| one + 1 == *next;
    let words = numbers.chunk_by(follow).flat_map(|run| match run {
        [first, _, .., last] if run.len() > 2 => vec![format!("{first} to {last}")],
        run => run.iter().map(ToString::to_string).collect(),
    });
    listed(&words.collect::<Vec<_>>(), "and")
}

/// The step of numbers that are all as far apart; `None` for fewer than two.
fn progression(numbers: &[u32]) -> Option<u32> {
    let mut steps = numbers.iter().zip(numbers.iter().skip(1)).map(|(one, next)| next - one);
    let first = steps.next()?;
    steps.all(|step| step == first).then_some(first)
}

fn is_run(numbers: &[u32]) -> bool {
    progression(numbers) == Some(1)
}

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[String], link: &str) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [words @ .., last] => format!("{} {link} {last}", words.join(", ")),
    }
}

/// `every hour`, `every 1 hour 30 minutes`: all of it.
fn every(interval: TimeDelta) -> String {
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let mut rest = interval.num_seconds();
    let mut parts = Vec::new();
    for (unit, size) in units {
        match rest / size {
            0 => {}
            1 => parts.push(format!("1 {unit}")),
            number => parts.push(format!("{number} {unit}s")),
        }
        rest %= size;
    }
    let length = parts.join(" ");
    let alone = length.strip_prefix("1 ").filter(|_| parts.len() == 1);
    format!("every {}", alone.unwrap_or(&length))
}
