//! The duration of `@every`, as Go writes durations.

use chrono::TimeDelta;

const NANOSECONDS_IN_SECOND: u128 = 1_000_000_000;

/// The greatest number of nanoseconds that a duration of Go's has: about 292 years.
const MOST: u128 = 1 << 63;

/// Digits after the point that count: below a nanosecond there is nothing.
const MOST_DIGITS: usize = 18;

/// Reads a duration as Go's `time.ParseDuration` does, and makes of it what robfig/cron's `Every`
/// does: whole seconds, and at least one, also of one below 0.
pub(super) fn parse_every(text: &str) -> Option<TimeDelta> {
    let is_negative = text.starts_with('-');
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let nanoseconds = if text == "0" { 0 } else { sum_of_parts(text)? };
    if nanoseconds > MOST || (nanoseconds == MOST && !is_negative) {
        return None;
    }
    let seconds = if is_negative {
        0
    } else {
        nanoseconds / NANOSECONDS_IN_SECOND
    };
    TimeDelta::try_seconds(i64::try_from(seconds).ok()?.max(1))
}

/// Numbers with a unit each, at least one of them.
fn sum_of_parts(text: &str) -> Option<u128> {
    let mut rest = text;
    let mut sum: u128 = 0;
    loop {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let part = nanoseconds(whole, fraction, unit_nanoseconds(unit)?)?;
        // Each part and each sum has to fit in Go's integers.
        sum = sum.checked_add(part).filter(|sum| *sum <= MOST)?;
        if after.is_empty() {
            return Some(sum);
        }
        rest = after;
    }
}

fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn nanoseconds(whole: &str, fraction: &str, unit: u128) -> Option<u128> {
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let fraction = fraction.get(..MOST_DIGITS.min(fraction.len()))?;
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts: u128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    whole.checked_mul(unit)?.checked_add(parts * unit / scale)
}

fn unit_nanoseconds(unit: &str) -> Option<u128> {
    match unit {
        "ns" => Some(1),
        // The micro sign, and the Greek letter that looks like it.
        "us" | "\u{b5}s" | "\u{3bc}s" => Some(1_000),
        "ms" => Some(1_000_000),
        "s" => Some(NANOSECONDS_IN_SECOND),
        "m" => Some(60 * NANOSECONDS_IN_SECOND),
        "h" => Some(3600 * NANOSECONDS_IN_SECOND),
        _ => None,
    }
}
