//! Sets of numbers that are mostly consecutive.

use std::ops::Range;

use smallvec::SmallVec;

/// Run of consecutive numbers, `first..=last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Lowest number.
    pub first: u64,
    /// Highest number; never below the first.
    pub last: u64,
}

/// Set of numbers, such as the present segments of a WAL directory, stored as few runs.
///
/// Ten million consecutive numbers are one run. Runs are in order and never touch: between two of
/// them at least one number is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs(SmallVec<[Run; 1]>);

impl Runs {
    /// Adds a number; returns `false` if it was already a member.
    ///
    /// Cheap if numbers arrive in ascending order, as listings have them.
    pub fn insert(&mut self, number: u64) -> bool {
        if let Some(last) = self.0.last_mut()
            && last.last.checked_add(1) == Some(number)
        {
            last.last = number;
            return true;
        }
        let above = self.0.partition_point(|run| run.first <= number);
        let mut merged = Run {
            first: number,
            last: number,
        };
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
        replace(&mut self.0, replaced, merged);
        true
    }

    /// Creates the set of the numbers of one run.
    #[must_use]
    pub fn from_run(run: Run) -> Self {
        Self(SmallVec::from_elem(run, 1))
    }

    /// Adds every number of a run.
    pub fn insert_run(&mut self, added: Run) {
        // Every run that overlaps or touches the new one is merged into it.
        let from = self
            .0
            .partition_point(|run| run.last < added.first.saturating_sub(1));
        let to = self
            .0
            .partition_point(|run| run.first <= added.last.saturating_add(1));
        let replaced = self.0.get(from..to).unwrap_or_default();
        let mut merged = added;
        if let Some(lowest) = replaced.first() {
            merged.first = lowest.first.min(added.first);
        }
        if let Some(highest) = replaced.last() {
            merged.last = highest.last.max(added.last);
        }
        replace(&mut self.0, from..to.max(from), merged);
    }

    /// Adds every number of another set.
    pub fn insert_all(&mut self, added: &Self) {
        for run in added.iter() {
            self.insert_run(run);
        }
    }

    /// Runs, in ascending order.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Run> + Clone + '_ {
        self.0.iter().copied()
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lowest number; `None` if the set is empty.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        Some(self.0.first()?.first)
    }

    /// Highest number; `None` if the set is empty.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        Some(self.0.last()?.last)
    }

    /// Returns the lowest number of the set that is at least `lowest`.
    #[must_use]
    pub fn first_from(&self, lowest: u64) -> Option<u64> {
        let index = self.0.partition_point(|run| run.last < lowest);
        let run = self.0.get(index)?;
        Some(run.first.max(lowest))
    }

    /// Returns the numbers that are not in another set.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut kept = SmallVec::new();
        let mut others = other.iter().peekable();
        for run in self.iter() {
            // First number of the run that is not decided yet; `None` beyond the highest number.
            let mut next = Some(run.first);
            while let Some(removed) = others.peek().copied()
                && let Some(first) = next
                && removed.first <= run.last
            {
                if first < removed.first {
                    kept.push(Run {
                        first,
                        last: removed.first - 1,
                    });
                }
                if removed.last >= first {
                    next = removed.last.checked_add(1);
                }
                if removed.last > run.last {
                    break;
                }
                others.next();
            }
            if let Some(first) = next
                && first <= run.last
            {
                kept.push(Run {
                    first,
                    last: run.last,
                });
            }
        }
        Self(kept)
    }

    /// Removes every number of a run.
    pub fn remove_run(&mut self, removed: Run) {
        let mut kept = Self::default();
        if let Some(last) = removed.first.checked_sub(1) {
            kept = self.within(0, last);
        }
        if let Some(first) = removed.last.checked_add(1) {
            kept.0.extend(self.within(first, u64::MAX).0);
        }
        *self = kept;
    }

    /// Returns whether the set contains a number.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        self.run_around(number).is_some()
    }

    /// First number in `from..=to` that is missing; `None` if all are present.
    #[must_use]
    pub fn first_missing(&self, from: u64, to: u64) -> Option<u64> {
        let missing = match self.run_around(from) {
            Some(run) => run.last.checked_add(1)?,
            None => from,
        };
        (missing <= to).then_some(missing)
    }

    /// Members in `from..=to`.
    #[must_use]
    pub fn within(&self, from: u64, to: u64) -> Self {
        let start = self.0.partition_point(|run| run.last < from);
        let mut kept = SmallVec::new();
        for run in self.0.iter().skip(start) {
            if run.first > to {
                break;
            }
            let first = run.first.max(from);
            let last = run.last.min(to);
            // An interval that ends before it starts is empty, also inside a run.
            if first <= last {
                kept.push(Run { first, last });
            }
        }
        Self(kept)
    }

    /// Numbers in `from..=to` that are missing.
    #[must_use]
    pub fn missing_within(&self, from: u64, to: u64) -> Self {
        let mut missing = SmallVec::new();
        let mut next = Some(from);
        for run in self.within(from, to).0 {
            if let Some(first) = next
                && first < run.first
            {
                missing.push(Run {
                    first,
                    last: run.first - 1,
                });
            }
            next = run.last.checked_add(1);
        }
        if let Some(first) = next
            && first <= to
        {
            missing.push(Run { first, last: to });
        }
        Self(missing)
    }

    /// Frees the memory that was reserved for further runs.
    pub fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    fn run_around(&self, number: u64) -> Option<Run> {
        let above = self.0.partition_point(|run| run.first <= number);
        let run = *self.0.get(above.checked_sub(1)?)?;
        (number <= run.last).then_some(run)
    }

    /// Number of members.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|run| run.last - run.first + 1).sum()
    }

    /// Number of members that are at least `lowest`.
    #[must_use]
    pub fn count_from(&self, lowest: u64) -> u64 {
        let mut count = 0;
        for run in &self.0 {
            let first = run.first.max(lowest);
            if first <= run.last {
                count += run.last - first + 1;
            }
        }
        count
    }

    /// Returns whether the set consists of all numbers from zero to its highest member, and is not
    /// empty.
    #[must_use]
    pub fn begins_at_zero_and_has_no_hole(&self) -> bool {
        matches!(self.0.as_slice(), [Run { first: 0, .. }])
    }
}

