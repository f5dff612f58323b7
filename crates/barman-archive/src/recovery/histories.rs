//! History files of an archive, and the targets of recovery that they decide.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::postgres::{Ancestor, Lsn, TimelineHistory, TimelineId};

/// History file that is listed, as a restore finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryFile {
    /// File that `PostgreSQL` reads.
    Readable(TimelineHistory),
    /// File that `PostgreSQL` refuses to start with: "syntax error in history file".
    Invalid,
    /// File that `barman-cloud-wal-restore` cannot decompress: a restore finds none.
    NotDecompressible,
    /// File whose content is not known here.
    Unknown,
}

/// Value of `recovery_target_timeline`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A timeline by its number.
    Timeline(TimelineId),
    /// `current`: the timeline that the backup ended on.
    Current,
    /// `latest`, the default: the last timeline up to which every number has a history file.
    Latest,
}

/// Reason why a target cannot be selected at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// Timeline without a history file.
    MissingHistory(TimelineId),
    /// Timeline whose history file `PostgreSQL` refuses.
    InvalidHistory(TimelineId),
    /// Timeline whose history file has unknown content.
    UnknownHistory(TimelineId),
}

/// History files of an archive.
#[derive(Clone, Debug, Default)]
pub struct Histories {
    files: BTreeMap<TimelineId, HistoryFile>,
    /// Longest list of ancestors that the file of another timeline has for each timeline: the other
    /// timeline, and the place in the lines of its file.
    recorded_in: BTreeMap<TimelineId, (TimelineId, usize)>,
    /// Positions at which readable histories left a timeline, with the next timeline of each
    /// history and its last one.
    switches: BTreeMap<TimelineId, BTreeMap<Lsn, BTreeSet<TimelineId>>>,
}

/// Maximum number of histories that are followed: those of the highest timelines. The content of
/// the others counts as unknown.
///
/// A cluster that is promoted twice a week reaches this number in ten years.
const MOST_HISTORIES: usize = 1000;

/// Maximum number of lines of a history that is followed.
const MOST_ANCESTORS: usize = 1000;

/// Maximum number of lines of all followed histories together: what [`MOST_HISTORIES`] timelines in
/// one row have.
const MOST_LINES: usize = 500_500;

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeline(timeline) => timeline.fmt(formatter),
            Self::Current => formatter.write_str("current"),
            Self::Latest => formatter.write_str("latest"),
        }
    }
}

impl TargetError {
    /// Returns the timeline whose history file is in the way.
    #[must_use]
    pub const fn timeline(self) -> TimelineId {
        match self {
            Self::MissingHistory(timeline)
            | Self::InvalidHistory(timeline)
            | Self::UnknownHistory(timeline) => timeline,
        }
    }
}

impl Histories {
    /// Collects the history files of an archive, by the timeline that starts in each.
    #[must_use]
    pub fn new(mut files: BTreeMap<TimelineId, HistoryFile>) -> Self {
        let mut lines = 0;
        for (place, file) in files.values_mut().rev().enumerate() {
            let HistoryFile::Readable(history) = file else {
                continue;
            };
            let own = history.ancestors().len();
            let is_followed = own <= MOST_ANCESTORS && lines + own <= MOST_LINES;
            if place < MOST_HISTORIES && is_followed {
                lines += own;
            } else {
                *file = HistoryFile::Unknown;
            }
        }
        let mut histories = Self {
            files,
            ..Self::default()
        };
        histories.note_ancestors();
        histories
    }

    fn note_ancestors(&mut self) {
        let (mut recorded_in, mut switches) = (BTreeMap::new(), BTreeMap::new());
        for history in self.readable() {
            for (place, ancestor) in history.ancestors().iter().enumerate() {
                let (timeline, child) = (ancestor.timeline, history.timeline());
                // A server without its parent's history file leaves out the parent's ancestors: the
                // first ancestor in a file says nothing about its own parent.
                let known = recorded_in.get(&timeline).map_or(0, |(_, known)| *known);
                if place > known {
                    recorded_in.insert(timeline, (child, place));
                }
                let of_timeline: &mut BTreeMap<_, BTreeSet<_>> =
                    switches.entry(timeline).or_default();
                let next = history.ancestors().get(place + 1).map(|next| next.timeline);
                let descendants = of_timeline.entry(ancestor.switched_at).or_default();
                descendants.extend(next.into_iter().chain([child]));
            }
        }
        (self.recorded_in, self.switches) = (recorded_in, switches);
    }

    /// Returns the timelines with a history file, in order, whether a restore finds it or not.
    pub fn timelines(&self) -> impl Iterator<Item = TimelineId> {
        self.files.keys().copied()
    }

