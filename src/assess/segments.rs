//! Objects and bytes of a set of a server's segments.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::{SomeObjects, WalInventory};
use barman_archive::postgres::{Run, Runs, SegmentSize, TimelineId, WalDir};

/// Objects and bytes of these segments, given by their numbers on their timelines; segments that
/// are not present count nothing. `None` if unknown: the WAL directories that must be listed again
/// are then added to `to_list`.
pub(super) fn stored_segments(
    wal: &WalInventory,
    size: SegmentSize,
    segments: &BTreeMap<TimelineId, Runs>,
    to_list: &mut BTreeSet<WalDir>,
) -> Option<SomeObjects> {
    let per_wal_dir = u64::from(size.segments_per_wal_dir());
    let mut sum = SomeObjects::default();
    let mut is_known = true;
    for (name, wal_dir) in &wal.dirs {
        let Some(runs) = segments.get(&name.timeline) else {
            continue;
        };
        let first = u64::from(name.high) * per_wal_dir;
        let mut in_wal_dir = Vec::new();
        for run in runs.within(first, first + per_wal_dir - 1).iter() {
            in_wal_dir.push(Run {
                first: run.first - first,
                last: run.last - first,
            });
        }
        if let Some(part) = wal_dir.segments_in(&in_wal_dir) {
            sum.add(part);
        } else {
            to_list.insert(*name);
            is_known = false;
        }
    }
    is_known.then_some(sum)
}
