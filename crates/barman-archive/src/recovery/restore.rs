//! One restore: a backup, replayed along a history.
//!
//! `docs/specification.md`, 6.1 to 6.6.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::path::TimelineIndex;
use super::stages::{Index, Stage, StagedPath, Start, TimelineReplay};
use super::steps::Reach;
use super::wal::{Read, Served};
use super::{ArchivedWal, Histories, Obstacle};
use crate::barman::{BackupInfo, BackupOrigin};
use crate::postgres::{Lsn, SegmentName, SegmentSize, TimelineId};

/// A backup, as recovery sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupSpan {
    /// Segment in which replay starts.
    pub begin: SegmentName,
    /// Position at which replay starts; `None` if `backup.info` does not say.
    pub begin_lsn: Option<Lsn>,
    /// Segment that `backup.info` names as the last one.
    pub end: SegmentName,
    /// Position at which the backup is consistent; `None` if `backup.info` does not say.
    pub end_lsn: Option<Lsn>,
    /// Position of the checkpoint that recovery starts with; `None` if unknown.
    pub checkpoint: Option<Lsn>,
    /// Kind of server that the backup was taken from.
    pub origin: BackupOrigin,
}

/// Reach of a replay on its path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Last segment before the first missing one; `None` if the very first one is missing.
    pub last: Option<SegmentName>,
    /// First missing segment; `None` if the path is whole up to the target's last segment.
    pub first_missing: Option<SegmentName>,
    /// Partial segment that continues the last one. `barman-cloud-wal-restore` serves it when the
    /// whole one is missing; it extends the reach by less than a segment and does not bridge a gap.
    pub then_partial: Option<SegmentName>,
    /// Segment in which replay really ends: a partial one, or one of a branch that was given up. If
    /// a timeline's segment is missing, `PostgreSQL` takes its parent's segment instead.
    pub ends_in: Option<SegmentName>,
}

/// Restore of a backup along one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Restore {
    staged: Rc<StagedPath>,
    /// Number of the segment in which the backup begins.
    pub(super) begin: u64,
    first: Option<Read>,
    rest: Option<Index>,
    /// True if replay reaches the point where the backup is consistent. Then even a restore that
    /// does not come up can be ended before the obstacle, with a recovery target.
    pub(super) is_consistent: bool,
    /// Success if the server comes up when only the target timeline is named; otherwise the
    /// obstacle.
    pub(super) outcome: Result<(), Obstacle>,
    pub(super) replay: Replay,
    /// True if the restore does not come up and the segment in its way may still arrive.
    pub(super) may_arrive: bool,
}

/// Everything that is needed to try a restore.
pub(super) struct Attempt<'a> {
    pub(super) span: &'a BackupSpan,
    pub(super) staged: &'a Rc<StagedPath>,
    pub(super) wal: &'a ArchivedWal,
    pub(super) histories: &'a Histories,
}

/// A replay along a path that has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replayed {
    /// Number of the segment in which the backup begins.
    pub(super) begin: u64,
    first: Stage,
    rest: Option<Index>,
    /// Stage at which it ended.
    last: Stage,
    /// Segments that were read last.
    last_read: Option<Read>,
    /// As in [`Restore`].
    is_consistent: bool,
    /// True if replay has left the backup's timeline before the backup's end.
    is_astray: bool,
}

impl BackupSpan {
    /// Returns the WAL that a finished backup needs; `None` for an unfinished one.
    #[must_use]
    pub fn of(info: &BackupInfo) -> Option<Self> {
        let done = info.done()?;
        let checkpoint = info.label.map(|label| label.checkpoint);
        Some(Self {
            begin: done.begin_wal,
            begin_lsn: done.begin_lsn,
            end: done.end_wal,
            end_lsn: done.end_lsn,
            checkpoint: checkpoint.or(done.begin_lsn),
            origin: info
                .label
                .map_or(BackupOrigin::Primary, |label| label.origin),
        })
    }

    /// Returns the position at which replay starts: at the latest in the segment that the backup
    /// begins in.
    fn start(&self, begin: u64, size: SegmentSize) -> Start {
        let stated = self.begin_lsn.filter(|at| size.segment_of(*at) == begin);
        Start {
            position: stated.unwrap_or(size.begin_of(begin)),
            ..Start::of_segment(begin, size)
        }
    }

    /// Returns the number of the last segment that makes the backup consistent; `None` if no
    /// cluster with segments of this size has the segments that `backup.info` names.
    ///
    /// A backup that ends exactly on a segment boundary names the next segment but needs nothing of
    /// it: that segment may not exist yet.
    #[must_use]
    pub fn last_needed(&self, size: SegmentSize) -> Option<u64> {
        let begin = self.begin.number(size)?;
        let named = self.end.number(size)?;
        match self.end_lsn {
            Some(end) if size.is_boundary(end) && size.segment_of(end) == named => {
                Some(named.saturating_sub(1).max(begin))
            }
            Some(_) | None => Some(named.max(begin)),
        }
    }

