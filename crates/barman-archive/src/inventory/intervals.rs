//! Distribution of the time between one arrival and the next.

use chrono::TimeDelta;
use smallvec::SmallVec;

/// Histogram of intervals: exact to the second below a minute, and to two percent above.
///
/// Its memory grows with the number of different lengths, not with the number of intervals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals {
    /// Number of intervals in each class of length, in order.
    counts: SmallVec<[(u16, u32); 2]>,
    /// Longest interval, in seconds.
    longest: u32,
}

/// Length below which each second is a class of its own. Above it, [`CLASSES_PER_DOUBLING`] classes
/// cover each doubling.
const EXACT: u32 = 64;
const CLASSES_PER_DOUBLING: u32 = 32;

impl Intervals {
    /// Counts an interval; one that is not positive counts as none at all between two arrivals.
    pub fn add(&mut self, interval: TimeDelta) {
        let seconds = interval.num_seconds().clamp(0, i64::from(u32::MAX));
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        self.longest = self.longest.max(seconds);
        self.count(class_of(seconds), 1);
    }

    /// Counts what another one counted.
    pub fn merge(&mut self, other: &Self) {
        self.longest = self.longest.max(other.longest);
        for (class, number) in &other.counts {
            self.count(*class, *number);
        }
    }

    /// Interval that this share of all intervals, from 0 to 1, does not exceed; `None` without
    /// intervals.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank among far fewer than 2^53 intervals"
    )]
    pub fn quantile(&self, share: f64) -> Option<TimeDelta> {
        let total: u64 = self
            .counts
            .iter()
            .map(|(_, number)| u64::from(*number))
            .sum();
        let rank = ((total as f64 * share).ceil() as u64).clamp(1, total.max(1));
        if rank == total {
            return Some(TimeDelta::seconds(self.longest.into()));
        }
        let mut counted = 0;
        for (class, number) in &self.counts {
            counted += u64::from(*number);
            if counted >= rank {
                let seconds = middle_of(*class).min(self.longest);
                return Some(TimeDelta::seconds(seconds.into()));
            }
        }
        None
    }

    /// Frees the memory that was reserved for further classes.
    pub(super) fn shrink_to_fit(&mut self) {
        self.counts.shrink_to_fit();
    }

    fn count(&mut self, class: u16, number: u32) {
        match self
            .counts
            .binary_search_by_key(&class, |(other, _)| *other)
        {
            Ok(index) => {
                if let Some((_, sum)) = self.counts.get_mut(index) {
                    *sum = sum.saturating_add(number);
                }
            }
            Err(index) => self.counts.insert(index, (class, number)),
        }
    }
}

fn class_of(seconds: u32) -> u16 {
    if seconds < EXACT {
        return u16::try_from(seconds).unwrap_or(u16::MAX);
    }
    let doublings = seconds.ilog2() - EXACT.ilog2();
    let within = (seconds >> (doublings + 1)) - CLASSES_PER_DOUBLING;
    u16::try_from(EXACT + doublings * CLASSES_PER_DOUBLING + within).unwrap_or(u16::MAX)
}

fn middle_of(class: u16) -> u32 {
    let class = u32::from(class);
    let Some(above) = class.checked_sub(EXACT) else {
        return class;
    };
    let doublings = above / CLASSES_PER_DOUBLING;
    let within = above % CLASSES_PER_DOUBLING;
    let first = (within + CLASSES_PER_DOUBLING) << (doublings + 1);
    first + (1 << doublings)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn intervals(seconds: &[u32]) -> Intervals {
        let mut intervals = Intervals::default();
        for length in seconds {
            intervals.add(TimeDelta::seconds((*length).into()));
        }
        intervals
    }

    #[test]
    fn without_intervals_nothing_is_known() {
        assert_eq!(Intervals::default().quantile(0.5), None);
    }

    #[test]
    fn the_longest_is_exact_whatever_its_length() {
        assert_eq!(
            intervals(&[5, 1_000_001]).quantile(1.0),
            Some(TimeDelta::seconds(1_000_001))
        );
        assert_eq!(
            intervals(&[u32::MAX]).quantile(1.0),
            Some(TimeDelta::seconds(u32::MAX.into()))
        );
    }

    #[test]
    fn an_interval_that_goes_back_in_time_is_none() {
        let mut backwards = Intervals::default();
        backwards.add(TimeDelta::seconds(-5));

        assert_eq!(backwards.quantile(1.0), Some(TimeDelta::zero()));
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_two_percent_of_the_exact_one(
            mut seconds in prop::collection::vec(0_u32..10_000_000, 1..80), share in 0.0..=1.0_f64,
        ) {
            let found = intervals(&seconds).quantile(share).unwrap().num_seconds();
            seconds.sort_unstable();
            let count = u32::try_from(seconds.len()).unwrap();
            let rank = (1..=count).find(|rank| f64::from(*rank) >= f64::from(count) * share);
            let exact = i64::from(seconds[rank.unwrap() as usize - 1]);
            prop_assert!((found - exact).abs() * 50 <= exact, "{found} for {exact}");
        }

        #[test]
        fn parts_merge_into_the_whole(a in prop::collection::vec(any::<u32>(), 0..20), b in prop::collection::vec(any::<u32>(), 0..20)) {
            let mut merged = intervals(&a);
            merged.merge(&intervals(&b));
            prop_assert_eq!(merged, intervals(&[a, b].concat()));
        }
    }
}
