//! Whole segments of each timeline, and the timeline's parent.

use std::collections::BTreeMap;

use barman_archive::inventory::{WalInventory, WalObjectKind};
use barman_archive::postgres::{Ancestor, SegmentName, TimelineId, WalDir};
use barman_archive::recovery::Histories;

use crate::report::{Parent, TimelineWal};

/// Timelines with whole segments.
pub(super) fn timelines(
    wal: &WalInventory,
    histories: &Histories,
) -> BTreeMap<TimelineId, TimelineWal> {
    let mut timelines: BTreeMap<_, TimelineWal> = BTreeMap::new();
    for (name, wal_dir) in &wal.dirs {
        let Some(first) = wal_dir.segments.first() else {
            continue;
        };
        let Some(last) = wal_dir.segments.last() else {
            continue;
        };
        let sums = timelines.entry(name.timeline).or_default();
        sums.segments += wal_dir.segments.count();
        sums.stored.add(wal_dir.of(WalObjectKind::Segment));
        sums.first = sums.first.or_else(|| segment_name(*name, first));
        sums.last = segment_name(*name, last).or(sums.last);
    }
    for (timeline, sums) in &mut timelines {
        let parent = histories.ancestors(*timeline).and_then(<[Ancestor]>::last);
        sums.parent = parent.map(Parent::from);
    }
    timelines
}

fn segment_name(wal_dir: WalDir, number: u64) -> Option<SegmentName> {
    Some(wal_dir.segment(u32::try_from(number).ok()?))
}

#[cfg(test)]
mod tests {
    use barman_archive::postgres::SegmentName;

    use super::super::tests::Archive;
    use super::super::tests::recovery::{seg, wal};

    fn shown(archive: &Archive) -> Vec<String> {
        let timelines = archive.server().wal.timelines.into_iter();
        let name = |segment: Option<SegmentName>| segment.unwrap().to_string();
        let shown = timelines.map(|(timeline, wal)| {
            let from = wal
                .parent
                .map(|parent| format!("{} {}", parent.timeline, parent.switched_at));
            let (first, last) = (name(wal.first), name(wal.last));
            format!(
                "{timeline}: {first}-{last} from {}",
                from.unwrap_or_default()
            )
        });
        shown.collect()
    }

    #[test]
    fn a_timeline_names_its_ends_and_where_it_comes_from() {
        let archive = wal(wal(Archive::new(), 1, [9, 4, 0xff]), 2, 6..=8)
            .with("s/wals/0000000100000001/000000010000000100000000.gz", 9)
            .with_file("s/wals/00000002.history", "1\t0/6000080\tfailover\n");

        let expected = [
            format!("1: {}-000000010000000100000000 from ", seg(1, 4)),
            format!("2: {}-{} from 1 0/6000080", seg(2, 6), seg(2, 8)),
        ];
        assert_eq!(shown(&archive), expected);
    }

    #[test]
    fn a_timeline_without_its_own_file_may_be_in_a_later_ones() {
        let archive = wal(wal(Archive::new(), 2, [6]), 3, [8]).with_file(
            "s/wals/00000003.history",
            "1\t0/6000080\ta\n2\t0/8000080\tb\n",
        );

        let expected = [
            format!("2: {0}-{0} from 1 0/6000080", seg(2, 6)),
            format!("3: {0}-{0} from 2 0/8000080", seg(3, 8)),
        ];
        assert_eq!(shown(&archive), expected);
    }
}
