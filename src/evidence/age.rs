//! Age of evidence.

use chrono::{DateTime, TimeDelta, Utc};

/// Time after which something is tried again that could not be read, or that differed from one read to the next.
pub const RETRY_AFTER: TimeDelta = TimeDelta::hours(24);

/// Longest time by which evidence may be ahead of the clock before it is taken for a mistake of the
/// clock.
const MOST_AHEAD: TimeDelta = TimeDelta::days(1);

/// Returns whether a read was longer ago than this, or so far in the future that the clock was wrong.
#[must_use]
pub fn is_older(read_at: DateTime<Utc>, age: TimeDelta, now: DateTime<Utc>) -> bool {
    now - read_at >= age || read_at - now > MOST_AHEAD
}
