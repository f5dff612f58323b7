//! `PostgreSQL`'s recovery, a quarter of a segment at a time, as plainly as can be.
//!
//! Nothing here knows of runs or paths: a WAL file is the list of the timelines that wrote each
//! quarter of it, and replay is what `xlogrecovery.c` does with such files. Lines are named as in
//! `PostgreSQL` 15.
//!
//! `docs/specification.md`, 2.6 and 6.

use std::collections::{BTreeMap, BTreeSet};

/// Timeline and number of a segment.
pub(super) type Name = (u32, u64);

/// Position in quarters of a segment.
pub(super) type Quarter = u64;

/// A timeline as it really was.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Lines of its history file: target of the recovery that began it, and where that ended.
    pub(super) file: Vec<(u32, Quarter)>,
    pub(super) begins_at: Quarter,
    /// Timeline whose WAL it goes on from.
    pub(super) goes_on_from: Option<u32>,
}

/// State of a history file in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    Missing,
    Valid,
    Empty,
    Invalid,
    NotServed,
}

/// An archive as sets of names.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) segment_bytes: u64,
    pub(super) lines: BTreeMap<u32, Line>,
    pub(super) segments: BTreeSet<Name>,
    pub(super) wrong_sizes: BTreeSet<Name>,
    /// Segments whose content is damaged.
    pub(super) corrupt: BTreeMap<Name, Damage>,
    /// Partial segments with the position at which each ends.
    pub(super) partials: BTreeMap<Name, Quarter>,
    pub(super) files: BTreeMap<u32, File>,
    /// Arrival time of each timeline's last segment, in hours.
    pub(super) arrivals: BTreeMap<u32, i64>,
    /// Backups in the order in which they ended.
    pub(super) backups: Vec<Backup>,
}

/// Damage of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Damage {
    /// Quarter that cannot be read.
    pub(super) at: Quarter,
    /// True if the quarters after it can be read by a replay that starts there.
    pub(super) is_sound_after: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Backup {
    pub(super) begin_timeline: u32,
    pub(super) checkpoint: Quarter,
    pub(super) end_timeline: u32,
    /// First position after the backup.
    pub(super) end: Quarter,
    pub(super) is_from_standby: bool,
    pub(super) is_standalone: bool,
}

/// A value of `recovery_target_timeline`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Number(u32),
    Current,
    Latest,
}

/// `TimeLineHistoryEntry`, with 0 for `InvalidXLogRecPtr`.
#[derive(Clone, Copy, Debug)]
struct Entry {
    tli: u32,
    begin: Quarter,
    end: Quarter,
}

/// Outcome of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) comes_up: bool,
    /// True if replay logs "consistent recovery state reached".
    pub(super) is_consistent: bool,
    /// Last file that was replayed.
    pub(super) ends_in: Option<Name>,
    /// Files served, whether or not they could be read.
    pub(super) reads: BTreeSet<Name>,
    pub(super) last: Option<Name>,
    pub(super) first_missing: Option<Name>,
}

const QUARTERS: u64 = 4;

pub(super) fn segment_of(position: Quarter) -> u64 {
    position / QUARTERS
}

impl World {
    /// `existsTimeLineHistory` in `timeline.c`: "Timeline 1 does not have a history file"; for any
    /// other timeline, `RestoreArchivedFile` has to find one, whatever it contains.
    fn exists(&self, tli: u32) -> bool {
        let file = self.files.get(&tli).copied().unwrap_or(File::Missing);
        tli != 1 && !matches!(file, File::Missing | File::NotServed)
    }

