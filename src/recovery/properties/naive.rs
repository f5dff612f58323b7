//! The rules of recovery, one segment at a time, as plainly as can be.
//!
//! Nothing here knows of runs, paths or steps: an archive is a set of names, and a chain of replay
//! is asked for each number which timeline it is read from.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{NoPath, Obstacle};
use crate::postgres::TimelineId;

/// Timeline and number of a segment.
pub(super) type Name = (u32, u64);

/// An archive as sets of names.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) segment_bytes: u64,
    pub(super) segments: BTreeSet<Name>,
    pub(super) partials: BTreeSet<Name>,
    /// Lines of the readable history files: which timeline was left, and where.
    pub(super) files: BTreeMap<u32, Vec<(u32, u64)>>,
    pub(super) listed: BTreeSet<u32>,
    pub(super) stray: BTreeSet<u32>,
    /// In the order in which they ended.
    pub(super) backups: Vec<Backup>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Backup {
    pub(super) begin: Name,
    pub(super) end: Name,
    pub(super) end_lsn: Option<u64>,
    pub(super) is_standalone: bool,
}

/// The way from a backup to a timeline.
pub(super) struct Chain {
    /// Timelines with the number from which on the next one is read.
    left: Vec<(u32, u64)>,
    target: u32,
    begin: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replayed {
    pub(super) last: Option<Name>,
    pub(super) missing: Option<Name>,
    pub(super) partial: Option<Name>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Recoverable,
    /// The missing segment or the reason.
    Consistent(Result<Name, Obstacle>),
    Waiting(Name),
    Broken(Result<Name, Obstacle>),
}

impl Chain {
    pub(super) fn read_from(&self, number: u64) -> u32 {
        let before = self.left.iter().find(|(_, next_from)| number < *next_from);
        before.map_or(self.target, |(timeline, _)| *timeline)
    }

    /// Timelines with the first number that each can have on this chain, oldest first.
    fn entries(&self) -> Vec<Name> {
        let mut entries = Vec::new();
        let mut first = self.begin;
        for (timeline, next_from) in &self.left {
            entries.push((*timeline, first));
            first = *next_from;
        }
        entries.push((self.target, first));
        entries
    }

    pub(super) fn entry(&self) -> u64 {
        self.entries().last().unwrap().1
    }
}

impl World {
    pub(super) fn timelines(&self) -> BTreeSet<u32> {
        self.segments.iter().map(|(timeline, _)| *timeline).collect()
    }

    fn has_from(&self, timeline: u32, number: u64) -> bool {
        self.segments.range((timeline, number)..=(timeline, u64::MAX)).next().is_some()
    }

    /// Section 8: from one file the lineage of all its ancestors is known; case 37: else no guess.
    pub(super) fn lineage(&self, timeline: u32) -> Option<Vec<(u32, u64)>> {
        if timeline == 1 {
            return Some(Vec::new());
        }
        if let Some(lines) = self.files.get(&timeline) {
            return Some(lines.clone());
        }
        let mut told = Vec::new();
        for lines in self.files.values() {
            for (index, line) in lines.iter().enumerate() {
                if line.0 == timeline && index > told.len() {
                    told = lines[..index].to_vec();
                }
            }
        }
        (!told.is_empty()).then_some(told)
    }

    /// Section 9: a fork before the end of a backup is closed to it.
    pub(super) fn chain(&self, backup: &Backup, target: u32) -> Result<Chain, NoPath> {
        let (begin_timeline, begin) = backup.begin;
        let (end_timeline, end) = backup.end;
        let unknown = NoPath::UnknownHistory(TimelineId(target));
        let told = if target == begin_timeline { Some(Vec::new()) } else { self.lineage(target) };
        let lines = told.ok_or(unknown)?;
        let mut left = Vec::new();
        let (mut is_begun, mut is_ended) = (target == begin_timeline, target == end_timeline);
        for (timeline, switch) in lines {
            is_begun |= timeline == begin_timeline;
            if !is_begun {
                continue;
            }
            let switch_segment = switch / self.segment_bytes;
            let end_position = backup.end_lsn.unwrap_or(end * self.segment_bytes);
            if timeline == begin_timeline && switch_segment < begin {
                return Err(NoPath::NotADescendant);
            }
            if timeline == end_timeline {
                is_ended = true;
                if switch < end_position {
                    return Err(NoPath::NotADescendant);
                }
            }
            left.push((timeline, switch_segment));
        }
        if !is_begun || !is_ended {
            return Err(NoPath::NotADescendant);
        }
        Ok(Chain { left, target, begin })
    }

    /// As `chain`, to a target that recovery is told to go to: its own file must be there.
    pub(super) fn way(&self, backup: &Backup, target: u32) -> Result<Chain, NoPath> {
        let chain = self.chain(backup, target)?;
        if target != backup.begin.0 && !self.files.contains_key(&target) {
            return Err(NoPath::UnknownHistory(TimelineId(target)));
        }
        Ok(chain)
    }

    pub(super) fn replay(&self, chain: &Chain) -> Replayed {
        let mut number = chain.begin;
        let mut last = None;
        while self.segments.contains(&(chain.read_from(number), number)) {
            last = Some((chain.read_from(number), number));
            number += 1;
        }
        let next = (chain.read_from(number), number);
        let is_over = next.0 == chain.target
            && !self.has_from(chain.target, number)
            && last.is_some_and(|last| last.0 == chain.target);
        let newest_first = chain.entries().into_iter().rev();
        let could_hold = newest_first
            .filter(|(timeline, first)| {
                *first <= number && last.is_none_or(|last| *timeline >= last.0)
            })
            .map(|(timeline, _)| (timeline, number));
        let mut served =
            could_hold.filter(|name| self.partials.contains(name) && !self.segments.contains(name));
        Replayed { last, missing: (!is_over).then_some(next), partial: served.next() }
    }