impl FromIterator<u64> for Runs {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut runs = Self::default();
        for number in numbers {
            runs.insert(number);
        }
        runs
    }
}

/// Replaces a range of runs by one run, or inserts it if the range is empty.
fn replace(runs: &mut SmallVec<[Run; 1]>, range: Range<usize>, run: Run) {
    match runs.get_mut(range.start) {
        Some(first) if !range.is_empty() => {
            *first = run;
            runs.drain(range.start + 1..range.end);
        }
        _ => runs.insert(range.start, run),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn runs(numbers: impl IntoIterator<Item = u64>) -> Runs {
        numbers.into_iter().collect()
    }

    #[test]
    fn ten_million_consecutive_numbers_are_one_run() {
        let runs = runs(0..10_000_000);

        assert_eq!(
            runs.0.as_slice(),
            [Run {
                first: 0,
                last: 9_999_999
            }]
        );
    }

    #[test]
    fn a_number_between_two_runs_joins_them() {
        let runs = runs([1, 2, 4, 5, 3]);

        assert_eq!(runs.0.as_slice(), [Run { first: 1, last: 5 }]);
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
        fn it_answers_as_a_plain_set_would(numbers in prop::collection::vec(0_u64..40, 0..60), numbers_of_others in prop::collection::vec(0_u64..40, 0..30), from in 0_u64..40) {
            let mut runs = Runs::default();
            let mut naive = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(runs.insert(number), naive.insert(number));
            }
            prop_assert_eq!(runs.count(), naive.len() as u64);
            prop_assert_eq!(runs.count_from(from), naive.range(from..).count() as u64);
            let to = from + 12;
            let naive_missing: Vec<u64> = (from..=to).filter(|number| !naive.contains(number)).collect();
            prop_assert_eq!(runs.first_missing(from, to), naive_missing.first().copied());
            let expand = |runs: &Runs| runs.iter().flat_map(|run| run.first..=run.last).collect::<Vec<_>>();
            prop_assert_eq!(&expand(&runs.missing_within(from, to)), &naive_missing);
            prop_assert_eq!(expand(&runs.within(from, to)), naive.range(from..=to).copied().collect::<Vec<_>>());
            prop_assert_eq!(runs.contains(from), naive.contains(&from));
            prop_assert_eq!(runs.first_from(from), naive.range(from..).next().copied());
            let others: Runs = numbers_of_others.iter().copied().collect();
            let apart = naive.iter().copied().filter(|number| !numbers_of_others.contains(number));
            prop_assert_eq!(expand(&runs.without(&others)), apart.collect::<Vec<_>>());
            let mut fewer = runs.clone();
            fewer.remove_run(Run { first: from, last: to });
            let outside = naive.iter().copied().filter(|number| !(from..=to).contains(number));
            prop_assert_eq!(expand(&fewer), outside.collect::<Vec<_>>());
            let mut more = runs.clone();
            more.insert_run(Run { first: from, last: to });
            naive.extend(from..=to);
            prop_assert_eq!(expand(&more), naive.iter().copied().collect::<Vec<_>>());
            prop_assert!(more.0.windows(2).all(|pair| pair[0].last + 1 < pair[1].first));
            for number in from..=to {
                if naive_missing.contains(&number) {
                    naive.remove(&number);
                }
            }
            let whole = naive.iter().copied().eq(0..naive.len() as u64) && !naive.is_empty();
            prop_assert_eq!(runs.begins_at_zero_and_has_no_hole(), whole);
            prop_assert!(runs.0.windows(2).all(|pair| pair[0].last + 1 < pair[1].first));
        }
    }
}
