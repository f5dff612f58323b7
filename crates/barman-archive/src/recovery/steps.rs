//! Segments that a replay along a path would read if none were missing.

use super::ArchivedWal;
use super::wal::Read;
use crate::postgres::{Run, SegmentName};

/// Segments of a path in order, present or not: those of each timeline up to where a newer one
/// starts, and those of the target up to its last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// The steps from segment 0 on; that of the target has no end.
    all: Vec<Read>,
    /// Last segment of the target; `None` without any.
    target_last: Option<u64>,
    /// For each step, the first missing segment in it or in a later one, with the place of the step.
    missing: Vec<Option<(usize, u64)>>,
}

/// End of what can be read of some steps without a gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Last segment before the first missing one; `None` if the very first one is missing.
    pub(super) last: Option<SegmentName>,
    /// First missing segment; `None` if none is missing up to the target's last one.
    pub(super) first_missing: Option<SegmentName>,
}

impl Steps {
    /// Collects the steps of timelines, each with the segment in which it starts, newest first.
    pub(super) fn of(starts: impl Iterator<Item = Read>, wal: &ArchivedWal) -> Self {
        let mut all: Vec<Read> = Vec::new();
        for Read { timeline, run } in starts {
            let last = match all.last() {
                Some(newer) if run.first >= newer.run.first => continue,
                Some(newer) => newer.run.first - 1,
                None => u64::MAX,
            };
            all.push(Read {
                timeline,
                run: Run {
                    first: run.first,
                    last,
                },
            });
        }
        let target_last = all.first().and_then(|target| wal.last(target.timeline));
        all.reverse();
        let mut steps = Self {
            all,
            target_last,
            missing: Vec::new(),
        };
        let mut next = None;
        for (place, step) in steps.all.iter().enumerate().rev() {
            let end = steps.end_of(place, step.run.first);
            let missing = wal.first_missing(step.timeline, step.run.first, end);
            next = missing.map(|missing| (place, missing)).or(next);
            steps.missing.push(next);
        }
        steps.missing.reverse();
        steps
    }

    /// Returns the steps from a segment on. If the target has no segments from there on, its step is
    /// the first one that a restore asks for.
    pub(super) fn from(&self, begin: u64) -> impl Iterator<Item = Read> {
        let steps = self.all.iter().enumerate().skip(self.place_of(begin));
        steps.map(move |(place, step)| {
            let first = step.run.first.max(begin);
            Read {
                timeline: step.timeline,
                run: Run {
                    first,
                    last: self.end_of(place, first),
                },
            }
        })
    }

    /// Returns the steps from a segment on, of which that of the target has no end.
    pub(super) fn endless_from(&self, begin: u64) -> impl Iterator<Item = Read> {
        let steps = self.all.iter().skip(self.place_of(begin));
        steps.map(move |step| Read {
            timeline: step.timeline,
            run: Run {
                first: step.run.first.max(begin),
                last: step.run.last,
            },
        })
    }

    /// Returns how far the steps from a segment on can be read without a gap.
    pub(super) fn reach(&self, begin: u64, wal: &ArchivedWal) -> Reach {
        let place = self.place_of(begin);
        let Some(step) = self.all.get(place) else {
            return Reach::default();
        };
        let first = step.run.first.max(begin);
        let own = wal.first_missing(step.timeline, first, self.end_of(place, first));
        let missing = match own {
            Some(missing) => Some((place, missing)),
            None => self.missing.get(place + 1).copied().flatten(),
        };
        let Some((at, missing)) = missing else {
            let target = self.all.len().saturating_sub(1);
            let last = self
                .from(begin)
                .last()
                .and_then(|step| self.name(target, step.run.last, wal));
            return Reach {
                last,
                first_missing: None,
            };
        };
        let last = if missing > self.begin_of(at, begin) {
            self.name(at, missing - 1, wal)
        } else if at > place {
            self.end_before(at, wal)
        } else {
            None
        };
        Reach {
            last,
            first_missing: self.name(at, missing, wal),
        }
    }

    /// Returns the reach after a segment of the steps that can be read itself.
    pub(super) fn reach_after(&self, segment: SegmentName, wal: &ArchivedWal) -> Reach {
        let number = segment.number(wal.size).unwrap_or(u64::MAX);
        let is_last =
            self.place_of(number) + 1 == self.all.len() && self.target_last <= Some(number);
        if is_last {
            return Reach {
                last: Some(segment),
                first_missing: None,
            };
        }
        let Reach {
            last,
            first_missing,
        } = self.reach(number.saturating_add(1), wal);
        Reach {
            last: last.or(Some(segment)),
            first_missing,
        }
    }

    /// Returns the name of a segment of a step.
    fn name(&self, place: usize, number: u64, wal: &ArchivedWal) -> Option<SegmentName> {
        Some(wal.name(self.all.get(place)?.timeline, number))
    }

    /// Returns the first segment of a step, from a segment on.
    fn begin_of(&self, place: usize, begin: u64) -> u64 {
        self.all
            .get(place)
            .map_or(begin, |step| step.run.first.max(begin))
    }

    /// Returns the last segment of the step before another one.
    fn end_before(&self, place: usize, wal: &ArchivedWal) -> Option<SegmentName> {
        let step = self.all.get(place.checked_sub(1)?)?;
        Some(wal.name(step.timeline, step.run.last))
    }

    /// Returns the place of the step that holds a segment.
    fn place_of(&self, number: u64) -> usize {
        self.all.partition_point(|step| step.run.last < number)
    }

    /// Returns the end of a step from a segment on.
    fn end_of(&self, place: usize, first: u64) -> u64 {
        match self.all.get(place) {
            Some(step) if place + 1 < self.all.len() => step.run.last,
            Some(_) | None => self
                .target_last
                .filter(|last| *last >= first)
                .unwrap_or(first),
        }
    }
}