    /// Returns the last position that makes the backup consistent.
    fn last_position(&self, size: SegmentSize) -> Option<Lsn> {
        let end = self
            .end_lsn
            .or_else(|| Some(size.begin_of(self.end.number(size)?)))?;
        Some(Lsn(end.0.saturating_sub(1)))
    }
}

impl Restore {
    /// Returns the segments of the path, present or not, up to the target's last one.
    pub(super) fn steps(&self) -> Vec<Read> {
        self.staged.path.steps.from(self.begin).collect()
    }

    /// Returns the segments that are replayed, in order.
    pub(super) fn reads(&self) -> impl Iterator<Item = Read> {
        let others = self.staged.reads_from(self.rest).map(|(_, read)| read);
        self.first.into_iter().chain(others)
    }
}

impl Replayed {
    /// Returns the segments that a restore along this path is served, including one that does not
    /// continue the one before. Leaves out what follows a stage that another replay has passed, and
    /// notes the stages that this one passes.
    pub(super) fn served_unless(
        &self,
        passed: &mut BTreeSet<Index>,
        staged: &StagedPath,
    ) -> impl Iterator<Item = Read> {
        let unfit = match self.last {
            Stage::Unfit(read, _) => Some(read),
            Stage::Whole(_) | Stage::Partial(_) | Stage::Damaged(..) | Stage::Nothing(_) => None,
        };
        let others = staged.reads_from(self.rest);
        let others = others
            .take_while(|(index, _)| passed.insert(*index))
            .map(|(_, read)| read);
        self.first.read().into_iter().chain(others).chain(unfit)
    }
}

