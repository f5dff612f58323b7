//! Stages of replays along one path. Backups whose replays come to the same stage share the rest.

use std::cell::RefCell;
use std::collections::HashMap;
use std::iter;

use super::ArchivedWal;
use super::path::{ReplayPath, Source, TimelineIndex};
use super::wal::{CorruptSegment, Read, Served};
use crate::postgres::{Lsn, Run, SegmentSize, TimelineHistory};

/// Answer to a replay that asks for a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Consecutive whole segments.
    Whole(TimelineReplay),
    /// Partial segment, which is the last one.
    Partial(TimelineReplay),
    /// Segment whose content ends the replay at a position within it.
    Damaged(TimelineReplay, Lsn),
    /// Segment that is served, but ends the replay before anything of it is read: what it is, and
    /// `Whole` or `Partial` if it does not continue the one before.
    Unfit(Read, Served),
    /// Absence of the segment with this number.
    Nothing(u64),
}

/// Segments of one timeline that a replay reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimelineReplay {
    pub(super) read: Read,
    /// Position at which replay left the timeline that it was on; `None` if it stays there.
    pub(super) left_at: Option<Lsn>,
    place: TimelineIndex,
}

/// State of a replay between two segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ReplayState {
    /// Timeline of the last segment.
    on: TimelineIndex,
    /// Number of the next segment.
    number: u64,
}

/// Place of a stage among those that are known.
pub(super) type Index = usize;

/// A stage with what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) stage: Stage,
    /// The stage after it.
    pub(super) next: Option<Index>,
    /// The last stage.
    pub(super) last: Stage,
    /// The last segments that are read from this stage on.
    pub(super) last_read: Option<Read>,
}

/// A path, with the stages of replays along it as far as any replay has come to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StagedPath {
    pub(super) path: ReplayPath,
    known: RefCell<KnownStages>,
}

/// Stages that follow a first one, by the state before each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct KnownStages {
    indices: HashMap<ReplayState, Index>,
    links: Vec<Link>,
}

impl Stage {
    /// Returns the number of the segment that is asked for.
    pub(super) const fn number(&self) -> u64 {
        match self {
            Self::Whole(replayed) | Self::Partial(replayed) | Self::Damaged(replayed, _) => {
                replayed.read.run.first
            }
            Self::Unfit(read, _) => read.run.first,
            Self::Nothing(number) => *number,
        }
    }

    /// Returns the segments that are replayed.
    pub(super) const fn replayed(&self) -> Option<&TimelineReplay> {
        match self {
            Self::Whole(replayed) | Self::Partial(replayed) | Self::Damaged(replayed, _) => {
                Some(replayed)
            }
            Self::Unfit(..) | Self::Nothing(_) => None,
        }
    }

    /// Returns the names of the segments that are replayed.
    pub(super) fn read(&self) -> Option<Read> {
        Some(self.replayed()?.read)
    }

    /// Returns the state after it; `None` if no segment follows.
    fn after(&self) -> Option<ReplayState> {
        match self {
            Self::Whole(replayed) => {
                let number = replayed.read.run.last.checked_add(1)?;
                Some(ReplayState {
                    on: replayed.place,
                    number,
                })
            }
            Self::Partial(_) | Self::Damaged(..) | Self::Unfit(..) | Self::Nothing(_) => None,
        }
    }
}

/// Position at which a replay starts, or goes on in the next segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// Number of the segment.
    pub(super) segment: u64,
    /// Position in the segment.
    pub(super) position: Lsn,
}

impl Start {
    /// Start of a segment.
    pub(super) fn of_segment(segment: u64, size: SegmentSize) -> Self {
        Self {
            segment,
            position: size.begin_of(segment),
        }
    }

    /// Returns whether replay from here does not meet the damage of the segment.
    pub(super) fn misses(self, corrupt: CorruptSegment) -> bool {
        let sound_from = corrupt.sound_from;
        sound_from.is_some_and(|sound_from| sound_from <= self.position)
    }
}

/// Stage of a replay, with the state before it.
struct ReachedStage {
    before: ReplayState,
    stage: Stage,
}

impl KnownStages {
    /// Adds stages of which each follows the one before. Stages that are known already may follow
    /// the last one.
    fn add(&mut self, stages: &[ReachedStage]) {
        let first = self.links.len();
        let after = stages.last().and_then(|last| last.stage.after());
        let mut next = after.and_then(|after| self.indices.get(&after).copied());
        let mut following = next.and_then(|next| self.links.get(next)).copied();
        let mut links = Vec::with_capacity(stages.len());
        for (place, ReachedStage { before, stage }) in stages.iter().enumerate().rev() {
            let link = Link {
                stage: *stage,
                next,
                last: following.map_or(*stage, |following| following.last),
                last_read: following
                    .and_then(|next| next.last_read)
                    .or_else(|| stage.read()),
            };
            self.indices.insert(*before, first + place);
            (next, following) = (Some(first + place), Some(link));
            links.push(link);
        }
        self.links.extend(links.into_iter().rev());
    }
}