    /// `readTimeLineHistory` in `timeline.c`, newest first; `None` for `ereport(FATAL)`.
    fn read_history(&self, tli: u32) -> Option<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut prevend = 0;
        if self.exists(tli) {
            match self.files[&tli] {
                // "syntax error in history file"
                File::Invalid => return None,
                File::Valid => {
                    for (parent, switch) in &self.lines[&tli].file {
                        entries.push(Entry {
                            tli: *parent,
                            begin: prevend,
                            end: *switch,
                        });
                        prevend = *switch;
                    }
                }
                File::Empty | File::Missing | File::NotServed => {}
            }
        }
        // "Create one more entry for the "tip" of the timeline"
        entries.push(Entry {
            tli,
            begin: prevend,
            end: 0,
        });
        entries.reverse();
        Some(entries)
    }

    /// `findNewestTimeLine` in `timeline.c`.
    pub(super) fn newest_timeline(&self, start: u32) -> u32 {
        let mut newest = start;
        while self.exists(newest + 1) {
            newest += 1;
        }
        newest
    }

    /// `validateRecoveryParameters` in `xlogrecovery.c`; `None` for "recovery target timeline does
    /// not exist".
    pub(super) fn target(&self, backup: &Backup, wish: Wish) -> (u32, bool) {
        // `InitWalRecovery`: the higher one of `minRecoveryPointTLI` and `ThisTimeLineID`.
        let own = backup.begin_timeline.max(backup.end_timeline);
        match wish {
            Wish::Number(tli) => (tli, tli == 1 || self.exists(tli)),
            Wish::Current => (own, true),
            Wish::Latest => (self.newest_timeline(own), true),
        }
    }

    fn expected(&self, backup: &Backup, wish: Wish) -> Option<Vec<Entry>> {
        let (tli, exists) = self.target(backup, wish);
        if exists { self.read_history(tli) } else { None }
    }

    /// Returns the timeline that wrote a position, in the history of a timeline that reached it.
    fn writer(&self, tli: u32, position: Quarter) -> Option<u32> {
        let line = self.lines.get(&tli)?;
        if position >= line.begins_at {
            Some(tli)
        } else {
            self.writer(line.goes_on_from?, position)
        }
    }

    /// Returns the timeline that wrote each quarter of a file; `None` where nothing is written.
    fn content(&self, name: Name) -> Vec<Option<u32>> {
        let first = name.1 * QUARTERS;
        let end = if self.segments.contains(&name) || self.corrupt.contains_key(&name) {
            first + QUARTERS
        } else {
            self.partials[&name]
        };
        let writer = |position| {
            (position < end)
                .then(|| self.writer(name.0, position))
                .flatten()
        };
        (first..first + QUARTERS).map(writer).collect()
    }

    /// `XLogFileReadAnyTLI` in `xlogrecovery.c`, with Barman's partial segment for a missing one.
    fn read_any(&self, expected: &[Entry], number: u64, current: u32) -> Option<Name> {
        for entry in expected {
            // "don't bother looking at too-old TLIs"
            if entry.tli < current {
                break;
            }
            // "if (segno < beginseg) continue"
            if entry.begin != 0 && number < segment_of(entry.begin) {
                continue;
            }
            let name = (entry.tli, number);
            if self.wrong_sizes.contains(&name)
                || self.segments.contains(&name)
                || self.corrupt.contains_key(&name)
                || self.partials.contains_key(&name)
            {
                return Some(name);
            }
        }
        None
    }

    /// `PerformWalRecovery` in `xlogrecovery.c`; `None` if `InitWalRecovery` gives up before it.
    pub(super) fn restore(&self, backup: &Backup, wish: Wish) -> Option<Outcome> {
        let expected = self.expected(backup, wish)?;
        // "requested timeline %u is not a child of this server's history"
        if timeline_of_point(backup.checkpoint, &expected) != Some(backup.begin_timeline) {
            return None;
        }
        // "requested timeline %u does not contain minimum recovery point"
        if backup.is_from_standby
            && timeline_of_point(backup.end - 1, &expected) != Some(backup.end_timeline)
        {
            return None;
        }
        let begin = segment_of(backup.checkpoint);
        let mut outcome = self.path(&expected, begin, backup);
        let mut current = 0;
        let mut before = None;
        for number in begin.. {
            let Some(name) = self.read_any(&expected, number, current) else {
                break;
            };
            outcome.reads.insert(name);
            // `RestoreArchivedFile` in `xlogarchive.c`: "archive file has wrong size", FATAL
            if self.wrong_sizes.contains(&name) {
                return Some(outcome);
            }
            current = name.0;
            if !self.replay_file(backup, name, &expected, &mut before, &mut outcome) {
                break;
            }
        }
        outcome.comes_up = outcome.is_consistent;
        Some(outcome)
    }

    /// Replays a file from the checkpoint on; returns `false` if replay ends inside it.
    fn replay_file(
        &self,
        backup: &Backup,
        name: Name,
        expected: &[Entry],
        before: &mut Option<u32>,
        outcome: &mut Outcome,
    ) -> bool {
        for (position, writer) in (name.1 * QUARTERS..).zip(self.content(name)) {
            if position < backup.checkpoint {
                continue;
            }
            if self.is_damaged(name, position, backup)
                || !self.is_next(backup, *before, position, writer, expected)
            {
                return false;
            }
            *before = writer;
            outcome.ends_in = Some(name);
            let is_end_record = position + 1 == backup.end
                && (backup.is_from_standby || writer == Some(backup.end_timeline));
            // `CheckRecoveryConsistency`: the end-of-backup record, or `minRecoveryPoint`.
            outcome.is_consistent |= is_end_record;
        }
        true
    }

    /// Returns whether a quarter cannot be read: `ReadRecord` in `xlogrecovery.c` finds "no more" WAL.
    fn is_damaged(&self, name: Name, position: Quarter, backup: &Backup) -> bool {
        let Some(damage) = self.corrupt.get(&name) else {
            return false;
        };
        let begins_after = backup.checkpoint > damage.at;
        position == damage.at || begins_after && !damage.is_sound_after
    }

    /// Returns whether replay meets the damage of a segment.
    fn meets_damage(&self, name: Name, backup: &Backup) -> bool {
        (name.1 * QUARTERS..(name.1 + 1) * QUARTERS).any(|position| {
            position >= backup.checkpoint && self.is_damaged(name, position, backup)
        })
    }

    /// Returns whether a record can follow the last one: its `xl_prev` fits
    /// (`ValidXLogRecordHeader`), and its page is of a timeline in the history (no "unexpected
    /// timeline ID").
    fn is_next(
        &self,
        backup: &Backup,
        before: Option<u32>,
        position: Quarter,
        writer: Option<u32>,
        expected: &[Entry],
    ) -> bool {
        let Some(writer) = writer else { return false };
        let is_expected = expected.iter().any(|entry| entry.tli == writer);
        let follows = match before {
            None => writer == backup.begin_timeline,
            Some(before) => {
                let line = &self.lines[&writer];
                writer == before
                    || (line.begins_at == position && line.goes_on_from == Some(before))
            }
        };
        is_expected && follows
    }

    /// Follows the segments that replay should read: for each number, that of the newest timeline
    /// that has started in it or before.
    fn path(&self, expected: &[Entry], begin: u64, backup: &Backup) -> Outcome {
        let target = expected[0].tli;
        let mut outcome = Outcome {
            comes_up: false,
            is_consistent: false,
            ends_in: None,
            reads: BTreeSet::new(),
            last: None,
            first_missing: None,
        };
        for number in begin.. {
            let name = owner(expected, number);
            let is_corrupt = self.corrupt.contains_key(&name);
            if self.segments.contains(&name) || is_corrupt && !self.meets_damage(name, backup) {
                outcome.last = Some(name);
            } else {
                let had_some = outcome.last.is_some_and(|last| last.0 == target);
                let is_over = name.0 == target && !self.has_from(name) && had_some;
                outcome.first_missing = (!is_over).then_some(name);
                break;
            }
        }
        outcome
    }

    /// Returns whether a timeline has a segment at or after a number, whatever its size.
    fn has_from(&self, name: Name) -> bool {
        let to = (name.0, u64::MAX);
        self.segments
            .range(name..=to)
            .chain(self.wrong_sizes.range(name..=to))
            .chain(self.corrupt.range(name..=to).map(|(name, _)| name))
            .next()
            .is_some()
    }

    /// Returns the numbers of the segments that make a backup consistent.
    pub(super) fn own(backup: &Backup) -> std::ops::RangeInclusive<u64> {
        segment_of(backup.checkpoint)..=segment_of(backup.end - 1)
    }

    /// Returns every segment on the way to a target, up to the number `to`; `None` if the backup is
    /// not on that way.
    pub(super) fn way(&self, backup: &Backup, wish: Wish, to: u64) -> Option<Vec<Name>> {
        let expected = self.expected(backup, wish)?;
        self.restore(backup, wish)?;
        Some(
            (segment_of(backup.checkpoint)..=to)
                .map(|number| owner(&expected, number))
                .collect(),
        )
    }

    pub(super) fn timelines(&self) -> BTreeSet<u32> {
        self.segments
            .iter()
            .chain(&self.wrong_sizes)
            .chain(self.corrupt.keys())
            .map(|(timeline, _)| *timeline)
            .collect()
    }

    /// Returns every timeline that occurs, as `Followed` has them.
    pub(super) fn wishes(&self) -> Vec<Wish> {
        let files = self
            .files
            .iter()
            .filter(|(_, file)| **file != File::Missing);
        let of_files = files.map(|(tli, _)| *tli);
        let of_backups = self
            .backups
            .iter()
            .flat_map(|backup| [backup.begin_timeline, backup.end_timeline]);
        let of_partials = self.partials.keys().map(|(timeline, _)| *timeline);
        let of_wal = self.timelines().into_iter().chain(of_partials);
        let all: BTreeSet<u32> = of_wal.chain(of_files).chain(of_backups).collect();
        let numbers = all.into_iter().map(Wish::Number);
        numbers.chain([Wish::Current, Wish::Latest]).collect()
    }

    /// Returns whether a restore to some target, up to some point, comes up.
    pub(super) fn is_restorable(&self, backup: &Backup) -> bool {
        let outcomes = self
            .wishes()
            .into_iter()
            .filter_map(|wish| self.restore(backup, wish));
        outcomes.into_iter().any(|outcome| outcome.is_consistent)
    }

    /// Returns whether any restore, to any target, reads a segment; one that is never read may be
    /// deleted.
    pub(super) fn is_read(&self, name: Name) -> bool {
        self.backups.iter().any(|backup| {
            let within = if backup.is_standalone {
                *Self::own(backup).end()
            } else {
                u64::MAX
            };
            let mut outcomes = self
                .wishes()
                .into_iter()
                .filter_map(|wish| self.restore(backup, wish));
            name.1 <= within && outcomes.any(|outcome| outcome.reads.contains(&name))
        })
    }
}

/// `tliOfPointInHistory` in `timeline.c`.
fn timeline_of_point(position: Quarter, history: &[Entry]) -> Option<u32> {
    let mut found = history.iter().filter(|entry| {
        (entry.begin == 0 || entry.begin <= position) && (entry.end == 0 || position < entry.end)
    });
    found.next().map(|entry| entry.tli)
}

/// Returns the file that `XLogFileReadAnyTLI` asks for first.
fn owner(expected: &[Entry], number: u64) -> Name {
    let begun = expected
        .iter()
        .find(|entry| entry.begin == 0 || segment_of(entry.begin) <= number);
    (begun.map_or(0, |entry| entry.tli), number)
}
