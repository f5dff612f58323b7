//! Times as Barman writes them into `backup.info`.

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta, Utc};

/// Moment that a text states, with or without a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrittenTime {
    /// Moment, in UTC.
    pub(crate) at: DateTime<Utc>,
    /// True if the text has no offset, so that UTC is assumed.
    pub(crate) naive: bool,
}

/// Formats without an offset: that of Python's `str(datetime)`, and that of ctime, which old
/// versions used.
const NAIVE_FORMATS: [&str; 3] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%a %b %e %H:%M:%S %Y",
];

/// Reads a time as Barman writes it: `2026-11-08 03:00:00.619175+00:00`.
///
/// The fraction may be absent, the offset may have minutes and seconds. A time without an offset is
/// taken as UTC. `None` for any other text.
pub(crate) fn parse(text: &str) -> Option<WrittenTime> {
    if let Some(time) = naive_time(text) {
        return Some(WrittenTime {
            at: time.and_utc(),
            naive: true,
        });
    }
    let (local, offset) = split_offset(text)?;
    let at = naive_time(local)?.checked_sub_signed(offset)?.and_utc();
    Some(WrittenTime { at, naive: false })
}

/// Reads a time without an offset.
fn naive_time(text: &str) -> Option<NaiveDateTime> {
    for format in NAIVE_FORMATS {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Some(time);
        }
    }
    None
}

/// Splits `…+05:30`, `…-03:30:52` or `…Z` into the local time and its distance from UTC.
fn split_offset(text: &str) -> Option<(&str, TimeDelta)> {
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return Some((local, TimeDelta::zero()));
    }
    let (local, offset) = text.split_at_checked(text.rfind(['+', '-'])?)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits = offset.get(1..)?;
    let digits = match digits.split_at_checked(2) {
        Some((hours, minutes)) if digits.len() == 4 => format!("{hours}:{minutes}"),
        Some(_) | None => digits.to_owned(),
    };
    let mut seconds = 0;
    let mut unit = 3600;
    for part in digits.split(':') {
        let in_range = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !in_range || unit == 0 {
            return None;
        }
        seconds += part.parse::<i32>().ok()? * unit;
        unit /= 60;
    }
    // Refuses values that are not offsets, such as a day or more.
    FixedOffset::east_opt(seconds)?;
    Some((local, TimeDelta::seconds(i64::from(sign * seconds))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> Option<String> {
        parse(text).map(|time| time.at.to_rfc3339())
    }

    #[test]
    fn offsets_may_have_minutes_and_seconds() {
        let expected = Some("2026-11-01T02:00:04+00:00".to_owned());

        assert_eq!(utc("2026-11-01 03:00:04+01:00"), expected);
        assert_eq!(utc("2026-11-01 07:30:04+05:30"), expected);
        assert_eq!(utc("2026-10-31 22:29:12-03:30:52"), expected);
        assert_eq!(utc("2026-11-01T02:00:04Z"), expected);
        assert_eq!(utc("2026-11-01 03:00:04+0100"), expected);
        assert_eq!(utc("2026-11-01 03:00:04+01"), expected);
    }

    #[test]
    fn the_fraction_is_kept() {
        let time = parse("2026-11-08 03:00:00.619175+00:00").unwrap();

        assert_eq!(time.at.timestamp_micros(), 1_794_106_800_619_175);
        assert!(!time.naive);
    }

    #[test]
    fn a_time_without_offset_is_taken_as_utc_and_said_to_be_naive() {
        for text in ["2026-11-01 03:00:04", "Sun Nov  1 03:00:04 2026"] {
            let time = parse(text).unwrap();
            assert_eq!(time.at.to_rfc3339(), "2026-11-01T03:00:04+00:00");
            assert!(time.naive);
        }
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "None",
            "2026-11-01",
            "2026-13-01 00:00:00",
            "2026-11-01 03:00:04+99:00",
            "2026-11-01 03:00:04+1",
            "2026-11-01 03:00:04 CET",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_survives_a_round_trip(micros in 0_i64..253_402_300_799_000_000, minutes in -1439_i32..1440) {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            let zone = FixedOffset::east_opt(minutes * 60).unwrap();

            let read = parse(&at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S%.6f%:z").to_string());

            // Years beyond 9999 in local time are written with a sign that Barman never writes.
            prop_assume!(at.with_timezone(&zone).format("%Y").to_string().len() == 4);
            prop_assert_eq!(read, Some(WrittenTime { at, naive: false }));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = parse(&text);
        }
    }
}
