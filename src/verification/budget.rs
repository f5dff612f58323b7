//! Budget of bytes that may be read.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::report::BUDGET_DAYS;

/// Number of days for which bytes that were not read are carried over.
pub const CARRIED_OVER_DAYS: u64 = BUDGET_DAYS;

/// Milliseconds of a day.
const DAY: u128 = 24 * 60 * 60 * 1000;

/// Longest time by which a saved budget may be ahead of the clock before it is taken for a mistake.
const MOST_AHEAD: TimeDelta = TimeDelta::days(1);

/// Bytes that may be read, as a bucket that fills evenly.
///
/// In any period of `d` days, at most `(d + 7)` times the bytes of a day are taken out of it. A new
/// bucket is empty, so that a program that restarts again and again does not read more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Bytes of a day; `None` without a limit.
    daily: Option<u64>,
    available: u64,
    /// Moment up to which the bucket is filled.
    filled_to: DateTime<Utc>,
}

impl Budget {
    /// Creates a budget without a limit.
    #[must_use]
    pub const fn unlimited(now: DateTime<Utc>) -> Self {
        Self {
            daily: None,
            available: 0,
            filled_to: now,
        }
    }

    /// Creates an empty bucket that takes this many bytes a day.
    #[must_use]
    pub const fn daily(bytes: u64, now: DateTime<Utc>) -> Self {
        Self {
            daily: Some(bytes),
            available: 0,
            filled_to: now,
        }
    }

    /// Creates a bucket with this many bytes that is never filled.
    #[must_use]
    pub const fn fixed(bytes: u64, now: DateTime<Utc>) -> Self {
        Self {
            daily: Some(0),
            available: bytes,
            filled_to: now,
        }
    }

    /// Returns the bucket with the content of a saved one, as far as it takes that.
    #[must_use]
    pub fn resumed(self, saved: Self, now: DateTime<Utc>) -> Self {
        let is_ahead = saved.filled_to > now + MOST_AHEAD;
        Self {
            daily: self.daily,
            available: saved.available.min(self.capacity().unwrap_or(0)),
            filled_to: if is_ahead { now } else { saved.filled_to },
        }
    }

    /// Bytes that the bucket takes in a day; `None` without a limit.
    #[must_use]
    pub const fn daily_bytes(&self) -> Option<u64> {
        self.daily
    }

    /// Most bytes that the bucket takes; `None` without a limit.
    #[must_use]
    pub fn capacity(&self) -> Option<u64> {
        match self.daily? {
            0 => Some(self.available),
            daily => Some(daily.saturating_mul(CARRIED_OVER_DAYS)),
        }
    }

    /// Bytes that can be read now; `None` without a limit.
    #[must_use]
    pub fn available(&mut self, now: DateTime<Utc>) -> Option<u64> {
        self.daily?;
        self.fill(now);
        Some(self.available)
    }

    /// Takes bytes out of the bucket; returns false, and takes nothing, if there are not as many.
    pub fn take(&mut self, bytes: u64, now: DateTime<Utc>) -> bool {
        if self.daily.is_none() {
            return true;
        }
        self.fill(now);
        match self.available.checked_sub(bytes) {
            Some(left) => {
                self.available = left;
                true
            }
            None => false,
        }
    }

    /// Puts back bytes that were taken and not read.
    pub fn give_back(&mut self, bytes: u64) {
        let most = match self.daily {
            // A bucket that is never filled has its first content as its limit.
            Some(0) => u64::MAX,
            Some(_) | None => self.capacity().unwrap_or(0),
        };
        self.available = self
            .available
            .saturating_add(bytes)
            .min(most.max(self.available));
    }

    /// Returns whether the bucket can ever hold this many bytes.
    #[must_use]
    pub fn can_afford(&self, bytes: u64) -> bool {
        self.capacity().is_none_or(|capacity| bytes <= capacity)
    }

    /// Time until there are this many bytes; `None` if there never are.
    #[must_use]
    pub fn wait_for(&mut self, bytes: u64, now: DateTime<Utc>) -> Option<TimeDelta> {
        let Some(available) = self.available(now) else {
            return Some(TimeDelta::zero());
        };
        let missing = u128::from(bytes.saturating_sub(available));
        if missing == 0 {
            return Some(TimeDelta::zero());
        }
        if !self.can_afford(bytes) {
            return None;
        }
        let daily = u128::from(self.daily?);
        let wait = (missing * DAY).checked_div(daily)? + 1;
        let filled_for = (self.filled_to - now).max(TimeDelta::zero());
        let wait = TimeDelta::milliseconds(i64::try_from(wait).ok()?);
        Some(wait + filled_for)
    }

