//! How far replay gets from a backup.

use crate::postgres::{Ancestor, Lsn, Run, SegmentName, TimelineId};

use super::{ArchivedWal, Lineages};

/// A backup, as recovery sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupSpan {
    /// The segment in which replay starts.
    pub begin: SegmentName,
    /// The segment that `backup.info` names as the last one.
    pub end: SegmentName,
    /// The position with which the backup is consistent; `None` where `backup.info` does not say.
    pub end_lsn: Option<Lsn>,
}

/// The timelines that replay runs through from a backup to a target, with the segments of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The parts, in the order of replay. Never empty.
    steps: Vec<Step>,
}

/// The part of a path that is on one timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The timeline.
    pub timeline: TimelineId,
    /// Its first segment on the path.
    pub first: u64,
    /// The segment in which the path leaves the timeline, which is read from the next one; `None`
    /// on the timeline where the path ends.
    pub left_in: Option<u64>,
}

/// Why a backup cannot be taken to a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPath {
    /// Where the timeline comes from is not known: its history file is missing or unreadable.
    UnknownHistory(TimelineId),
    /// The timeline does not come of the backup's, or left it before the backup's end.
    NotADescendant,
    /// `backup.info` names segments that its cluster cannot have.
    ImpossibleSegments,
}

/// What becomes of a replay along a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The last segment before the first one missing; `None` if the very first one is.
    pub last: Option<SegmentName>,
    /// The first segment missing; `None` if the path is whole up to the target's last segment.
    pub first_missing: Option<SegmentName>,
    /// A partial segment that continues the last one. `barman-cloud-wal-restore` serves it when the
    /// whole one is missing; it prolongs the reach by less than a segment and bridges no gap.
    pub then_partial: Option<SegmentName>,
}

impl BackupSpan {
    /// Number of the last segment that makes the backup consistent.
    ///
    /// A backup that ends exactly on a boundary names the next segment, of which it needs nothing:
    /// that one may not exist yet.
    #[must_use]
    pub fn last_needed(&self, wal: &ArchivedWal) -> Option<u64> {
        let named = self.end.number(wal.size)?;
        match self.end_lsn {
            Some(end) if wal.size.is_boundary(end) && wal.size.segment_of(end) == named => {
                Some(named.saturating_sub(1).max(self.begin.number(wal.size)?))
            }
            Some(_) | None => Some(named),
        }
    }

    /// Whether a timeline was left before the backup was done with it.
    fn is_closed_to(&self, left: &Ancestor, wal: &ArchivedWal) -> bool {
        let left_in = || Some(wal.size.segment_of(left.switched_at));
        let before_begin = || left_in() < self.begin.number(wal.size);
        let before_end = || match self.end_lsn {
            Some(end) => left.switched_at < end,
            // It ended at the beginning of its last segment, if not later.
            None => left_in() < self.end.number(wal.size),
        };
        (left.timeline == self.begin.timeline && before_begin())
            || (left.timeline == self.end.timeline && before_end())
    }
}

impl Path {
    /// The path from a backup to a timeline.
    ///
    /// # Errors
    /// When there is none, or it cannot be told.
    pub fn find(
        backup: &BackupSpan,
        target: TimelineId,
        lineages: &Lineages,
        wal: &ArchivedWal,
    ) -> Result<Self, NoPath> {
        let begin = backup.begin.number(wal.size).ok_or(NoPath::ImpossibleSegments)?;
        let (from, end_timeline) = (backup.begin.timeline, backup.end.timeline);
        // A backup's own timeline needs no history file.
        let ancestors: &[Ancestor] = if target == from {
            &[]
        } else {
            lineages.ancestors(target).ok_or(NoPath::UnknownHistory(target))?
        };
        let first_passed = ancestors.iter().position(|ancestor| ancestor.timeline == from);
        let passed = first_passed.and_then(|index| ancestors.get(index..)).unwrap_or_default();
        let reaches = |timeline| {
            target == timeline || passed.iter().any(|ancestor| ancestor.timeline == timeline)
        };
        let left_too_early = passed.iter().any(|ancestor| backup.is_closed_to(ancestor, wal));
        if !reaches(from) || !reaches(end_timeline) || left_too_early {
            return Err(NoPath::NotADescendant);
        }
        let mut steps = Vec::with_capacity(passed.len() + 1);
        let mut first = begin;
        for ancestor in passed {
            let switch = wal.size.segment_of(ancestor.switched_at).max(first);
            steps.push(Step { timeline: ancestor.timeline, first, left_in: Some(switch) });
            first = switch;
        }
        steps.push(Step { timeline: target, first, left_in: None });
        Ok(Self { steps })
    }

