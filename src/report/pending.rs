//! Missing segments that may be on their way.
//!
//! `docs/specification.md`, 9.2.

use std::collections::BTreeMap;

use barman_archive::postgres::{Runs, TimelineId};

/// Segments that are missing below ones that have just arrived, by timeline. Several segments are
/// archived at once and arrive in any order; after the grace period, the missing ones are gaps.
///
/// `present` holds all segments, `settled` all but those that have just arrived.
pub(super) fn pending(
    present: &BTreeMap<TimelineId, Runs>,
    settled: &BTreeMap<TimelineId, Runs>,
) -> BTreeMap<TimelineId, Runs> {
    let missing = present.iter().filter_map(|(timeline, runs)| {
        let settled_to = settled.get(timeline).and_then(Runs::last);
        let from = settled_to.map(|last| last.saturating_add(1)).or_else(|| runs.first())?;
        let missing = runs.missing_within(from, runs.last()?);
        (!missing.is_empty()).then_some((*timeline, missing))
    });
    missing.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(numbers: &[u64]) -> BTreeMap<TimelineId, Runs> {
        let mut runs = Runs::default();
        for number in numbers {
            runs.insert(*number);
        }
        [(TimelineId(1), runs)].into()
    }

    fn missing(present: &[u64], settled: &[u64]) -> Vec<(u64, u64)> {
        let pending = pending(&runs(present), &runs(settled));
        let of_timeline = pending.get(&TimelineId(1)).cloned().unwrap_or_default();
        of_timeline.iter().map(|run| (run.first, run.last)).collect()
    }

    #[test]
    fn only_what_is_missing_below_new_segments_may_be_on_its_way() {
        assert_eq!(missing(&[1, 3, 4, 6, 9], &[1, 3, 4]), [(5, 5), (7, 8)]);
        assert_eq!(missing(&[1, 3], &[1, 3]), []);
        assert_eq!(missing(&[1, 2], &[1]), []);
        assert_eq!(missing(&[5, 7], &[]), [(6, 6)]);
    }
}
