//! Timelines that a restored copy may have written into the archive.
//!
//! `docs/specification.md`, 8.3.

use std::collections::{BTreeMap, BTreeSet};

use crate::postgres::{Lsn, TimelineHistory, TimelineId};

/// Timelines of an archive, as its files show them.
#[derive(Clone, Debug, Default)]
pub struct TimelinesSeen<'a> {
    /// Readable history files, by the timeline that starts there.
    pub histories: BTreeMap<TimelineId, &'a TimelineHistory>,
    /// Timelines on which a finished backup began or ended.
    pub with_backups: BTreeSet<TimelineId>,
    /// Timeline and position at which the newest finished backup is consistent.
    pub newest_backup_end: Option<(TimelineId, Lsn)>,
}

/// Returns the timelines that look as if a restored copy had written them into its source's
/// archive.
///
/// Such a timeline is above the newest finished backup's, does not have a backup of its own, and
/// left that backup's history before its end: the cluster that made the backup cannot have gone
/// there. It is not harmless: `recovery_target_timeline = latest` selects the last of consecutive
/// history files (`PostgreSQL`'s `findNewestTimeLine`) and then refuses the backup, which is not on
/// its path. A timeline without a readable history file is not judged.
#[must_use]
pub fn stray_timelines(seen: &TimelinesSeen<'_>) -> BTreeSet<TimelineId> {
    let Some((timeline, end)) = seen.newest_backup_end else {
        return BTreeSet::new();
    };
    let mut stray = BTreeSet::new();
    for (candidate, history) in &seen.histories {
        let leads_on = history.left(timeline).is_some_and(|at| at >= end);
        if *candidate > timeline && !seen.with_backups.contains(candidate) && !leads_on {
            stray.insert(*candidate);
        }
    }
    stray
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stray(newest: (u32, u64), backups: &[u32], histories: &[(u32, &str)]) -> Vec<u32> {
        let parsed: Vec<_> = histories
            .iter()
            .map(|(timeline, text)| {
                let timeline = TimelineId(*timeline);
                (
                    timeline,
                    TimelineHistory::parse(timeline, text.as_bytes()).unwrap(),
                )
            })
            .collect();
        let seen = TimelinesSeen {
            histories: parsed
                .iter()
                .map(|(timeline, history)| (*timeline, history))
                .collect(),
            with_backups: backups.iter().copied().map(TimelineId).collect(),
            newest_backup_end: Some((TimelineId(newest.0), Lsn(newest.1))),
        };
        stray_timelines(&seen)
            .into_iter()
            .map(|timeline| timeline.0)
            .collect()
    }

    #[test]
    fn a_timeline_left_before_the_newest_backup_ended_is_stray() {
        assert_eq!(stray((1, 0x500), &[1], &[(2, "1\t0/400\tcopy")]), [2]);
    }

    #[test]
    fn a_timeline_that_the_newest_backup_can_go_to_is_not() {
        assert_eq!(
            stray((1, 0x500), &[1], &[(2, "1\t0/500\tfailover")]),
            [0_u32; 0]
        );
        assert_eq!(
            stray(
                (1, 0x500),
                &[1],
                &[(3, "1\t0/600\tfailover\n2\t0/700\tfailover")]
            ),
            [0_u32; 0]
        );
    }

    #[test]
    fn a_timeline_of_another_line_altogether_is_stray() {
        assert_eq!(
            stray((2, 0x500), &[2], &[(2, "1\t0/1\tx"), (3, "1\t0/900\tcopy")]),
            [3]
        );
    }

    #[test]
    fn timelines_with_backups_and_older_ones_are_not_judged() {
        assert_eq!(
            stray(
                (3, 0x500),
                &[3, 4],
                &[(2, "1\t0/1\tx"), (3, "1\t0/1\tx"), (4, "1\t0/2\ty")]
            ),
            [0_u32; 0]
        );
    }

    #[test]
    fn without_a_finished_backup_nothing_is_judged() {
        assert!(stray_timelines(&TimelinesSeen::default()).is_empty());
    }
}
