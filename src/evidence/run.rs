//! Consecutive segments that were walked over, each from where the one before it ended.

use std::collections::BTreeMap;

use archive_contents::wal::WalChain;
use barman_archive::postgres::{Lsn, TimelineId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Segment, by its number on its timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SegmentPlace {
    /// Timeline of the segment.
    pub timeline: TimelineId,
    /// Number of the segment.
    pub number: u64,
}

impl SegmentPlace {
    /// Returns the segment after this one on its timeline.
    #[must_use]
    pub const fn next(self) -> Self {
        Self {
            timeline: self.timeline,
            number: self.number.saturating_add(1),
        }
    }
}

/// Consecutive segments of one timeline that were walked over without a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkedRun {
    /// First segment.
    pub first: SegmentPlace,
    /// Number of the last segment.
    pub last: u64,
    /// Segment, of another timeline, from whose end the first one was walked; `None` if nothing was
    /// known of the WAL before.
    pub follows: Option<SegmentPlace>,
    /// Position from which the first segment can be read; `None` if that is its start.
    pub sound_from: Option<Lsn>,
    /// State at the end of the last segment; `None` if it is not known any more.
    pub chain: Option<WalChain>,
    /// Time of the last commit, by the clock of the database; `None` without a commit.
    pub last_commit_at: Option<DateTime<Utc>>,
    /// True if the walk over the first segment found where a record begins. Otherwise nothing is
    /// known of a record that reaches from before it into the next one.
    is_anchored: bool,
}

/// Segment that was walked over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkedPlace {
    /// The segment.
    pub place: SegmentPlace,
    /// Segment from whose end it was walked; `None` if nothing was known of the WAL before.
    pub follows: Option<SegmentPlace>,
    /// Position from which it can be read; `None` if that is its start.
    pub sound_from: Option<Lsn>,
    /// State at its end.
    pub chain: WalChain,
    /// Time of its last commit; `None` without one.
    pub last_commit_at: Option<DateTime<Utc>>,
    /// True if a record begins in it.
    pub is_anchored: bool,
}

impl WalkedRun {
    fn of(walked: WalkedPlace) -> Self {
        let own = walked
            .follows
            .filter(|before| before.timeline != walked.place.timeline);
        Self {
            first: walked.place,
            last: walked.place.number,
            follows: own,
            sound_from: walked.sound_from,
            chain: Some(walked.chain),
            last_commit_at: walked.last_commit_at,
            is_anchored: walked.is_anchored,
        }
    }

    /// Last segment.
    #[must_use]
    pub const fn end(&self) -> SegmentPlace {
        SegmentPlace {
            timeline: self.first.timeline,
            number: self.last,
        }
    }

    /// Returns whether a segment is in the run.
    #[must_use]
    pub fn contains(&self, place: SegmentPlace) -> bool {
        place.timeline == self.first.timeline
            && (self.first.number..=self.last).contains(&place.number)
    }

    /// Returns whether replay from a position in a segment of the run reads it to the run's end.
    #[must_use]
    pub fn is_read_from(&self, place: SegmentPlace, position: Lsn) -> bool {
        let is_behind = self
            .sound_from
            .is_none_or(|sound_from| sound_from <= position);
        self.contains(place) && (place != self.first || is_behind)
    }
}

/// Runs of segments that were walked over, which do not overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkedRuns(BTreeMap<SegmentPlace, WalkedRun>);