    fn fill(&mut self, now: DateTime<Utc>) {
        let (Some(daily), Some(capacity)) = (self.daily, self.capacity()) else {
            return;
        };
        if self.filled_to > now + MOST_AHEAD {
            // The clock was ahead, and is not any more.
            self.filled_to = now;
        }
        let passed = (now - self.filled_to).num_milliseconds();
        let Ok(passed) = u128::try_from(passed) else {
            return;
        };
        let added = u128::from(daily) * passed / DAY;
        let missing = capacity.saturating_sub(self.available);
        if added >= u128::from(missing) {
            self.available = self.available.max(capacity);
            self.filled_to = now;
        } else if added > 0 {
            // Only the time in which these bytes came is over: none is lost to rounding.
            let taken = (added * DAY).div_ceil(u128::from(daily));
            self.available += u64::try_from(added).unwrap_or(0);
            self.filled_to += TimeDelta::milliseconds(i64::try_from(taken).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
    }

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    #[test]
    fn a_bucket_starts_empty_and_fills_evenly() {
        let mut budget = Budget::daily(1000, at(0));

        assert_eq!(budget.available(at(0)), Some(0));
        assert_eq!(budget.available(at(DAY_MS / 2)), Some(500));
        assert!(budget.take(400, at(DAY_MS / 2)));
        assert!(!budget.take(400, at(DAY_MS / 2)));
        assert_eq!(budget.available(at(DAY_MS)), Some(600));
    }

    #[test]
    fn seven_days_are_carried_over() {
        let mut budget = Budget::daily(1000, at(0));

        assert_eq!(budget.available(at(100 * DAY_MS)), Some(7000));
        assert!(budget.can_afford(7000));
        assert!(!budget.can_afford(7001));
        assert_eq!(budget.wait_for(7001, at(0)), None);
    }

    #[test]
    fn without_a_limit_everything_is_affordable() {
        let mut budget = Budget::unlimited(at(0));

        assert!(budget.take(u64::MAX, at(0)));
        assert_eq!(budget.available(at(0)), None);
        assert_eq!(budget.wait_for(u64::MAX, at(0)), Some(TimeDelta::zero()));
    }

    #[test]
    fn a_fixed_budget_ends() {
        let mut budget = Budget::fixed(10, at(0));

        assert!(budget.take(6, at(0)));
        assert!(!budget.take(6, at(100 * DAY_MS)));
        assert_eq!(budget.available(at(200 * DAY_MS)), Some(4));
    }

    #[test]
    fn a_saved_bucket_of_another_clock_fills_from_now_on() {
        let mut saved = Budget::daily(1000, at(0));
        let _ = saved.available(at(30 * DAY_MS));

        let mut resumed = Budget::daily(1000, at(0)).resumed(saved, at(DAY_MS));

        assert_eq!(resumed.available(at(DAY_MS)), Some(7000));
        assert!(resumed.take(7000, at(DAY_MS)));
        assert_eq!(resumed.available(at(2 * DAY_MS)), Some(1000));
    }

    proptest! {
        /// Each step: milliseconds that pass, and bytes that are wanted.
        #[test]
        fn no_period_takes_more_than_its_share(
            daily in 1_u64..1_000_000_000,
            steps in prop::collection::vec((0_i64..200_000_000, 0_u64..3_000_000_000), 1..60),
        ) {
            let mut budget = Budget::daily(daily, at(0));
            let mut now = 0;
            let mut taken = Vec::new();
            for (passed, wanted) in steps {
                now += passed;
                if budget.take(wanted, at(now)) {
                    taken.push((now, wanted));
                }
            }
            for (first, (from, _)) in taken.iter().enumerate() {
                let mut sum: u128 = 0;
                for (to, bytes) in &taken[first..] {
                    sum += u128::from(*bytes);
                    let period = u128::try_from(to - from).unwrap();
                    let most = u128::from(daily) * (7 * DAY + period) / DAY;
                    prop_assert!(sum <= most, "{sum} in {period} ms");
                }
            }
        }

        #[test]
        fn what_is_waited_for_is_there_and_not_a_second_before(
            daily in 1_u64..1_000_000_000, share in 1_u64..7, passed in 0_i64..1_000_000,
        ) {
            let mut budget = Budget::daily(daily, at(0));
            let wanted = (daily * share).max(1);
            let wait = budget.wait_for(wanted, at(passed)).unwrap();
            let then = at(passed) + wait;
            let mut early = budget;
            prop_assert!(!early.take(wanted, then - TimeDelta::milliseconds(DAY_MS / i64::try_from(daily).unwrap() + 2)));
            prop_assert!(budget.take(wanted, then));
        }
    }
}
