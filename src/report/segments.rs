//! Objects and bytes of a set of a server's segments.

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::{SomeObjects, WalInventory};
use crate::postgres::{LogName, Run, Runs, SegmentSize, TimelineId};

/// Objects and bytes of these segments, given by their numbers on their timelines; segments that
/// are not present count nothing. `None` if unknown: the WAL directories that must be listed again
/// are then added to `lacking`.
pub(super) fn stored_segments(
    wal: &WalInventory,
    size: SegmentSize,
    segments: &BTreeMap<TimelineId, Runs>,
    lacking: &mut BTreeSet<LogName>,
) -> Option<SomeObjects> {
    let per_log = u64::from(size.segments_per_log());
    let mut sum = Some(SomeObjects::default());
    for (name, log) in &wal.logs {
        let Some(runs) = segments.get(&name.timeline) else { continue };
        let first = u64::from(name.log) * per_log;
        let in_log = runs.within(first, first + per_log - 1);
        let in_log: Vec<Run> = in_log
            .iter()
            .map(|run| Run { first: run.first - first, last: run.last - first })
            .collect();
        let part = log.segments_in(&in_log);
        if part.is_none() {
            lacking.insert(*name);
        }
        sum = sum.zip(part).map(|(sum, part)| sum.plus(part));
    }
    sum
}
