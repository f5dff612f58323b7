//! Conclusions from the contents of objects.
//!
//! `docs/specification.md`, 22.

use barman_archive::barman::WalKind;
use barman_archive::inventory::{DirectoryInventory, WalDirInventory};
use barman_archive::postgres::{Lsn, SegmentName, SegmentSize, WalDir};
use barman_archive::recovery::{ArchivedWal, BackupSpan, CorruptSegment, SegmentSets};
use chrono::{DateTime, Utc};

use super::targets::stamp_of;
use crate::evidence::{
    BackupEvidence, ContentVerdict, Depth, DirEvidence, DirStamp, Effect, SegmentEvidence,
    SegmentPlace, ServerEvidence, WalFile, WalkedRuns,
};
use crate::report::{BackupReport, RecoveryProof};

/// Number of segments that are looked at to find the last commit.
const MOST_WITHOUT_COMMIT: u64 = 4096;

/// Bytes that are read of an object's edges, about.
pub const EDGE_BYTES: u64 = 9 * 1024;

/// Contents of a server's objects, next to its inventory.
#[derive(Clone, Copy)]
pub(super) struct Contents<'a> {
    pub(super) directory: &'a DirectoryInventory,
    pub(super) evidence: &'a ServerEvidence,
}

impl Contents<'_> {
    /// Marks the segments that are known to end replay.
    pub(super) fn mark_corrupt(&self, wal: &mut ArchivedWal) {
        for (wal_dir, file, fault) in self.evidence.wal.faults() {
            let is_corrupt = self
                .known(wal_dir, file)
                .is_some_and(|known| known.verdict == ContentVerdict::Corrupt);
            let name = wal_dir.segment(file.low);
            let Some(number) = name.number(wal.size).filter(|_| is_corrupt) else {
                continue;
            };
            match fault.effect {
                Effect::EndsReplay {
                    ends_at,
                    sound_from,
                } => {
                    let corrupt = CorruptSegment {
                        ends_at,
                        sound_from,
                    };
                    wal.mark_corrupt(name.timeline, number, corrupt);
                }
                Effect::WrongSize => wal.mark_wrong_size(name.timeline, number),
                Effect::EndsAt(_) | Effect::Unknown => {}
            }
        }
    }

    /// Returns whether data of a backup are known to be damaged.
    pub(super) fn is_corrupt(&self, backup: &BackupReport) -> bool {
        self.of_backup(backup)
            .is_some_and(|known| known.verdict == ContentVerdict::Corrupt)
    }

    /// Returns whether the data of a backup were read and found sound.
    pub(super) fn is_verified(&self, backup: &BackupReport) -> bool {
        self.of_backup(backup).is_some_and(|known| {
            known.verdict == ContentVerdict::Sound && known.depth == Depth::Whole
        })
    }

    fn of_backup(&self, backup: &BackupReport) -> Option<&BackupEvidence> {
        let stamp = DirStamp::of_backup(backup.data);
        self.evidence.backup(&backup.id, stamp)
    }

    /// Returns the evidence about a file, if it is about the object that is there now.
    pub(super) fn known(&self, wal_dir: WalDir, file: WalFile) -> Option<&SegmentEvidence> {
        let known = self.evidence.wal.of(wal_dir, file)?;
        let inventory = self.directory.wal.dirs.get(&wal_dir)?;
        (self.is_unchanged(wal_dir) || is_same(inventory, known)).then_some(known)
    }

    /// Returns what is proven to be recoverable with a verified backup, along the segments that a
    /// restore of it reads.
    pub(super) fn proof(
        &self,
        span: &BackupSpan,
        replayed: &SegmentSets,
        size: SegmentSize,
    ) -> Option<RecoveryProof> {
        let begin = SegmentPlace {
            timeline: span.begin.timeline,
            number: span.begin.number(size)?,
        };
        let position = span.begin_lsn.unwrap_or(size.begin_of(begin.number));
        let last = last_walked(&self.evidence.wal.runs, replayed, begin, position)?;
        let last = self.last_known(replayed, begin, last, size)?;
        let last_needed = span.last_needed(size)?;
        if last.number < last_needed {
            return None;
        }
        let segment = SegmentName::from_number(last.timeline, last.number, size);
        Some(RecoveryProof {
            segment,
            arrived_at: self.directory.wal.arrived_at(segment),
            next_arrived_at: last
                .number
                .checked_add(1)
                .map(|next| SegmentName::from_number(last.timeline, next, size))
                .and_then(|next| self.directory.wal.arrived_at(next)),
            committed_at: self.last_commit(segment, size),
        })
    }

    /// Returns the last segment up to which the evidence about a walk holds: no object before was written
    /// again since.
    fn last_known(
        &self,
        replayed: &SegmentSets,
        begin: SegmentPlace,
        last: SegmentPlace,
        size: SegmentSize,
    ) -> Option<SegmentPlace> {
        let mut known = None;
        for (timeline, of_timeline) in replayed {
            for run in of_timeline.within(begin.number, last.number).iter() {
                let first = SegmentPlace {
                    timeline: *timeline,
                    number: run.first,
                };
                let changed = self.first_changed(first, run.last, size);
                match changed {
                    None => {
                        known = Some(SegmentPlace {
                            number: run.last,
                            ..first
                        });
                    }
                    Some(number) if number > run.first => {
                        return Some(SegmentPlace {
                            number: number - 1,
                            ..first
                        });
                    }
                    Some(_) => return known,
                }
                if *timeline == last.timeline && run.last >= last.number {
                    return known;
                }
            }
        }
        known
    }

    /// Returns the first segment of a timeline, from one to another, that was written again since it was
    /// read; `None` without one. WAL directories that have not changed are not looked into.
    fn first_changed(&self, first: SegmentPlace, last: u64, size: SegmentSize) -> Option<u64> {
        let mut number = first.number;
        while number <= last {
            let name = SegmentName::from_number(first.timeline, number, size);
            let wal_dir = WalDir::from(name);
            let per_wal_dir = u64::from(size.segments_per_wal_dir());
            let next_dir = (number / per_wal_dir + 1).saturating_mul(per_wal_dir);
            let end = next_dir.min(last.saturating_add(1));
            if !self.is_unchanged(wal_dir) {
                let is_changed = |number: &u64| {
                    let name = SegmentName::from_number(first.timeline, *number, size);
                    self.known(wal_dir, WalFile::whole(name.low)).is_none()
                };
                let changed = (number..end).find(is_changed);
                if changed.is_some() {
                    return changed;
                }
            }
            number = end;
        }
        None
    }

    /// Evidence about the files of a WAL directory, as far as it is about the objects that are there now.
    pub(super) fn files(&self, wal_dir: WalDir) -> impl Iterator<Item = &SegmentEvidence> {
        let is_unchanged = self.is_unchanged(wal_dir);
        let known = self.evidence.wal.dir(wal_dir);
        let files = known.into_iter().flat_map(DirEvidence::files);
        files.filter(move |known| is_unchanged || self.known(wal_dir, known.file).is_some())
    }

    fn is_unchanged(&self, wal_dir: WalDir) -> bool {
        let inventory = self.directory.wal.dirs.get(&wal_dir);
        let known = self.evidence.wal.dir(wal_dir);
        inventory
            .zip(known)
            .is_some_and(|(inventory, known)| known.stamp == stamp_of(inventory))
    }

    /// Returns the time of the last commit in a segment, or in those before it on its timeline;
    /// `None` if the segment was not read as a whole.
    pub(super) fn last_commit(
        &self,
        segment: SegmentName,
        size: SegmentSize,
    ) -> Option<DateTime<Utc>> {
        let last = segment.number(size)?;
        for number in (0..=last)
            .rev()
            .take(usize::try_from(MOST_WITHOUT_COMMIT).ok()?)
        {
            let name = SegmentName::from_number(segment.timeline, number, size);
            let known = self.known(WalDir::from(name), WalFile::whole(name.low))?;
            if known.depth != Depth::Whole || known.verdict != ContentVerdict::Sound {
                return None;
            }
            if let Some(at) = known.last_commit_at() {
                return Some(at);
            }
        }
        None
    }
}

