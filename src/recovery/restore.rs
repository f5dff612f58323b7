//! One restore: a backup, replayed along a history.

use std::sync::Arc;

use crate::barman::BackupOrigin;
use crate::postgres::{Lsn, Run, SegmentName, SegmentSize, TimelineId};

use super::course::{Course, Place};
use super::wal::Served;
use super::{ArchivedWal, Histories, Obstacle};

/// A backup, as recovery sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupSpan {
    /// Segment in which replay starts.
    pub begin: SegmentName,
    /// Segment that `backup.info` names as the last one.
    pub end: SegmentName,
    /// Position at which the backup is consistent; `None` if `backup.info` does not say.
    pub end_lsn: Option<Lsn>,
    /// Position of the checkpoint that recovery starts with; `None` if unknown.
    pub checkpoint: Option<Lsn>,
    /// Kind of server that the backup was taken from.
    pub origin: BackupOrigin,
}

/// Reach of a replay on its course.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Last segment before the first missing one; `None` if the very first one is missing.
    pub last: Option<SegmentName>,
    /// First missing segment; `None` if the course is whole up to the target's last segment.
    pub first_missing: Option<SegmentName>,
    /// Partial segment that continues the last one. `barman-cloud-wal-restore` serves it when the
    /// whole one is missing; it extends the reach by less than a segment and does not bridge a gap.
    pub then_partial: Option<SegmentName>,
    /// Segment in which replay really ends: a partial one, or one of a branch that was given up. If
    /// a timeline's segment is missing, `PostgreSQL` takes its parent's segment instead.
    pub ends_in: Option<SegmentName>,
}

/// Consecutive segments of one timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) timeline: TimelineId,
    pub(super) run: Run,
}

/// Restore of a backup along one course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Restore {
    course: Arc<Course>,
    begin: u64,
    /// Success if the server comes up when only the target timeline is named; otherwise the
    /// obstacle.
    pub(super) outcome: Result<(), Obstacle>,
    /// True if replay reaches the point where the backup is consistent. Then even a restore that
    /// does not come up can be ended before the obstacle, with a recovery target.
    pub(super) is_consistent: bool,
    pub(super) replay: Replay,
    /// Segments that are replayed, in order.
    pub(super) reads: Vec<Read>,
    /// Last segment that the restore is served, if it does not continue the one before.
    pub(super) unfit: Option<Read>,
    /// True if the restore does not come up and the segment in its way may still arrive.
    pub(super) may_arrive: bool,
}

/// Everything that is needed to try a restore.
pub(super) struct Attempt<'a> {
    pub(super) span: &'a BackupSpan,
    pub(super) course: &'a Arc<Course>,
    pub(super) wal: &'a ArchivedWal,
    pub(super) histories: &'a Histories,
}

/// State of a replay.
struct Replaying {
    /// Timeline that replay is on; `None` before the first segment.
    on: Option<Place>,
    number: u64,
    is_consistent: bool,
    /// True if replay has left the backup's timeline before the backup's end.
    is_astray: bool,
    reads: Vec<Read>,
    unfit: Option<Read>,
}

/// Reason why a replay reads no more segments.
enum End {
    /// Absence of any segment that continues the replay.
    Nothing,
    /// Partial segment, which was the last one.
    Partial,
    /// Segment of this name with a size at which `PostgreSQL` gives up.
    WrongSize(SegmentName),
    /// Segment of this name that another cluster wrote.
    Foreign(SegmentName),
}

impl BackupSpan {
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
        let end = self.end_lsn.or_else(|| Some(size.begin_of(self.end.number(size)?)))?;
        Some(Lsn(end.0.saturating_sub(1)))
    }
}

impl Restore {
    /// Returns the segments of the course, present or not, up to the target's last one.
    pub(super) fn steps(&self, wal: &ArchivedWal) -> Vec<Read> {
        self.course.steps(self.begin, wal)
    }
}

