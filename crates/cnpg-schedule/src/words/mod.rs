//! Meaning of a schedule in words.
//!
//! The words are derived from the sets of numbers that the schedule allows, never from its text, so
//! that two texts with one meaning read the same. What cannot be said exactly in a few words is
//! listed; nothing is rounded.

mod days;
mod lists;

use chrono::TimeDelta;

use super::calendar::Calendar;
use super::dialect::Meaning;
use super::field::FieldSet;
use days::{Days, days, months};
use lists::{is_range, is_run, listed, numbered, progression};

/// Largest number of times of a day that are listed one by one; more are described by their rhythm.
const MOST_TIMES: usize = 8;

impl Meaning {
    /// Describes the times at which something is started (a backup, a job) as a part of a sentence:
    /// `every day at 02:00`, `every hour at minute 2`, `every 6 hours, counted from the last backup`.
    #[must_use]
    pub fn in_words_of(&self, started: &str) -> String {
        match self {
            Self::Every(interval) => {
                format!("{}, counted from the last {started}", every(*interval))
            }
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
            None => [Some(rhythm(self)), days]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", "),
        };
        if let Some(months) = months {
            let link = if is_range(&self.months.numbers()) {
                "from"
            } else {
                "in"
            };
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
    /// Number of units in the next larger one.
    size: u32,
    set: FieldSet,
}

impl Level {
    /// Returns true if its numbers repeat at one interval: `every 5 minutes`.
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
    let seconds = Level {
        unit: "second",
        size: 60,
        set: calendar.seconds,
    };
    let minutes = Level {
        unit: "minute",
        size: 60,
        set: calendar.minutes,
    };
    let hours = Level {
        unit: "hour",
        size: 24,
        set: calendar.hours,
    };
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
        listed(
            &numbers
                .iter()
                .map(|hour| format!("{hour:02}:00"))
                .collect::<Vec<_>>(),
            "and",
        )
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
    let listed: Vec<_> = levels
        .iter()
        .take_while(|level| level.repeated().is_none())
        .collect();
    let larger = levels.get(listed.len()..)?;
    if listed.is_empty() || !larger.iter().all(|level| level.set.is_whole()) {
        return None;
    }
    let numbers: Vec<_> = listed.iter().rev().map(|level| level.listed()).collect();
    Some(format!(
        "{} at {}",
        larger.first()?.repeated()?,
        numbers.join(", ")
    ))
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

/// `every hour`, `every 1 hour 30 minutes`.
fn every(interval: TimeDelta) -> String {
    let length = whole_length(interval);
    // `1 hour` alone, and not `1 hour 30 minutes`.
    let alone = length.strip_prefix("1 ").filter(|unit| !unit.contains(' '));
    format!("every {}", alone.unwrap_or(&length))
}

/// A length of time to the second, such as `1 day 12 hours` or `1 minute 30 seconds`.
#[must_use]
pub fn whole_length(length: TimeDelta) -> String {
    let units = [
        ("day", 86_400),
        ("hour", 3_600),
        ("minute", 60),
        ("second", 1),
    ];
    let mut rest = length.num_seconds();
    let mut parts = Vec::new();
    for (unit, size) in units {
        match rest / size {
            0 => {}
            1 => parts.push(format!("1 {unit}")),
            number => parts.push(format!("{number} {unit}s")),
        }
        rest %= size;
    }
    parts.join(" ")
}