    /// Section 9: b to e; case 38: without e if the backup ends exactly where e begins.
    pub(super) fn own(&self, backup: &Backup) -> Result<Vec<Name>, NoPath> {
        let chain = self.chain(backup, backup.end.0)?;
        let ends_before = backup.end_lsn == Some(backup.end.1 * self.segment_bytes);
        let last = if ends_before { backup.end.1 - 1 } else { backup.end.1 };
        Ok((backup.begin.1..=last).map(|number| (chain.read_from(number), number)).collect())
    }

    fn own_missing(&self, backup: &Backup) -> Result<Option<Name>, NoPath> {
        Ok(self.own(backup)?.into_iter().find(|name| !self.segments.contains(name)))
    }

    /// The highest timeline with WAL that the newest consistent backup can reach.
    pub(super) fn current(&self) -> Option<u32> {
        let newest = self.backups.iter().rev().find(|one| self.own_missing(one) == Ok(None))?;
        let mut current = newest.end.0;
        for timeline in self.timelines() {
            let can_go = !self.stray.contains(&timeline) && self.way(newest, timeline).is_ok();
            if timeline > current && can_go {
                current = timeline;
            }
        }
        Some(current)
    }

    /// Whether the segment is late: nothing that was written after it has arrived.
    fn is_late(&self, backup: &Backup, missing: Name) -> bool {
        let chain = self.chain(backup, backup.end.0).ok().unwrap();
        let later = chain.entries().into_iter().skip_while(|(timeline, _)| *timeline != missing.0);
        !later.into_iter().any(|(timeline, _)| self.has_from(timeline, missing.1))
    }

    pub(super) fn judge(&self, backup: &Backup) -> Judged {
        let target = self.current().unwrap_or(backup.end.0);
        match self.own_missing(backup) {
            Err(reason) => return Judged::Broken(Err(reason.into())),
            Ok(Some(missing)) if self.is_late(backup, missing) => return Judged::Waiting(missing),
            Ok(Some(missing)) => return Judged::Broken(Ok(missing)),
            Ok(None) => {}
        }
        let chain = match self.way(backup, target) {
            Ok(chain) => chain,
            Err(reason) => return Judged::Consistent(Err(reason.into())),
        };
        if let Some(missing) = self.replay(&chain).missing {
            return Judged::Consistent(Ok(missing));
        }
        for timeline in self.timelines() {
            if timeline > target && self.lineage(timeline).is_none() {
                let unknown = TimelineId(timeline);
                return Judged::Consistent(Err(Obstacle::MissingHistory(unknown)));
            }
        }
        Judged::Recoverable
    }

    pub(super) fn reach(&self, backup: &Backup) -> Option<Name> {
        let target = self.current().unwrap_or(backup.end.0);
        let chain = self.way(backup, target).or_else(|_| self.chain(backup, backup.end.0)).ok()?;
        self.replay(&chain).last
    }

    /// Each timeline with WAL that the backup can be taken to, and its own.
    pub(super) fn follow(&self, backup: &Backup) -> BTreeMap<u32, Replayed> {
        let mut follow = BTreeMap::new();
        for timeline in self.timelines() {
            if let Ok(chain) = self.way(backup, timeline) {
                follow.insert(timeline, self.replay(&chain));
            }
        }
        if let Ok(chain) = self.chain(backup, backup.end.0) {
            follow.insert(backup.end.0, self.replay(&chain));
        }
        follow
    }

    /// What `latest` comes to: counted up while the next number has a history file.
    pub(super) fn latest(&self, backup: &Backup) -> u32 {
        let mut latest = backup.begin.0;
        while self.listed.contains(&(latest + 1)) {
            latest += 1;
        }
        latest
    }

    /// Missing segments that some finished backup would have to replay through.
    pub(super) fn gaps(&self) -> BTreeSet<Name> {
        let mut wanted = BTreeSet::new();
        for backup in &self.backups {
            if !matches!(self.judge(backup), Judged::Waiting(_)) {
                wanted.extend(self.own(backup).into_iter().flatten());
            }
            let Some(current) = self.current().filter(|_| !backup.is_standalone) else { continue };
            let Ok(chain) = self.way(backup, current) else { continue };
            let mut number = backup.begin.1;
            while chain.read_from(number) != current || self.has_from(current, number) {
                wanted.insert((chain.read_from(number), number));
                number += 1;
            }
        }
        wanted.difference(&self.segments).copied().collect()
    }

    /// Section 9, and a timeline of unknown lineage as a whole.
    pub(super) fn is_needed(&self, name: Name) -> bool {
        let (timeline, number) = name;
        let has_wal = self.timelines().contains(&timeline);
        if has_wal && self.lineage(timeline).is_none() {
            return true;
        }
        self.backups.iter().any(|backup| {
            let is_own = backup.begin.0 == timeline || backup.end.0 == timeline;
            let after = !backup.is_standalone
                && (has_wal || is_own)
                && self.chain(backup, timeline).is_ok_and(|chain| number >= chain.entry());
            after || self.own(backup).is_ok_and(|own| own.contains(&name))
        })
    }
}