    /// Returns the histories that are readable.
    pub fn readable(&self) -> impl Iterator<Item = &TimelineHistory> {
        self.files.values().filter_map(|file| match file {
            HistoryFile::Readable(history) => Some(history),
            HistoryFile::Invalid | HistoryFile::NotDecompressible | HistoryFile::Unknown => None,
        })
    }

    /// Returns whether a restore finds a history file of the timeline (`existsTimeLineHistory` in
    /// `timeline.c`, which does not read it).
    #[must_use]
    pub fn exists(&self, timeline: TimelineId) -> bool {
        match self.files.get(&timeline) {
            Some(HistoryFile::Readable(_) | HistoryFile::Invalid | HistoryFile::Unknown) => true,
            Some(HistoryFile::NotDecompressible) | None => false,
        }
    }

    /// Returns whether the timeline has a history file whose content is not known.
    #[must_use]
    pub fn is_unknown(&self, timeline: TimelineId) -> bool {
        matches!(self.files.get(&timeline), Some(HistoryFile::Unknown))
    }

    /// Returns whether the timeline has a readable history file.
    #[must_use]
    pub fn is_readable(&self, timeline: TimelineId) -> bool {
        matches!(self.files.get(&timeline), Some(HistoryFile::Readable(_)))
    }

    /// Returns whether a restore can follow the timeline's history file, as far as that is known.
    #[must_use]
    pub fn is_usable(&self, timeline: TimelineId) -> bool {
        matches!(
            self.files.get(&timeline),
            Some(HistoryFile::Readable(_) | HistoryFile::Unknown)
        )
    }

    /// Returns the timeline that a target resolves to, for a backup that ended on `own`.
    ///
    /// Follows `validateRecoveryParameters` in `xlogrecovery.c`, and for `latest`
    /// `findNewestTimeLine` in `timeline.c`, which counts up from the timeline of the control file.
    #[must_use]
    pub fn timeline_of(&self, target: Target, own: TimelineId) -> TimelineId {
        match target {
            Target::Timeline(timeline) => timeline,
            Target::Current => own,
            Target::Latest => {
                let mut latest = own;
                while let Some(next) = latest.0.checked_add(1).map(TimelineId)
                    && self.exists(next)
                {
                    latest = next;
                }
                latest
            }
        }
    }

    /// Returns the history that recovery to a target follows, for a backup that ended on `own`.
    ///
    /// # Errors
    /// Returns an error if `PostgreSQL` refuses the target, or if the history is not known.
    pub fn of_target(
        &self,
        target: Target,
        own: TimelineId,
    ) -> Result<TimelineHistory, TargetError> {
        let timeline = self.timeline_of(target, own);
        // "Timeline 1 does not have a history file, so no need to check."
        if timeline == TimelineId::FIRST {
            return Ok(TimelineHistory::without_ancestors(timeline));
        }
        match self.files.get(&timeline) {
            Some(HistoryFile::Readable(history)) => Ok(history.clone()),
            Some(HistoryFile::Invalid) => Err(TargetError::InvalidHistory(timeline)),
            Some(HistoryFile::Unknown) => Err(TargetError::UnknownHistory(timeline)),
            Some(HistoryFile::NotDecompressible) | None => match target {
                Target::Timeline(_) => Err(TargetError::MissingHistory(timeline)),
                Target::Current | Target::Latest => {
                    Ok(TimelineHistory::without_ancestors(timeline))
                }
            },
        }
    }

    /// Returns the timelines that a timeline came through, oldest first; `None` where that is not
    /// known.
    ///
    /// A timeline whose own history file is gone may be listed in the file of a descendant.
    /// Timeline 1 does not have ancestors; the parent of any other timeline is never guessed.
    #[must_use]
    pub fn ancestors(&self, timeline: TimelineId) -> Option<&[Ancestor]> {
        if timeline == TimelineId::FIRST {
            return Some(&[]);
        }
        if let Some(HistoryFile::Readable(history)) = self.files.get(&timeline) {
            return Some(history.ancestors());
        }
        let (recording, place) = self.recorded_in.get(&timeline)?;
        match self.files.get(recording)? {
            HistoryFile::Readable(history) => history.ancestors().get(..*place),
            HistoryFile::Invalid | HistoryFile::NotDecompressible | HistoryFile::Unknown => None,
        }
    }

    /// Returns the history of a timeline as far as any file records it, even without its own file.
    #[must_use]
    pub fn lineage(&self, timeline: TimelineId) -> Option<TimelineHistory> {
        let ancestors = self.ancestors(timeline)?;
        Some(TimelineHistory::of_ancestors(timeline, ancestors.to_vec()))
    }

    /// Returns the positions at which readable histories left a timeline.
    pub fn switches_from(&self, timeline: TimelineId) -> impl Iterator<Item = Lsn> {
        self.switches
            .get(&timeline)
            .into_iter()
            .flat_map(|switches| switches.keys().copied())
    }