    /// The parts, in the order of replay.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The segments up to a number, by timeline.
    pub fn up_to(&self, number: u64) -> impl Iterator<Item = (TimelineId, Run)> {
        self.steps.iter().filter_map(move |step| {
            let last = step.left_in.map_or(Some(number), |left_in| left_in.checked_sub(1))?;
            let run = Run { first: step.first, last: last.min(number) };
            (run.first <= run.last).then_some((step.timeline, run))
        })
    }

    /// The first segment missing up to a number; past the end of the target's WAL that is the next
    /// one of the target.
    #[must_use]
    pub fn first_missing(&self, wal: &ArchivedWal, up_to: u64) -> Option<SegmentName> {
        self.up_to(up_to).find_map(|(timeline, run)| {
            let missing = wal.first_missing(timeline, run.first, run.last)?;
            Some(wal.name(timeline, missing))
        })
    }

    /// How far replay gets.
    #[must_use]
    pub fn replay(&self, wal: &ArchivedWal) -> Replay {
        let mut last = None;
        for step in &self.steps {
            let to = match step.left_in {
                Some(left_in) => left_in.checked_sub(1),
                None => wal.last(step.timeline),
            };
            let Some(to) = to.filter(|to| *to >= step.first) else {
                // Nothing of this timeline is read before the next one; or it has no WAL to read.
                continue;
            };
            let missing = wal.first_missing(step.timeline, step.first, to);
            let before = missing.map_or(Some(to), |missing| missing.checked_sub(1));
            let reached = before.filter(|before| *before >= step.first);
            last = reached.map(|number| wal.name(step.timeline, number)).or(last);
            if let Some(missing) = missing {
                return Replay {
                    last,
                    first_missing: Some(wal.name(step.timeline, missing)),
                    then_partial: self.partial_after(last, wal),
                };
            }
        }
        Replay {
            last,
            first_missing: self.nothing_of_the_target(wal),
            then_partial: self.partial_after(last, wal),
        }
    }

    /// The first segment of the target, if it has none from there on.
    fn nothing_of_the_target(&self, wal: &ArchivedWal) -> Option<SegmentName> {
        let step = self.steps.last()?;
        let has_wal = wal.last(step.timeline).is_some_and(|last| last >= step.first);
        (!has_wal).then(|| wal.name(step.timeline, step.first))
    }

    /// The partial segment that follows the last one.
    ///
    /// `PostgreSQL` asks the newest timeline first that can have the segment, and never goes back to
    /// a timeline before the one it is on (`XLogFileReadAnyTLI` in `xlogrecovery.c`).
    fn partial_after(&self, last: Option<SegmentName>, wal: &ArchivedWal) -> Option<SegmentName> {
        let (on, number) = match last {
            Some(last) => (last.timeline, last.number(wal.size)?.checked_add(1)?),
            None => self.steps.first().map(|step| (step.timeline, step.first))?,
        };
        let newest_first = self.steps.iter().rev().take_while(|step| step.timeline >= on);
        let could_have = newest_first.filter(|step| step.first <= number);
        let names = could_have.map(|step| (step.timeline, number));
        let mut served = names.filter(|(timeline, number)| {
            wal.partials.contains(&(*timeline, *number)) && !wal.contains(*timeline, *number)
        });
        served.next().map(|(timeline, number)| wal.name(timeline, number))
    }
}
