//! Times as a naive search finds them, for whatever can be written.
//!
//! `docs/specification.md`, 14.

use chrono::{DateTime, Datelike, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use crate::{BackupSchedule, Dialect, ScheduledIntervals};

/// A part of a field as it is written, and what it allows by robfig/cron's documentation.
#[derive(Clone, Debug)]
enum Part {
    Star(Option<u32>),
    From(u32, Option<u32>),
    Range(u32, u32, Option<u32>),
}

impl Part {
    fn text(&self) -> String {
        let step = |step: &Option<u32>| step.map_or(String::new(), |step| format!("/{step}"));
        match self {
            Self::Star(every) => format!("*{}", step(every)),
            Self::From(first, every) => format!("{first}{}", step(every)),
            Self::Range(first, last, every) => format!("{first}-{last}{}", step(every)),
        }
    }

    fn allows(&self, lowest: u32, number: u32) -> bool {
        let (first, last, step) = match *self {
            Self::Star(step) => (lowest, u32::MAX, step),
            Self::From(first, None) => (first, first, None),
            Self::From(first, step) => (first, u32::MAX, step),
            Self::Range(first, last, step) => (first, last, step),
        };
        number >= first && number <= last && (number - first).is_multiple_of(step.unwrap_or(1))
    }
}

type Field = Vec<Part>;

fn field(least: u32, most: u32) -> impl Strategy<Value = Field> {
    let step = || proptest::option::of(1..=most);
    let part = prop_oneof![
        3 => step().prop_map(Part::Star),
        3 => (least..=most, step()).prop_map(|(first, step)| Part::From(first, step)),
        2 => (least..=most, least..=most, step())
            .prop_map(|(first, last, step)| Part::Range(first.min(last), first.max(last), step)),
    ];
    proptest::collection::vec(part, 1..3)
}

fn fields() -> impl Strategy<Value = [Field; 6]> {
    (
        field(0, 59),
        field(0, 59),
        field(0, 23),
        field(1, 31),
        field(1, 12),
        field(0, 6),
    )
        .prop_map(|(second, minute, hour, day, month, weekday)| {
            [second, minute, hour, day, month, weekday]
        })
}

fn zone() -> impl Strategy<Value = Tz> {
    prop_oneof![
        Just(Tz::UTC),
        Just(Tz::Europe__Berlin),
        Just(Tz::America__New_York),
        Just(Tz::Australia__Lord_Howe),
    ]
}

fn text_of(fields: &[Field; 6]) -> String {
    let parts = |field: &Field| field.iter().map(Part::text).collect::<Vec<_>>().join(",");
    fields.each_ref().map(parts).join(" ")
}

fn allows(field: &Field, least: u32, number: u32) -> bool {
    field.iter().any(|part| part.allows(least, number))
}

fn day_allowed(fields: &[Field; 6], at: DateTime<Tz>) -> bool {
    let [_, _, _, days, months, weekdays] = fields;
    let has_star = |field: &Field| field.iter().any(|part| matches!(part, Part::Star(_)));
    let of_month = allows(days, 1, at.day());
    let of_week = allows(weekdays, 0, at.weekday().num_days_from_sunday());
    let both = has_star(days) || has_star(weekdays);
    let day = if both {
        of_month && of_week
    } else {
        of_month || of_week
    };
    allows(months, 1, at.month()) && day
}

fn allowed(fields: &[Field; 6], at: DateTime<Tz>) -> bool {
    let [seconds, minutes, hours, ..] = fields;
    allows(seconds, 0, at.second())
        && allows(minutes, 0, at.minute())
        && allows(hours, 0, at.hour())
        && day_allowed(fields, at)
}

/// The first second after a moment whose local time is allowed, second by second in each hour in
/// which there can be one.
fn naive_next(fields: &[Field; 6], zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let local = |at: DateTime<Utc>| at.with_timezone(&zone);
    let can_be = |at: DateTime<Utc>| {
        day_allowed(fields, local(at)) && allows(&fields[2], 0, local(at).hour())
    };
    let mut hour = after + TimeDelta::seconds(1);
    while local(hour).year() <= local(after).year() + 5 {
        let end = hour + TimeDelta::seconds(3599 - hour.timestamp() % 3600);
        let middle = hour + (end - hour) / 2;
        if can_be(hour) || can_be(middle) || can_be(end) {
            let seconds =
                (0..=(end - hour).num_seconds()).map(|second| hour + TimeDelta::seconds(second));
            if let Some(found) = seconds
                .into_iter()
                .find(|second| allowed(fields, local(*second)))
            {
                return Some(found);
            }
        }
        hour = end + TimeDelta::seconds(1);
    }
    None
}

fn moment() -> impl Strategy<Value = DateTime<Utc>> {
    // From 2026 to 2033.
    (1_767_225_600_i64..1_988_150_400).prop_map(|at| Utc.timestamp_opt(at, 0).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_next_time_is_the_one_that_a_naive_search_finds(
        fields in fields(), zone in zone(), after in moment(),
    ) {
        let expected = naive_next(&fields, zone, after);

        let schedule = text_of(&fields).parse::<BackupSchedule>();

        // What never comes is no schedule.
        prop_assert_eq!(schedule.ok().and_then(|schedule| schedule.next_after(after, zone)), expected);
    }

    #[test]
    fn between_the_latest_time_and_the_next_there_is_none(
        fields in fields(), zone in zone(), now in moment(),
    ) {
        let Ok(schedule) = text_of(&fields).parse::<BackupSchedule>() else { return Ok(()) };

        let latest = schedule.latest_until(now, zone, None).unwrap();

        prop_assert!(latest <= now);
        prop_assert!(allowed(&fields, latest.with_timezone(&zone)));
        let next = schedule.next_after(latest, zone);
        prop_assert!(next.is_none_or(|next| next > now));
    }

    #[test]
    fn words_are_never_missing(fields in fields()) {
        let Ok(schedule) = text_of(&fields).parse::<BackupSchedule>() else { return Ok(()) };

        let words = schedule.in_words();

        let unfinished = ["  ", " ,", " of every month of", "minute ,", "at ,"];
        prop_assert!(!words.is_empty() && !unfinished.iter().any(|part| words.contains(part)));
        let ScheduledIntervals { shortest, median, longest } = schedule.intervals();
        prop_assert!(TimeDelta::zero() < shortest && shortest <= median && median <= longest);
    }

    #[test]
    fn no_text_makes_it_panic(text in r"(@every )?([0-9*/,\-?LW#A-Za-z+.]{0,9} ?){0,6}\PC{0,9}") {
        let schedule = text.parse::<BackupSchedule>();

        let _ = schedule.map(|schedule| (schedule.warning(), schedule.as_cron_job()));
        let _ = Dialect::Kubernetes.read(&text);
    }
}
