//! WAL that is deleted with backups, as a rule rather than as a list.

use std::collections::BTreeSet;

use crate::barman::WalKind;
use crate::postgres::{Run, SegmentName, TimelineId};

/// All numbers that the last part of a segment's name can have.
const WHOLE_WAL_DIR: Run = Run {
    first: 0,
    last: u32::MAX as u64,
};

/// Highest possible segment name.
const HIGHEST: SegmentName = SegmentName {
    timeline: TimelineId(u32::MAX),
    high: u32::MAX,
    low: u32::MAX,
};

/// WAL that is deleted when backups are deleted one after the other: everything that any of the
/// rules covers.
///
/// Judges names without listing them: an archive of ten million segments costs no more than a small
/// one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalDeletion(Vec<WalRule>);

/// WAL that is deleted with one backup (`_remove_wals_for_backup`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalRule {
    /// Upper bound, exclusive: names below this one are deleted, compared as text. It is the first
    /// segment of the next copied backup or, without a next one, of the deleted backup.
    pub before: SegmentName,
    /// Timelines on which nothing is deleted: those of the other backups, finished or not, except
    /// that of the backup that starts with `before` (`BackupManager.get_timelines_to_protect`). The
    /// backup that is being deleted still protects its own.
    pub protected_timelines: BTreeSet<TimelineId>,
    /// First and last segment of each older backup that is kept as standalone; everything in
    /// between stays.
    pub kept_ranges: Vec<(SegmentName, SegmentName)>,
}

impl WalDeletion {
    /// Adds the rule of the next deletion.
    pub(super) fn push(&mut self, rule: WalRule) {
        // This way, deleting a hundred backups of one timeline takes one rule instead of a hundred.
        if self.0.last().is_some_and(|earlier| rule.includes(earlier)) {
            self.0.pop();
        }
        self.0.push(rule);
    }

    /// Returns the rules, in the order of the deletions; one may stand for several.
    #[must_use]
    pub fn rules(&self) -> &[WalRule] {
        &self.0
    }

    /// Returns whether files of this name are deleted because of their name.
    ///
    /// History files and foreign keys never are; they are deleted only with their directory
    /// ([`sweeps`](Self::sweeps)). Of several objects that differ only in the directory or in the
    /// compression suffix, Barman sees only the one listed last, and the others stay.
    #[must_use]
    pub fn deletes(&self, name: WalKind) -> bool {
        self.0.iter().any(|rule| rule.deletes(name))
    }

    /// Returns whether everything in this WAL directory is deleted, whatever its name.
    #[must_use]
    pub fn sweeps(&self, timeline: TimelineId, high: u32) -> bool {
        self.0.iter().any(|rule| rule.sweeps(timeline, high))
    }

    /// Returns the segments that are deleted from their place in this WAL directory, by the last
    /// part of their names: in order, with something that stays between any two runs.
    #[must_use]
    pub fn deleted_segments(&self, timeline: TimelineId, high: u32) -> Vec<Run> {
        let mut runs = Vec::new();
        // The last rules reach furthest: most WAL directories are decided by the first rule that is
        // asked.
        for rule in self.0.iter().rev() {
            let of_rule = rule.deleted_segments(timeline, high);
            if of_rule == [WHOLE_WAL_DIR] {
                return of_rule;
            }
            runs.extend(of_rule);
        }
        runs.sort_unstable_by_key(|run| run.first);
        let mut merged: Vec<Run> = Vec::new();
        for run in runs {
            match merged.last_mut() {
                Some(before) if run.first <= before.last.saturating_add(1) => {
                    before.last = before.last.max(run.last);
                }
                Some(_) | None => merged.push(run),
            }
        }
        merged
    }
}

impl WalRule {
    /// Returns whether files of this name are deleted because of their name.
    #[must_use]
    pub fn deletes(&self, name: WalKind) -> bool {
        let (segment, is_partial) = match name {
            WalKind::Segment(segment) | WalKind::Label(segment, _) => (segment, false),
            WalKind::Partial(segment) => (segment, true),
            WalKind::History(_) | WalKind::Foreign => return false,
        };
        if segment >= self.before || self.protected_timelines.contains(&segment.timeline) {
            return false;
        }
        for (first, last) in &self.kept_ranges {
            // Compared as text: the suffix of a partial segment makes its name greater than `last`.
            let is_up_to_last = if is_partial {
                segment < *last
            } else {
                segment <= *last
            };
            if *first <= segment && is_up_to_last {
                return false;
            }
        }
        true
    }