impl WalkedRuns {
    /// Returns the runs, in the order of their segments.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &WalkedRun> {
        self.0.values()
    }

    /// Returns the run that holds a segment.
    #[must_use]
    pub fn containing(&self, place: SegmentPlace) -> Option<&WalkedRun> {
        let (_, run) = self.0.range(..=place).next_back()?;
        run.contains(place).then_some(run)
    }

    /// Returns the run that begins with a segment.
    #[must_use]
    pub fn beginning_with(&self, place: SegmentPlace) -> Option<&WalkedRun> {
        self.0.get(&place)
    }

    /// Returns the state at the end of a segment, if that is known.
    #[must_use]
    pub fn chain_at(&self, place: SegmentPlace) -> Option<&WalChain> {
        let run = self.containing(place)?;
        run.chain.as_ref().filter(|_| run.last == place.number)
    }

    /// Adds a segment. It extends the run that ends with the one before it, and joins that to the run
    /// that begins with it, if it was walked before without knowing what comes before it.
    pub fn add(&mut self, walked: WalkedPlace) {
        let place = walked.place;
        let before = walked
            .follows
            .filter(|before| before.next() == place && before.timeline == place.timeline);
        if let Some(known) = self.containing(place)
            && known.first != place
        {
            self.renew(&walked);
            return;
        }
        let behind = self.0.remove(&place);
        let mut run = match before.and_then(|before| self.take_ending_with(before)) {
            Some(mut run) => {
                run.take(&walked);
                run
            }
            None => WalkedRun::of(walked),
        };
        if let Some(rest) = behind.and_then(|behind| behind.without_first(&run)) {
            match rest {
                Rest::Known(rest) => run.join(rest),
                Rest::Unknown(rest) => drop(self.0.insert(rest.first, rest)),
            }
        }
        self.0.insert(run.first, run);
    }

    /// Removes a segment, which was replaced, is gone, or turned out to be at fault.
    pub fn remove(&mut self, place: SegmentPlace) {
        let Some(first) = self.containing(place).map(|run| run.first) else {
            return;
        };
        let Some(run) = self.0.remove(&first) else {
            return;
        };
        if place.number < run.last {
            let rest = WalkedRun {
                first: place.next(),
                follows: None,
                sound_from: None,
                is_anchored: true,
                ..run.clone()
            };
            self.0.insert(rest.first, rest);
        }
        if run.first.number < place.number {
            let before = WalkedRun {
                last: place.number.saturating_sub(1),
                chain: None,
                ..run
            };
            self.0.insert(before.first, before);
        }
    }

    /// Replaces the state at the end of a segment that was walked again.
    fn renew(&mut self, walked: &WalkedPlace) {
        let Some(first) = self.containing(walked.place).map(|run| run.first) else {
            return;
        };
        if let Some(run) = self.0.get_mut(&first)
            && run.last == walked.place.number
        {
            run.chain = Some(walked.chain.clone());
        }
    }

    /// Returns whether a run has a segment in common with these.
    fn overlaps(&self, run: &WalkedRun) -> bool {
        let last_before_end = self.0.range(..=run.end()).next_back();
        last_before_end.is_some_and(|(_, known)| {
            known.first.timeline == run.first.timeline && known.last >= run.first.number
        })
    }

    fn take_ending_with(&mut self, place: SegmentPlace) -> Option<WalkedRun> {
        let run = self.containing(place)?;
        let first = run.first;
        if run.last != place.number {
            return None;
        }
        self.0.remove(&first)
    }
}

/// Rest of a run without its first segment.
enum Rest {
    /// Rest that is read from the end of the first segment.
    Known(WalkedRun),
    /// Rest of which that is not known.
    Unknown(WalkedRun),
}

impl WalkedRun {
    /// Extends the run by the next segment.
    fn take(&mut self, walked: &WalkedPlace) {
        self.last = walked.place.number;
        self.chain = Some(walked.chain.clone());
        self.last_commit_at = self.last_commit_at.max(walked.last_commit_at);
    }

    /// Extends the run by what follows it.
    fn join(&mut self, rest: Self) {
        self.last = rest.last;
        self.chain = rest.chain;
        self.last_commit_at = self.last_commit_at.max(rest.last_commit_at);
    }

    /// Returns what is behind the first segment, which another run now ends with; `None` without
    /// anything.
    fn without_first(self, ending: &Self) -> Option<Rest> {
        if self.last <= ending.last {
            return None;
        }
        let rest = Self {
            first: self.first.next(),
            follows: None,
            sound_from: None,
            is_anchored: true,
            ..self.clone()
        };
        Some(if self.is_anchored {
            Rest::Known(rest)
        } else {
            Rest::Unknown(rest)
        })
    }
}

impl FromIterator<WalkedRun> for WalkedRuns {
    /// Collects runs, without those that end before they begin or overlap an earlier one: a file that
    /// has such runs was not saved by this program, and what was removed would come back by them.
    fn from_iter<I: IntoIterator<Item = WalkedRun>>(runs: I) -> Self {
        let mut known = Self::default();
        for run in runs {
            if run.first.number <= run.last && !known.overlaps(&run) {
                known.0.insert(run.first, run);
            }
        }
        known
    }
}

impl Serialize for WalkedRuns {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for WalkedRuns {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let runs = Vec::<WalkedRun>::deserialize(deserializer)?;
        Ok(runs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(timeline: u32, number: u64) -> SegmentPlace {
        SegmentPlace {
            timeline: TimelineId(timeline),
            number,
        }
    }

    fn run(timeline: u32, first: u64, last: u64) -> WalkedRun {
        WalkedRun {
            first: place(timeline, first),
            last,
            follows: None,
            sound_from: None,
            chain: None,
            last_commit_at: None,
            is_anchored: true,
        }
    }

    #[test]
    fn runs_that_overlap_are_not_loaded() {
        let sound = [run(1, 4, 9), run(2, 4, 9), run(1, 1, 2)];
        let others = [run(1, 9, 12), run(1, 2, 5), run(1, 0, 20), run(3, 8, 7)];

        let runs: WalkedRuns = sound.iter().chain(&others).cloned().collect();

        assert_eq!(runs, sound.into_iter().collect());
        assert_eq!(runs.iter().count(), 3);
        assert_eq!(runs.containing(place(1, 10)), None);
    }
}