impl Attempt<'_> {
    /// Tries the restore. The error is the reason why the backup is not on the path.
    pub(super) fn restore(&self) -> Result<Restore, Obstacle> {
        let replayed = self.replayed()?;
        let replay = self.replay(&replayed);
        let outcome = self.outcome(&replayed, &replay);
        let may_arrive = outcome.is_err() && self.may_arrive(replayed.last.number());
        Ok(Restore {
            staged: Rc::clone(self.staged),
            begin: replayed.begin,
            first: replayed.first.read(),
            rest: replayed.rest,
            is_consistent: replayed.is_consistent,
            outcome,
            replay,
            may_arrive,
        })
    }

    /// Replays the backup. The error is the reason why the backup is not on the path.
    pub(super) fn replayed(&self) -> Result<Replayed, Obstacle> {
        let size = self.wal.size;
        let (begin, last_needed) = self
            .span
            .begin
            .number(size)
            .zip(self.span.last_needed(size))
            .ok_or(Obstacle::ImpossibleSegments)?;
        Ok(self.run(self.own_place()?, begin, last_needed))
    }

    /// Returns the place of the backup's timeline in the path.
    ///
    /// Otherwise `PostgreSQL` ends with "requested timeline is not a child of this server's
    /// history": the checkpoint, and what a standby had replayed, must be on their own timelines
    /// (`InitWalRecovery` in `xlogrecovery.c`).
    fn own_place(&self) -> Result<TimelineIndex, Obstacle> {
        let (span, path, size) = (self.span, &self.staged.path, self.wal.size);
        let own = path
            .place_of(span.begin.timeline)
            .ok_or(Obstacle::DeadBranch)?;
        let last = span.last_position(size);
        let crosses_timelines = span.begin.timeline != span.end.timeline;
        let checkpoint = span.checkpoint.or(last.filter(|_| !crosses_timelines));
        let is_on = |position: Option<Lsn>, timeline| {
            position.is_none_or(|position| path.timeline_at(position) == Some(timeline))
        };
        let replays_by_position = crosses_timelines || span.origin == BackupOrigin::Standby;
        let ends_elsewhere = replays_by_position && !is_on(last, span.end.timeline);
        if !is_on(checkpoint, span.begin.timeline) || ends_elsewhere {
            return Err(Obstacle::DeadBranch);
        }
        Ok(own)
    }

    /// Reads segments up to the end of the replay.
    fn run(&self, own: TimelineIndex, begin: u64, last_needed: u64) -> Replayed {
        let start = self.span.start(begin, self.wal.size);
        let first = self.staged.first_stage(own, start, self.wal);
        let rest = self.staged.next_stage(&first, self.wal);
        let mut replayed = Replayed {
            begin,
            first,
            rest,
            last: first,
            last_read: None,
            is_consistent: false,
            is_astray: false,
        };
        self.pass(&mut replayed, &first, last_needed);
        let mut next = rest;
        while let Some(link) = next.and_then(|next| self.staged.link(next)) {
            if replayed.is_consistent {
                // What follows changes nothing but the end.
                replayed.last = link.last;
                replayed.last_read = link.last_read.or(replayed.last_read);
                break;
            }
            self.pass(&mut replayed, &link.stage, last_needed);
            next = link.next;
        }
        replayed
    }

    /// Notes what one stage makes of a replay.
    fn pass(&self, replayed: &mut Replayed, stage: &Stage, last_needed: u64) {
        replayed.last = *stage;
        let Some(TimelineReplay {
            read: Read { timeline, run },
            left_at,
            ..
        }) = stage.replayed()
        else {
            return;
        };
        replayed.last_read = stage.read();
        replayed.is_astray |= left_at.is_some_and(|at| self.is_left_too_early(replayed, at));
        let has_end = match stage {
            Stage::Partial(_) => {
                run.first == last_needed && self.partial_has_end(*timeline, run.first)
            }
            Stage::Damaged(_, ends_at) => {
                let end = self.span.end_lsn;
                run.first > last_needed || end.is_some_and(|end| end <= *ends_at)
            }
            Stage::Whole(_) | Stage::Unfit(..) | Stage::Nothing(_) => run.last >= last_needed,
        };
        replayed.is_consistent |= has_end && !replayed.is_astray;
    }

    /// Returns whether a primary's backup has not reached the record of its end yet and no longer
    /// can.
    fn is_left_too_early(&self, replayed: &Replayed, left_at: Lsn) -> bool {
        let is_primary = self.span.origin == BackupOrigin::Primary
            && self.span.begin.timeline == self.span.end.timeline;
        let ends_at = self.span.end_lsn;
        is_primary && !replayed.is_consistent && ends_at.is_some_and(|end| left_at < end)
    }

    /// Returns whether a partial segment holds the backup's end: the partial segment ends where its
    /// timeline was left.
    fn partial_has_end(&self, timeline: TimelineId, number: u64) -> bool {
        let size = self.wal.size;
        let switches = self.histories.switches_from(timeline);
        let left_at = switches.filter(|at| size.segment_of(*at) == number).max();
        left_at
            .zip(self.span.end_lsn)
            .is_none_or(|(left_at, end)| left_at >= end)
    }

    fn replay(&self, replayed: &Replayed) -> Replay {
        let Reach {
            last,
            first_missing,
        } = self.reach(replayed.begin);
        let last_read = replayed.last_read;
        let ends_in = last_read.map(|read| self.wal.name(read.timeline, read.run.last));
        let missing = first_missing.and_then(|name| name.number(self.wal.size));
        let after_last = missing.or_else(|| self.number_after(last?));
        let continues = last_read.is_some_and(|read| Some(read.run.last) == after_last);
        let is_partial = matches!(replayed.last, Stage::Partial(_));
        Replay {
            last,
            first_missing,
            then_partial: ends_in.filter(|_| continues && is_partial),
            ends_in,
        }
    }

    /// Returns how far the segments of the path can be read without a gap.
    fn reach(&self, begin: u64) -> Reach {
        let (steps, wal) = (&self.staged.path.steps, self.wal);
        let start = self.span.start(begin, wal.size);
        let owner = steps.from(begin).next().map(|step| step.timeline);
        let damage = owner.and_then(|owner| wal.corrupt(owner, begin));
        match (owner, damage) {
            (Some(owner), Some(corrupt)) if start.misses(corrupt) => {
                steps.reach_after(wal.name(owner, begin), wal)
            }
            _ => steps.reach(begin, wal),
        }
    }

    fn number_after(&self, name: SegmentName) -> Option<u64> {
        name.number(self.wal.size)?.checked_add(1)
    }

    fn outcome(&self, replayed: &Replayed, replay: &Replay) -> Result<(), Obstacle> {
        let name = |read: &Read| self.wal.name(read.timeline, read.run.first);
        match &replayed.last {
            Stage::Unfit(read, Served::WrongSize) => Err(Obstacle::WrongSize(name(read))),
            _ if replayed.is_consistent => Ok(()),
            Stage::Unfit(read, Served::Foreign) => Err(Obstacle::ForeignSegment(name(read))),
            _ if replayed.is_astray => Err(Obstacle::DeadBranch),
            Stage::Damaged(replayed, ends_at) => Err(Obstacle::CorruptSegment {
                segment: name(&replayed.read),
                ends_at: *ends_at,
            }),
            Stage::Unfit(read, Served::Corrupt(_)) => Err(self.wal.obstacle_at(name(read))),
            Stage::Whole(_) | Stage::Partial(_) | Stage::Unfit(..) | Stage::Nothing(_) => {
                let missing = replay
                    .first_missing
                    .or_else(|| self.name_of(replayed.last.number()));
                Err(missing.map_or(Obstacle::DeadBranch, |name| self.wal.obstacle_at(name)))
            }
        }
    }

    /// Returns the name under which a segment is asked for first.
    fn name_of(&self, number: u64) -> Option<SegmentName> {
        Some(
            self.wal
                .name(self.staged.path.begun_in(number).next()?, number),
        )
    }

    /// Returns whether the segment that a replay ended before may still arrive: nothing written
    /// after it has arrived, neither a partial segment nor one on a later timeline.
    fn may_arrive(&self, number: u64) -> bool {
        let Some(owner) = self.staged.path.begun_in(number).next() else {
            return false;
        };
        let has_later = |timeline| self.wal.has_from(timeline, number);
        if has_later(owner) || self.staged.path.above(owner).any(has_later) {
            return false;
        }
        let from = self.wal.size.begin_of(number);
        !self
            .histories
            .descendants(owner, from)
            .into_iter()
            .any(has_later)
    }
}
