//! Time of the story: every second of the test counts as an hour.
//!
//! A life that takes half a minute would look like one burst of uploads, with many objects in one
//! second of a listing. Stretched, it looks like two days, in the same order.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

/// Seconds of the story for each real one.
const STRETCH: i64 = 3600;

/// Start of each story, in microseconds since 1970: 1 January 2026.
const BEGIN: i64 = 1_767_225_600_000_000;

/// Converts times of the test to times of its story.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    started: i64,
}

impl Clock {
    /// Makes a clock whose story starts at a time of the test.
    pub(crate) fn starting_at(moment: SystemTime) -> Self {
        Self {
            started: micros(moment),
        }
    }

    /// Converts a time of the test to microseconds of the story since 1970.
    pub(crate) fn story(self, moment: SystemTime) -> i64 {
        self.story_of_micros(micros(moment))
    }

    /// Converts a time of the test, given in microseconds since 1970.
    pub(crate) fn story_of_micros(self, moment: i64) -> i64 {
        BEGIN + (moment - self.started) * STRETCH
    }
}

/// Converts microseconds of the story to a date and time.
pub(crate) fn moment(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).expect("a story takes place in this century")
}

fn micros(moment: SystemTime) -> i64 {
    let since = moment
        .duration_since(UNIX_EPOCH)
        .expect("clocks are past 1970");
    i64::try_from(since.as_micros()).expect("clocks are in this century")
}