    /// Returns whether everything in this WAL directory is deleted, whatever its name: that is the
    /// case if its WAL directory is below that of `before`, on the same timeline.
    ///
    /// The ranges of standalone backups are compared part by part here, and not as names.
    #[must_use]
    pub fn sweeps(&self, timeline: TimelineId, high: u32) -> bool {
        let is_below = timeline == self.before.timeline && high < self.before.high;
        if !is_below || self.protected_timelines.contains(&timeline) {
            return false;
        }
        for (first, last) in &self.kept_ranges {
            let is_on_timeline = (first.timeline..=last.timeline).contains(&timeline);
            if is_on_timeline && (first.high..=last.high).contains(&high) {
                return false;
            }
        }
        true
    }

    /// Returns whether this rule deletes everything that the other rule deletes.
    fn includes(&self, other: &Self) -> bool {
        self.before.timeline == other.before.timeline
            && self.before >= other.before
            && self
                .protected_timelines
                .is_subset(&other.protected_timelines)
            && self.kept_ranges == other.kept_ranges
    }

    fn deleted_segments(&self, timeline: TimelineId, high: u32) -> Vec<Run> {
        if self.sweeps(timeline, high) {
            return vec![WHOLE_WAL_DIR];
        }
        let lowest = SegmentName {
            timeline,
            high,
            low: 0,
        };
        if self.before <= lowest || self.protected_timelines.contains(&timeline) {
            return Vec::new();
        }
        // Everything from `before` on stays as well.
        let rest = (self.before, HIGHEST);
        let stays = self.kept_ranges.iter().copied().chain([rest]);
        let mut runs = vec![WHOLE_WAL_DIR];
        for (first, last) in stays {
            if let Some(kept) = part_of_wal_dir(lowest, first, last) {
                runs = without(&runs, kept);
            }
        }
        runs
    }
}

/// Returns the part of a WAL directory that a range of names covers; `None` if it covers nothing.
///
/// `lowest` is the first name of the directory.
fn part_of_wal_dir(lowest: SegmentName, first: SegmentName, last: SegmentName) -> Option<Run> {
    let first = first.max(lowest);
    let last = last.min(SegmentName {
        low: u32::MAX,
        ..lowest
    });
    if first > last {
        return None;
    }
    Some(Run {
        first: first.low.into(),
        last: last.low.into(),
    })
}