impl StagedPath {
    /// Lays the path of a history, on which no replay has come anywhere yet.
    pub(super) fn of(history: &TimelineHistory, wal: &ArchivedWal) -> Self {
        Self {
            path: ReplayPath::of(history, wal),
            known: RefCell::default(),
        }
    }

    /// Returns the first stage of a replay from a position on, for a backup of the timeline at a
    /// place.
    pub(super) fn first_stage(&self, own: TimelineIndex, start: Start, wal: &ArchivedWal) -> Stage {
        self.stage(None, own, start, wal)
    }

    /// Returns the index of the stage after another one, which is known from then on.
    pub(super) fn next_stage(&self, stage: &Stage, wal: &ArchivedWal) -> Option<Index> {
        let before = stage.after()?;
        let mut known = self.known.borrow_mut();
        let mut stages = Vec::new();
        let mut unknown = Some(before);
        while let Some(before) = unknown.filter(|before| !known.indices.contains_key(before)) {
            let start = Start::of_segment(before.number, wal.size);
            let stage = self.stage(Some(before.on), before.on, start, wal);
            stages.push(ReachedStage { before, stage });
            unknown = stage.after();
        }
        known.add(&stages);
        known.indices.get(&before).copied()
    }

    /// Returns a stage that is known, with what follows it.
    pub(super) fn link(&self, index: Index) -> Option<Link> {
        self.known.borrow().links.get(index).copied()
    }

    /// Returns the segments that a replay reads from a known stage on, with their stages.
    pub(super) fn reads_from(&self, index: Option<Index>) -> impl Iterator<Item = (Index, Read)> {
        let mut next = index;
        iter::from_fn(move || {
            let index = next?;
            let link = self.link(index)?;
            next = link.next;
            Some((index, link.stage.read()?))
        })
    }

    /// Returns the answer to a replay that asks for the segment in which it goes on: of the timeline
    /// at `on` or a newer one, or of any if the segment is the first one, to continue the timeline
    /// at `from`.
    ///
    /// `XLogFileReadAnyTLI` in `xlogrecovery.c` reads each segment from the newest timeline that has
    /// it, and never from a timeline older than that of the last segment.
    fn stage(
        &self,
        on: Option<TimelineIndex>,
        from: TimelineIndex,
        start: Start,
        wal: &ArchivedWal,
    ) -> Stage {
        let number = start.segment;
        let mut sources = self
            .path
            .sources()
            .take_while(|source| may_follow(source, on));
        let Some((source, served)) = sources.find_map(|source| answer(source, number, wal)) else {
            return Stage::Nothing(number);
        };
        let left_at = self.path.crossing(from, source.place, number);
        let is_continued = source.place == from || left_at.is_some();
        let read = |last| Read {
            timeline: source.timeline,
            run: Run {
                first: number,
                last,
            },
        };
        let replayed = |last| TimelineReplay {
            read: read(last),
            left_at,
            place: source.place,
        };
        let whole = || Stage::Whole(replayed(self.end_of_run(source, number, wal)));
        match served {
            Served::Whole if is_continued => whole(),
            Served::Partial if is_continued => Stage::Partial(replayed(number)),
            Served::Corrupt(corrupt) if is_continued && start.misses(corrupt) => whole(),
            Served::Corrupt(corrupt) if is_continued && corrupt.ends_at > start.position => {
                Stage::Damaged(replayed(number), corrupt.ends_at)
            }
            Served::Nothing
            | Served::Whole
            | Served::Partial
            | Served::WrongSize
            | Served::Foreign
            | Served::Corrupt(_) => Stage::Unfit(read(number), served),
        }
    }

    /// Returns the last segment of the run that holds a number, before a newer timeline has one.
    fn end_of_run(&self, source: &Source, number: u64, wal: &ArchivedWal) -> u64 {
        let next = number.saturating_add(1);
        let mut end = wal.first_missing(source.timeline, next, u64::MAX);
        for newer in self.path.sources() {
            if newer.place >= source.place {
                break;
            }
            let taken_over = newer.next_served(next, wal);
            end = end.into_iter().chain(taken_over).min();
        }
        end.map_or(u64::MAX, |end| end - 1)
    }
}

/// Returns whether a replay that is on a timeline may be served by a source: a newer one, or the same.
fn may_follow(source: &Source, on: Option<TimelineIndex>) -> bool {
    on.is_none_or(|on| source.place <= on)
}

/// Answer of a source that has a segment.
fn answer<'a>(source: &'a Source, number: u64, wal: &ArchivedWal) -> Option<(&'a Source, Served)> {
    if !source.may_have(number) {
        return None;
    }
    let served = wal.served(source.timeline, number);
    (served != Served::Nothing).then_some((source, served))
}