    /// Returns the timelines that left a timeline at or after a position, and those whose own
    /// history file says that they descend from it that way.
    #[must_use]
    pub fn descendants(&self, timeline: TimelineId, from: Lsn) -> BTreeSet<TimelineId> {
        let switches = self.switches.get(&timeline).into_iter();
        let children = switches.flat_map(|switches| switches.range(from..));
        children
            .flat_map(|(_, timelines)| timelines.iter().copied())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: TimelineId = TimelineId(1);

    fn histories(files: &[(u32, &str)]) -> Histories {
        let read = |(timeline, text): &(u32, &str)| {
            let timeline = TimelineId(*timeline);
            let parsed = TimelineHistory::parse(timeline, text.as_bytes());
            (
                timeline,
                parsed.map_or(HistoryFile::Invalid, HistoryFile::Readable),
            )
        };
        Histories::new(files.iter().map(read).collect())
    }

    fn ancestors(histories: &Histories, timeline: u32) -> Option<Vec<u32>> {
        let ancestors = histories.ancestors(TimelineId(timeline))?;
        Some(
            ancestors
                .iter()
                .map(|ancestor| ancestor.timeline.0)
                .collect(),
        )
    }

    #[test]
    fn an_ancestor_without_file_stands_in_its_descendants_file() {
        let histories = histories(&[(4, "1\t0/1\tx\n2\t0/2\ty\n3\t0/3\tz")]);

        assert_eq!(ancestors(&histories, 3), Some(vec![1, 2]));
        assert_eq!(ancestors(&histories, 2), Some(vec![1]));
        assert_eq!(ancestors(&histories, 1), Some(vec![]));
    }

    #[test]
    fn the_parent_of_a_timeline_that_no_file_names_is_unknown() {
        let histories = histories(&[(4, "2\t0/2\ty")]);

        assert_eq!(ancestors(&histories, 2), None);
        assert_eq!(ancestors(&histories, 3), None);
        assert_eq!(ancestors(&histories, 5), None);
    }

    #[test]
    fn latest_is_the_last_of_consecutive_history_files() {
        let histories = histories(&[(2, "1\t0/1\tx"), (3, "garbage"), (5, "1\t0/1\tx")]);
        let latest = |own| histories.timeline_of(Target::Latest, TimelineId(own)).0;

        assert_eq!(latest(1), 3);
        assert_eq!(latest(3), 3);
        assert_eq!(latest(4), 5);
    }

    #[test]
    fn a_number_needs_a_history_file_and_current_does_not() {
        let histories = histories(&[(3, "1\t0/1\tx")]);
        let own = TimelineId(2);

        assert_eq!(
            histories.of_target(Target::Timeline(own), own),
            Err(TargetError::MissingHistory(own))
        );
        assert_eq!(
            histories.of_target(Target::Current, own),
            Ok(TimelineHistory::without_ancestors(own))
        );
        assert!(histories.of_target(Target::Timeline(OWN), own).is_ok());
    }

    #[test]
    fn only_so_many_histories_of_so_many_lines_are_followed() {
        let of_lines = |timeline: u32, lines: u32| {
            let line = |number: u32| format!("{number}\t0/{number:X}\tx\n");
            (timeline, (1..=lines).map(line).collect::<String>())
        };
        let files = [of_lines(2, 1), of_lines(1500, 1001), of_lines(1600, 1000)];
        let many = (2000..2998).map(|timeline| of_lines(timeline, 500));
        let files: Vec<_> = files.into_iter().chain(many).collect();
        let files: Vec<_> = files
            .iter()
            .map(|(id, text)| (*id, text.as_str()))
            .collect();
        let unknown = |files: &[_], timeline| {
            let timeline = TimelineId(timeline);
            let history = histories(files).of_target(Target::Timeline(timeline), OWN);
            history == Err(TargetError::UnknownHistory(timeline))
        };

        assert!(unknown(&files[1..3], 1500), "too long");
        assert!(!unknown(&files[1..3], 1600), "just short enough");
        assert!(!unknown(&files, 1600), "499,000 lines of higher timelines");
        assert!(unknown(&files, 2), "1,000 histories of higher timelines");
        assert!(!unknown(&files[..1], 2));
    }

    #[test]
    fn an_invalid_history_is_refused_and_an_unserved_one_missing() {
        let files = BTreeMap::from([
            (TimelineId(2), HistoryFile::Invalid),
            (TimelineId(3), HistoryFile::NotDecompressible),
        ]);
        let histories = Histories::new(files);
        let of = |target| histories.of_target(target, OWN);

        assert_eq!(
            of(Target::Latest),
            Err(TargetError::InvalidHistory(TimelineId(2)))
        );
        let third = Target::Timeline(TimelineId(3));
        assert_eq!(of(third), Err(TargetError::MissingHistory(TimelineId(3))));
    }
}