impl Attempt<'_> {
    /// Tries the restore. The error is the reason why the backup is not on the course.
    pub(super) fn restore(&self) -> Result<Restore, Obstacle> {
        let size = self.wal.size;
        let (begin, last_needed) = self
            .span
            .begin
            .number(size)
            .zip(self.span.last_needed(size))
            .ok_or(Obstacle::ImpossibleSegments)?;
        let own = self.own_place()?;
        let mut replaying = Replaying {
            on: None,
            number: begin,
            is_consistent: false,
            is_astray: false,
            reads: Vec::new(),
            unfit: None,
        };
        let end = self.run(&mut replaying, own, last_needed);
        let steps = self.course.steps(begin, self.wal);
        let replay = self.replay(&steps, &replaying, &end);
        let outcome = self.outcome(&replaying, &end, &replay);
        let may_arrive = outcome.is_err() && self.may_arrive(&replaying);
        let Replaying { reads, unfit, is_consistent, .. } = replaying;
        Ok(Restore {
            course: Arc::clone(self.course),
            begin,
            outcome,
            is_consistent,
            replay,
            reads,
            unfit,
            may_arrive,
        })
    }

    /// Returns the place of the backup's timeline in the course.
    ///
    /// Otherwise `PostgreSQL` ends with "requested timeline is not a child of this server's
    /// history": the checkpoint, and what a standby had replayed, must be on their own timelines
    /// (`InitWalRecovery` in `xlogrecovery.c`).
    fn own_place(&self) -> Result<Place, Obstacle> {
        let (span, course, size) = (self.span, self.course, self.wal.size);
        let own = course.place_of(span.begin.timeline).ok_or(Obstacle::DeadBranch)?;
        let last = span.last_position(size);
        let crosses_timelines = span.begin.timeline != span.end.timeline;
        let checkpoint = span.checkpoint.or(last.filter(|_| !crosses_timelines));
        let is_on = |position: Option<Lsn>, timeline| {
            position.is_none_or(|position| course.timeline_at(position) == Some(timeline))
        };
        let replays_by_position = crosses_timelines || span.origin == BackupOrigin::Standby;
        let ends_elsewhere = replays_by_position && !is_on(last, span.end.timeline);
        if !is_on(checkpoint, span.begin.timeline) || ends_elsewhere {
            return Err(Obstacle::DeadBranch);
        }
        Ok(own)
    }

    /// Reads segment after segment as `XLogFileReadAnyTLI` does: each from the newest timeline that
    /// has it, and never from a timeline older than that of the last segment.
    fn run(&self, replaying: &mut Replaying, own: Place, last_needed: u64) -> End {
        loop {
            let number = replaying.number;
            let Some((place, timeline, served)) = self.ask(replaying.on, number) else {
                return End::Nothing;
            };
            let name = || self.wal.name(timeline, number);
            let read = Read { timeline, run: Run { first: number, last: number } };
            replaying.unfit = Some(read);
            match served {
                Served::Nothing => return End::Nothing,
                Served::WrongSize => return End::WrongSize(name()),
                Served::Foreign => return End::Foreign(name()),
                Served::Whole | Served::Partial => {}
            }
            let from = replaying.on.unwrap_or(own);
            if place != from {
                let Some(left_at) = self.course.crossing(from, place, number) else {
                    return End::Nothing;
                };
                replaying.is_astray |= self.is_left_too_early(replaying, left_at);
            }
            replaying.on = Some(place);
            replaying.unfit = None;
            if served == Served::Partial {
                replaying.reads.push(read);
                let has_end = number == last_needed && self.partial_has_end(timeline, number);
                replaying.is_consistent |= has_end && !replaying.is_astray;
                return End::Partial;
            }
            let last = self.end_of_run(place, timeline, number);
            replaying.reads.push(Read { timeline, run: Run { first: number, last } });
            replaying.is_consistent |= last >= last_needed && !replaying.is_astray;
            match last.checked_add(1) {
                Some(next) => replaying.number = next,
                None => return End::Nothing,
            }
        }
    }

    /// Returns what is served for a segment, and from which timeline.
    fn ask(&self, on: Option<Place>, number: u64) -> Option<(Place, TimelineId, Served)> {
        let sources = self.course.sources();
        let asked = sources.take_while(|source| on.is_none_or(|on| source.place <= on));
        let mut served = asked.filter(|source| source.may_have(number)).map(|source| {
            (source.place, source.timeline, self.wal.served(source.timeline, number))
        });
        served.find(|(_, _, served)| *served != Served::Nothing)
    }

    /// Returns the last segment of the run that holds a number, before a newer timeline has one.
    fn end_of_run(&self, place: Place, timeline: TimelineId, number: u64) -> u64 {
        let next = number.saturating_add(1);
        let missing = self.wal.first_missing(timeline, next, u64::MAX);
        let newer = self.course.sources().take_while(|source| source.place < place);
        let taken_over = newer.filter_map(|source| source.next_served(next, self.wal));
        let end = missing.into_iter().chain(taken_over).min();
        end.map_or(u64::MAX, |end| end - 1)
    }

    /// Returns whether a primary's backup has not reached the record of its end yet and no longer
    /// can.
    fn is_left_too_early(&self, replaying: &Replaying, left_at: Lsn) -> bool {
        let is_primary = self.span.origin == BackupOrigin::Primary
            && self.span.begin.timeline == self.span.end.timeline;
        let ends_at = self.span.end_lsn;
        is_primary && !replaying.is_consistent && ends_at.is_some_and(|end| left_at < end)
    }

    /// Returns whether a partial segment holds the backup's end: the partial segment ends where its
    /// timeline was left.
    fn partial_has_end(&self, timeline: TimelineId, number: u64) -> bool {
        let size = self.wal.size;
        let switches = self.histories.switches_from(timeline);
        let left_at = switches.filter(|at| size.segment_of(*at) == number).max();
        left_at.zip(self.span.end_lsn).is_none_or(|(left_at, end)| left_at >= end)
    }

    fn replay(&self, steps: &[Read], replaying: &Replaying, end: &End) -> Replay {
        let mut replay = Replay::default();
        for step in steps {
            let Run { first, last } = step.run;
            let missing = self.wal.first_missing(step.timeline, first, last);
            let reached = missing.map_or(Some(last), |missing| missing.checked_sub(1));
            if let Some(reached) = reached.filter(|reached| *reached >= first) {
                replay.last = Some(self.wal.name(step.timeline, reached));
            }
            if let Some(missing) = missing {
                replay.first_missing = Some(self.wal.name(step.timeline, missing));
                break;
            }
        }
        let last_read = replaying.reads.last();
        replay.ends_in = last_read.map(|read| self.wal.name(read.timeline, read.run.last));
        let missing = replay.first_missing.and_then(|name| name.number(self.wal.size));
        let after_last = missing.or_else(|| self.number_after(replay.last?));
        let continues = last_read.is_some_and(|read| Some(read.run.last) == after_last);
        replay.then_partial = replay.ends_in.filter(|_| continues && matches!(end, End::Partial));
        replay
    }

    fn number_after(&self, name: SegmentName) -> Option<u64> {
        name.number(self.wal.size)?.checked_add(1)
    }

    fn outcome(&self, replaying: &Replaying, end: &End, replay: &Replay) -> Result<(), Obstacle> {
        match end {
            End::WrongSize(name) => Err(Obstacle::WrongSize(*name)),
            End::Nothing | End::Partial | End::Foreign(_) if replaying.is_consistent => Ok(()),
            End::Foreign(name) => Err(Obstacle::ForeignSegment(*name)),
            End::Nothing | End::Partial if replaying.is_astray => Err(Obstacle::DeadBranch),
            End::Nothing | End::Partial => {
                let missing = replay.first_missing.or_else(|| self.name_of(replaying.number));
                Err(missing.map_or(Obstacle::DeadBranch, Obstacle::MissingSegment))
            }
        }
    }

    /// Returns the name under which a segment is asked for first.
    fn name_of(&self, number: u64) -> Option<SegmentName> {
        Some(self.wal.name(self.course.begun_in(number).next()?, number))
    }

    /// Returns whether the segment that a replay ended before may still arrive: nothing written
    /// after it has arrived, neither a partial segment nor one on a later timeline.
    fn may_arrive(&self, replaying: &Replaying) -> bool {
        let number = replaying.number;
        let Some(owner) = self.course.begun_in(number).next() else { return false };
        let has_later = |timeline| self.wal.has_from(timeline, number);
        if has_later(owner) || self.course.above(owner).any(has_later) {
            return false;
        }
        let from = self.wal.size.begin_of(number);
        !self.histories.descendants(owner, from).into_iter().any(has_later)
    }
}