/// Returns whether an object is still the one that was read, as far as a listing shows it. Without
/// memory for single files, it is not known.
fn is_same(inventory: &WalDirInventory, known: &SegmentEvidence) -> bool {
    let Some(mut files) = inventory.files() else {
        return false;
    };
    files.any(|file| {
        let is_partial = match file.kind {
            WalKind::Segment(_) => false,
            WalKind::Partial(_) => true,
            WalKind::Label(..) | WalKind::History(_) | WalKind::Foreign => return false,
        };
        file.segment == known.file.low
            && is_partial == known.file.is_partial
            && file.bytes == u64::from(known.bytes)
            && file.arrived_at <= known.read_at()
    })
}

/// Returns the last segment that was walked over without a break, from a position on.
fn last_walked(
    runs: &WalkedRuns,
    replayed: &SegmentSets,
    begin: SegmentPlace,
    position: Lsn,
) -> Option<SegmentPlace> {
    let mut last: Option<SegmentPlace> = None;
    for (timeline, of_timeline) in replayed {
        for read in of_timeline.iter() {
            let first = SegmentPlace {
                timeline: *timeline,
                number: read.first,
            };
            let Some(run) = runs.containing(first) else {
                return last;
            };
            let goes_on = match last {
                None => first == begin && run.is_read_from(first, position),
                Some(before) => {
                    before.number.checked_add(1) == Some(read.first)
                        && run.first == first
                        && run.follows == Some(before)
                }
            };
            if !goes_on {
                return last;
            }
            let reached = run.last.min(read.last);
            last = Some(SegmentPlace {
                timeline: *timeline,
                number: reached,
            });
            if reached < read.last {
                return last;
            }
        }
    }
    last
}
