//! Which timelines lead to which.

use std::collections::{BTreeMap, BTreeSet};

use crate::postgres::{Ancestor, TimelineHistory, TimelineId};

/// What the readable history files of an archive say of its timelines.
#[derive(Clone, Debug, Default)]
pub struct Lineages {
    histories: BTreeMap<TimelineId, TimelineHistory>,
}

impl Lineages {
    /// The lineages that these history files tell.
    #[must_use]
    pub fn new(histories: BTreeMap<TimelineId, TimelineHistory>) -> Self {
        Self { histories }
    }

    /// The timelines that a timeline came through, oldest first; `None` where that is not known.
    ///
    /// A timeline whose own history file is gone may stand in the file of one that came of it.
    /// Timeline 1 came of none and has no history file; the parent of any other is never guessed.
    #[must_use]
    pub fn ancestors(&self, timeline: TimelineId) -> Option<&[Ancestor]> {
        if timeline == TimelineId::FIRST {
            return Some(&[]);
        }
        if let Some(history) = self.histories.get(&timeline) {
            return Some(history.ancestors());
        }
        let told = self.histories.values().filter_map(|history| {
            let mut before = history.ancestors().split(|one| one.timeline == timeline);
            let before = before.next()?;
            let is_descendant = before.len() < history.ancestors().len();
            // As the first ancestor it says nothing of its own parent.
            (is_descendant && !before.is_empty()).then_some(before)
        });
        // A server that had not its parent's file itself leaves out where that came from.
        told.max_by_key(|ancestors| ancestors.len())
    }

    /// Whether the archive has a readable history file of the timeline.
    #[must_use]
    pub fn has_history(&self, timeline: TimelineId) -> bool {
        self.histories.contains_key(&timeline)
    }

    /// The timeline that `recovery_target_timeline = latest` goes for from a backup's timeline: the
    /// last one up to which every number has a history file (`findNewestTimeLine` in
    /// `PostgreSQL`'s `timeline.c`).
    ///
    /// `listed` are the timelines whose history files are there, readable or not.
    #[must_use]
    pub fn latest(from: TimelineId, listed: &BTreeSet<TimelineId>) -> TimelineId {
        let mut latest = from;
        while let Some(next) = latest.0.checked_add(1).map(TimelineId)
            && listed.contains(&next)
        {
            latest = next;
        }
        latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lineages(files: &[(u32, &str)]) -> Lineages {
        let parse = |(timeline, text): &(u32, &str)| {
            let timeline = TimelineId(*timeline);
            (timeline, TimelineHistory::parse(timeline, text.as_bytes()).unwrap())
        };
        Lineages::new(files.iter().map(parse).collect())
    }

    fn ancestors(lineages: &Lineages, timeline: u32) -> Option<Vec<u32>> {
        let ancestors = lineages.ancestors(TimelineId(timeline))?;
        Some(ancestors.iter().map(|one| one.timeline.0).collect())
    }

    #[test]
    fn an_ancestor_whose_own_file_is_gone_stands_in_the_file_of_its_descendant() {
        let lineages = lineages(&[(4, "1\t0/1\tx\n2\t0/2\ty\n3\t0/3\tz")]);

        assert_eq!(ancestors(&lineages, 3), Some(vec![1, 2]));
        assert_eq!(ancestors(&lineages, 2), Some(vec![1]));
        assert_eq!(ancestors(&lineages, 1), Some(vec![]));
    }

    #[test]
    fn the_parent_of_a_timeline_that_no_file_names_is_unknown() {
        let lineages = lineages(&[(4, "2\t0/2\ty")]);

        assert_eq!(ancestors(&lineages, 2), None);
        assert_eq!(ancestors(&lineages, 3), None);
        assert_eq!(ancestors(&lineages, 5), None);
    }

    #[test]
    fn latest_is_the_last_of_consecutive_history_files() {
        let listed = BTreeSet::from([2, 3, 5].map(TimelineId));

        assert_eq!(Lineages::latest(TimelineId(1), &listed), TimelineId(3));
        assert_eq!(Lineages::latest(TimelineId(3), &listed), TimelineId(3));
        assert_eq!(Lineages::latest(TimelineId(4), &listed), TimelineId(5));
    }
}