/// Returns the parts of the runs below and above the segments that are kept.
fn without(runs: &[Run], kept: Run) -> Vec<Run> {
    let mut parts = Vec::new();
    for run in runs {
        if run.first < kept.first {
            let last = run.last.min(kept.first - 1);
            parts.push(Run {
                first: run.first,
                last,
            });
        }
        if run.last > kept.last {
            let first = run.first.max(kept.last + 1);
            parts.push(Run {
                first,
                last: run.last,
            });
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::tests::segment;
    use super::*;

    fn rule(before: &str) -> WalRule {
        WalRule {
            before: segment(before),
            protected_timelines: BTreeSet::new(),
            kept_ranges: Vec::new(),
        }
    }

    fn runs(rule: &WalRule, timeline: u32, high: u32) -> Vec<(u64, u64)> {
        let runs = rule.deleted_segments(TimelineId(timeline), high);
        runs.into_iter().map(|run| (run.first, run.last)).collect()
    }

    const END: u64 = u32::MAX as u64;

    #[test]
    fn names_below_go_whatever_their_timeline_and_kind() {
        let rule = rule("2/1/5");

        for name in ["1/9/9", "2/0/FF", "2/1/4"] {
            assert!(rule.deletes(WalKind::Segment(segment(name))), "{name}");
            assert!(rule.deletes(WalKind::Partial(segment(name))), "{name}");
            assert!(rule.deletes(WalKind::Label(segment(name), 40)), "{name}");
        }
        for name in ["2/1/5", "2/2/0", "3/0/0"] {
            assert!(!rule.deletes(WalKind::Segment(segment(name))), "{name}");
            assert!(!rule.deletes(WalKind::Partial(segment(name))), "{name}");
            assert!(!rule.deletes(WalKind::Label(segment(name), 40)), "{name}");
        }
    }

    #[test]
    fn history_files_and_foreign_keys_never_go_by_name() {
        assert!(!rule("2/1/5").deletes(WalKind::History(TimelineId(1))));
        assert!(!rule("2/1/5").deletes(WalKind::Foreign));
    }

    #[test]
    fn a_protected_timeline_keeps_everything() {
        let rule = WalRule {
            protected_timelines: [TimelineId(1)].into(),
            ..rule("2/1/5")
        };

        assert!(!rule.deletes(WalKind::Segment(segment("1/0/1"))));
        assert!(!rule.sweeps(TimelineId(1), 0));
        assert_eq!(runs(&rule, 1, 0), []);
        assert!(rule.deletes(WalKind::Segment(segment("2/0/1"))));
    }

    #[test]
    fn a_kept_range_keeps_both_ends_but_not_the_last_partial() {
        let rule = WalRule {
            kept_ranges: vec![(segment("1/0/4"), segment("1/0/6"))],
            ..rule("1/0/9")
        };

        for name in ["1/0/4", "1/0/5", "1/0/6"] {
            assert!(!rule.deletes(WalKind::Segment(segment(name))), "{name}");
            assert!(!rule.deletes(WalKind::Label(segment(name), 40)), "{name}");
        }
        assert!(rule.deletes(WalKind::Segment(segment("1/0/3"))));
        assert!(rule.deletes(WalKind::Segment(segment("1/0/7"))));
        assert!(!rule.deletes(WalKind::Partial(segment("1/0/5"))));
        assert!(rule.deletes(WalKind::Partial(segment("1/0/6"))));
        assert_eq!(runs(&rule, 1, 0), [(0, 3), (7, 8)]);
    }

    #[test]
    fn lower_logs_of_the_same_timeline_are_swept() {
        let rule = rule("2/3/5");

        assert!(rule.sweeps(TimelineId(2), 2));
        for (timeline, high) in [(2, 3), (2, 4), (1, 0), (3, 0)] {
            assert!(
                !rule.sweeps(TimelineId(timeline), high),
                "{timeline} {high}"
            );
        }
    }

    #[test]
    fn a_wal_dir_that_a_kept_range_touches_is_not_swept() {
        let rule = WalRule {
            kept_ranges: vec![(segment("1/2/9"), segment("1/3/0"))],
            ..rule("1/9/0")
        };

        let swept: Vec<u32> = (0..10)
            .filter(|high| rule.sweeps(TimelineId(1), *high))
            .collect();
        assert_eq!(swept, [0, 1, 4, 5, 6, 7, 8]);
        assert_eq!(runs(&rule, 1, 2), [(0, 8)]);
        assert_eq!(runs(&rule, 1, 3), [(1, END)]);
    }

    #[test]
    fn a_sweep_compares_kept_ranges_across_timelines_by_parts() {
        let rule = WalRule {
            kept_ranges: vec![(segment("1/5/1"), segment("2/3/1"))],
            ..rule("1/9/0")
        };

        assert!(!rule.deletes(WalKind::Segment(segment("1/7/0"))));
        assert!(rule.sweeps(TimelineId(1), 7));
        assert_eq!(runs(&rule, 1, 7), [(0, END)]);
    }

    #[test]
    fn segments_go_up_to_where_the_next_backup_begins() {
        let rule = rule("2/1/5");

        assert_eq!(runs(&rule, 1, 7), [(0, END)]);
        assert_eq!(runs(&rule, 2, 0), [(0, END)]);
        assert_eq!(runs(&rule, 2, 1), [(0, 4)]);
        assert_eq!(runs(&rule, 2, 2), []);
    }

    #[test]
    fn nothing_is_below_the_first_name() {
        assert_eq!(runs(&rule("1/0/0"), 1, 0), []);
    }

    #[test]
    fn deletions_one_after_the_other_on_one_timeline_are_one_rule() {
        let mut deletion = WalDeletion::default();
        for number in 1..=9 {
            deletion.push(rule(&format!("1/0/{number}")));
        }
        let other = WalRule {
            protected_timelines: [TimelineId(1)].into(),
            ..rule("2/0/3")
        };
        deletion.push(other.clone());

        assert_eq!(deletion.rules(), [rule("1/0/9"), other]);
        assert_eq!(
            deletion.deleted_segments(TimelineId(1), 0),
            [Run { first: 0, last: 8 }]
        );
        assert_eq!(
            deletion.deleted_segments(TimelineId(2), 0),
            [Run { first: 0, last: 2 }]
        );
    }

    #[test]
    fn what_several_rules_say_of_a_wal_dir_is_joined() {
        let mut deletion = WalDeletion::default();
        let kept = vec![(segment("1/0/3"), segment("1/0/4"))];
        deletion.push(WalRule {
            kept_ranges: kept,
            ..rule("1/0/9")
        });
        deletion.push(rule("1/0/5"));

        assert_eq!(
            deletion.deleted_segments(TimelineId(1), 0),
            [Run { first: 0, last: 8 }]
        );
    }
}
