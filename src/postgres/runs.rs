//! Sets of numbers that are mostly consecutive.

/// Consecutive numbers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The lowest number.
    pub first: u64,
    /// The highest number; never below the first.
    pub last: u64,
}

/// A set of numbers, such as the segments of a log that are present, as few runs as possible.
///
/// Ten million consecutive numbers are one run. Runs are in order and never touch: between two of
/// them at least one number is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs(Vec<Run>);

impl Runs {
    /// Adds a number; `false` if it was there already.
    ///
    /// Cheap when numbers come in ascending order, as listings have them.
    pub fn insert(&mut self, number: u64) -> bool {
        let above = self.0.partition_point(|run| run.first <= number);
        let mut merged = Run { first: number, last: number };
        let mut replaced = above..above;
        if let Some(below) = above.checked_sub(1)
            && let Some(run) = self.0.get(below)
        {
            if number <= run.last {
                return false;
            }
            if number - 1 == run.last {
                merged.first = run.first;
                replaced.start = below;
            }
        }
        if let Some(run) = self.0.get(above)
            && run.first - 1 == number
        {
            merged.last = run.last;
            replaced.end += 1;
        }
        self.0.splice(replaced, [merged]);
        true
    }

    /// How many numbers the set has.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|run| run.last - run.first + 1).sum()
    }

    /// How many numbers of the set are at or above this one.
    #[must_use]
    pub fn count_from(&self, lowest: u64) -> u64 {
        let above = self.0.iter().filter(|run| run.last >= lowest);
        above.map(|run| run.last - run.first.max(lowest) + 1).sum()
    }

    /// Whether the set is every number from zero up to its highest, and not empty.
    #[must_use]
    pub fn begins_at_zero_and_has_no_hole(&self) -> bool {
        matches!(self.0.as_slice(), [Run { first: 0, .. }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn runs(numbers: impl IntoIterator<Item = u64>) -> Runs {
        let mut runs = Runs::default();
        for number in numbers {
            runs.insert(number);
        }
        runs
    }

    #[test]
    fn ten_million_consecutive_numbers_are_one_run() {
        let runs = runs(0..10_000_000);

        assert_eq!(runs.0, [Run { first: 0, last: 9_999_999 }]);
    }

    #[test]
    fn a_number_between_two_runs_joins_them() {
        let runs = runs([1, 2, 4, 5, 3]);

        assert_eq!(runs.0, [Run { first: 1, last: 5 }]);
    }

    #[test]
    fn both_ends_of_the_range_can_be_members() {
        let mut ends = runs([0, u64::MAX]);

        assert!(!ends.insert(0));
        assert!(!ends.insert(u64::MAX));
        assert_eq!(ends.count(), 2);
    }

    proptest! {
        #[test]
        fn it_answers_as_a_plain_set_would(numbers in prop::collection::vec(0_u64..40, 0..60), from in 0_u64..40) {
            let mut runs = Runs::default();
            let mut naive = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(runs.insert(number), naive.insert(number));
            }
            prop_assert_eq!(runs.count(), naive.len() as u64);
            prop_assert_eq!(runs.count_from(from), naive.range(from..).count() as u64);
            let whole = naive.iter().copied().eq(0..naive.len() as u64) && !naive.is_empty();
            prop_assert_eq!(runs.begins_at_zero_and_has_no_hole(), whole);
            prop_assert!(runs.0.windows(2).all(|pair| pair[0].last + 1 < pair[1].first));
        }
    }
}
