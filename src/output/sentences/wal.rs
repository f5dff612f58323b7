//! Sentences about WAL and timelines.

use barman_archive::postgres::{SegmentName, TimelineId};
use barman_archive::recovery::{Coverage, Target};
use barman_archive::retention::RetentionPolicy;

use crate::output::words::{count, duration};

pub(super) fn default_target_fails(
    backup: &str,
    default_target: TimelineId,
    works_with: Option<Target>,
) -> String {
    let problem = format!(
        "A restore of the newest backup {backup} with default settings targets timeline \
         {default_target}, and fails or ends early"
    );
    match works_with {
        Some(target) => format!("{problem}: set `recovery_target_timeline = '{target}'`"),
        None => problem,
    }
}

pub(super) fn gap(first: SegmentName, last: SegmentName, missing: u64, wrong_sizes: u64) -> String {
    let segments = count(missing, "segment");
    match (missing, wrong_sizes) {
        (1, 0) => format!("Segment {first} is missing: replay ends before it"),
        (1, _) => {
            format!("Segment {first} has an impossible size: a restore that reaches it fails")
        }
        (_, 0) => format!("{segments} are missing, {first} to {last}: replay ends before them"),
        (_, wrong_sizes) => format!(
            "{segments} are missing or unusable, {first} to {last} ({wrong_sizes} with an \
             impossible size): replay cannot get past them"
        ),
    }
}

pub(super) fn further_gaps(gaps: u64, segments: u64) -> String {
    let unit = if gaps == 1 { "gap" } else { "gaps" };
    format!(
        "{gaps} more {unit}, with {} missing in total",
        count(segments, "segment")
    )
}

pub(super) fn history_missing(
    timeline: TimelineId,
    is_damaged: bool,
    current_works: bool,
) -> String {
    let (state, cure) = if is_damaged {
        ("damaged", "Replace it with")
    } else {
        ("missing", "Archive")
    };
    let current = if current_works {
        "; backups of that timeline can be restored with `recovery_target_timeline = 'current'`"
    } else {
        ""
    };
    format!(
        "The history file of timeline {timeline} is {state}, so \
         `recovery_target_timeline = '{timeline}'` does not work{current}. {cure} the copy from \
         `pg_wal` of a primary or replica on that timeline"
    )
}

pub(super) fn recovery_window_short(policy: RetentionPolicy, coverage: Coverage) -> String {
    format!(
        "Only {:.1} % of the window that `{policy}` promises can be restored (missing: {})",
        coverage.ratio() * 100.0,
        duration(coverage.shortfall())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_described_by_its_ends() {
        let segment = |low| SegmentName {
            timeline: TimelineId(1),
            high: 0,
            low,
        };
        let (first, last) = (segment(6), segment(8));

        insta::assert_snapshot!(gap(first, first, 1, 0), @"Segment 000000010000000000000006 is missing: replay ends before it");
        insta::assert_snapshot!(gap(first, first, 1, 1), @"Segment 000000010000000000000006 has an impossible size: a restore that reaches it fails");
        insta::assert_snapshot!(gap(first, last, 3, 0), @"3 segments are missing, 000000010000000000000006 to 000000010000000000000008: replay ends before them");
        insta::assert_snapshot!(gap(first, last, 3, 1), @"3 segments are missing or unusable, 000000010000000000000006 to 000000010000000000000008 (1 with an impossible size): replay cannot get past them");
    }

    #[test]
    fn further_gaps_are_counted() {
        assert_eq!(
            further_gaps(1, 1),
            "1 more gap, with 1 segment missing in total"
        );
        assert_eq!(
            further_gaps(3, 17),
            "3 more gaps, with 17 segments missing in total"
        );
    }
}
