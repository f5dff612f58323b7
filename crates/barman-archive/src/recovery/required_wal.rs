//! WAL that some backup still needs.
//!
//! `docs/specification.md`, 13.1.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::follow::{ReplayPaths, most_targets};
use super::restore::Attempt;
use super::stages::StagedPath;
use super::wal::Read;
use super::{ArchivedWal, BackupSpan, Histories};
use crate::postgres::{Run, Runs, SegmentName, SegmentSize, TimelineId};

/// Purpose for which a finished backup needs WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalRequirement {
    /// Consistency, and replay from there on.
    Recovery,
    /// Consistency and nothing more: the backup is kept as standalone.
    Consistency,
}

/// Finished backup, as far as it needs WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequiringBackup {
    /// Range of WAL that makes the backup consistent.
    pub span: BackupSpan,
    /// Purpose of the WAL.
    pub requirement: WalRequirement,
}

/// WAL that finished backups need, by segment number, present or not.
///
/// A segment is needed if a restore of a backup to any target reads it, or would read it if more
/// WAL came. A backup that is kept as standalone needs only what makes it consistent. The WAL of
/// its own timeline is needed even if a history file is in the way of every restore: someone may
/// fix that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredWal {
    segments: BTreeMap<TimelineId, Runs>,
    /// Timelines of unknown origin, each with the first segment that a backup of a lower timeline
    /// could need of it.
    unknown: BTreeMap<TimelineId, u64>,
    /// True if there were more targets than can be tried.
    are_some_left_out: bool,
}

impl RequiredWal {
    /// Determines the WAL that these backups need of an archive.
    #[must_use]
    pub fn of(backups: &[RequiringBackup], histories: &Histories, wal: &ArchivedWal) -> Self {
        let mut needed = Self::default();
        let timelines = backups
            .iter()
            .flat_map(|backup| [backup.span.begin.timeline, backup.span.end.timeline]);
        let paths = ReplayPaths::new(histories, wal, timelines, backups.len());
        // A timeline whose own file is gone can become a target once someone brings the file back.
        let mut unreadable = Vec::new();
        let mut unknown = Vec::new();
        for timeline in wal.timelines() {
            if !histories.is_readable(timeline) {
                unreadable.push(timeline);
            }
            if histories.ancestors(timeline).is_none() {
                unknown.push(timeline);
            }
        }
        let most = most_targets(histories, wal, backups.len());
        needed.are_some_left_out = paths.left_out.is_some() || unreadable.len() > most;
        for staged in paths.all() {
            needed.add_path(staged, backups, histories, wal);
        }
        for timeline in unreadable.into_iter().rev().take(most) {
            if let Some(history) = histories.lineage(timeline) {
                let staged = Rc::new(StagedPath::of(&history, wal));
                needed.add_path(&staged, backups, histories, wal);
            }
        }
        for RequiringBackup { span, requirement } in backups {
            needed.add_own(span, *requirement, wal.size);
            needed.add_unknown(span, *requirement, &unknown, wal.size);
        }
        needed
    }

    /// Returns whether a segment is needed, as far as that is known.
    #[must_use]
    pub fn contains(&self, timeline: TimelineId, number: u64) -> bool {
        self.segments
            .get(&timeline)
            .is_some_and(|runs| runs.contains(number))
    }

    /// Returns the segments of a timeline that some backup needs.
    #[must_use]
    pub fn of_timeline(&self, timeline: TimelineId) -> Runs {
        self.segments.get(&timeline).cloned().unwrap_or_default()
    }

    /// Returns the segments of a timeline in `from..=to` that no backup needs.
    #[must_use]
    pub fn not_needed(&self, timeline: TimelineId, from: u64, to: u64) -> Runs {
        let nothing = Runs::default();
        self.segments
            .get(&timeline)
            .unwrap_or(&nothing)
            .missing_within(from, to)
    }

    /// Returns whether there is WAL of which it is not known if a backup needs it.
    #[must_use]
    pub fn is_uncertain(&self, wal: &ArchivedWal) -> bool {
        self.are_some_left_out
            || self.unknown.iter().any(|(timeline, first)| {
                let last = wal.last(*timeline);
                last.is_some_and(|last| !self.not_needed(*timeline, *first, last).is_empty())
            })
    }

    /// Adds what a running backup needs: the WAL of its timeline from its first segment on.
    pub fn add_running(&mut self, begin: SegmentName, size: SegmentSize) {
        if let Some(first) = begin.number(size) {
            let run = Run {
                first,
                last: u64::MAX,
            };
            self.segments
                .entry(begin.timeline)
                .or_default()
                .insert_run(run);
        }
    }

    fn add_own(&mut self, span: &BackupSpan, requirement: WalRequirement, size: SegmentSize) {
        let (Some(first), Some(last_needed)) = (span.begin.number(size), span.last_needed(size))
        else {
            return;
        };
        let last = match requirement {
            WalRequirement::Recovery => u64::MAX,
            WalRequirement::Consistency => last_needed,
        };
        self.segments
            .entry(span.begin.timeline)
            .or_default()
            .insert_run(Run { first, last });
        if span.end.timeline != span.begin.timeline {
            let to_end = Run {
                first,
                last: last_needed,
            };
            self.segments
                .entry(span.end.timeline)
                .or_default()
                .insert_run(to_end);
        }
    }

    /// Adds what backups need along a path.
    fn add_path(
        &mut self,
        staged: &Rc<StagedPath>,
        backups: &[RequiringBackup],
        histories: &Histories,
        wal: &ArchivedWal,
    ) {
        let mut first_begin: Option<u64> = None;
        let mut passed = BTreeSet::new();
        for RequiringBackup { span, requirement } in backups {
            let attempt = Attempt {
                span,
                staged,
                wal,
                histories,
            };
            let Ok(replayed) = attempt.replayed() else {
                continue;
            };
            match requirement {
                WalRequirement::Recovery => {
                    first_begin = first_begin.into_iter().chain([replayed.begin]).min();
                    self.add(replayed.served_unless(&mut passed, staged), u64::MAX);
                }
                WalRequirement::Consistency => {
                    let last = span.last_needed(wal.size).unwrap_or(u64::MAX);
                    let steps = staged.path.steps.endless_from(replayed.begin);
                    let mut passed = BTreeSet::new();
                    let served = replayed.served_unless(&mut passed, staged);
                    self.add(served.chain(steps), last);
                }
            }
        }
        if let Some(begin) = first_begin {
            // More WAL of the target may come.
            self.add(staged.path.steps.endless_from(begin), u64::MAX);
        }
    }

    /// Adds segments up to a last one.
    fn add(&mut self, read: impl Iterator<Item = Read>, last: u64) {
        for Read { timeline, run } in read.filter(|read| read.run.first <= last) {
            let run = Run {
                first: run.first,
                last: run.last.min(last),
            };
            self.segments.entry(timeline).or_default().insert_run(run);
        }
    }

    fn add_unknown(
        &mut self,
        span: &BackupSpan,
        requirement: WalRequirement,
        unknown: &[TimelineId],
        size: SegmentSize,
    ) {
        let Some(begin) = span
            .begin
            .number(size)
            .filter(|_| requirement == WalRequirement::Recovery)
        else {
            return;
        };
        for timeline in unknown
            .iter()
            .filter(|timeline| **timeline > span.begin.timeline)
        {
            let first = self.unknown.entry(*timeline).or_insert(begin);
            *first = begin.min(*first);
        }
    }
}
