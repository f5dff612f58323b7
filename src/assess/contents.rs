//! Conclusions from the contents of objects.
//!
//! `docs/specification.md`, 22.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::barman::WalKind;
use barman_archive::inventory::{DirectoryInventory, SomeNames, WalDirInventory};
use barman_archive::postgres::{Lsn, SegmentName, SegmentSize, WalDir};
use barman_archive::recovery::{ArchivedWal, BackupSpan, CorruptSegment, SegmentSets};
use chrono::{DateTime, Utc};

use super::targets::{BackupTarget, DirTarget, ServerTargets, stamp_of};
use super::waiting::{Waiting, last_read_at};
use crate::evidence::{
    BackupEvidence, ContentVerdict, Depth, DirStamp, Effect, FaultKind, Level, SegmentEvidence,
    SegmentFault, SegmentPlace, ServerEvidence, WalFile, WalkedRuns,
};
use crate::report::{
    BackupContents, BackupReport, ContentsReport, FaultyBackup, FaultySegment, ObjectCounts,
    RecoveryProof, ServerReport, VerifiedBackup,
};

/// Number of segments that are looked at to find the last commit.
const MOST_WITHOUT_COMMIT: u64 = 4096;

/// Bytes that are read of an object's edges, about.
pub const EDGE_BYTES: u64 = 9 * 1024;

/// Maximum number of faulty segments that a report names.
const MOST_NAMED: usize = 100;

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
        let known = self.evidence.backups.get(&backup.id)?;
        let stamp = DirStamp::of_backup(backup.data);
        (known.stamp == stamp).then_some(known)
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

/// Reports on the contents of a server.
pub(super) fn contents_report(
    targets: &ServerTargets,
    since: DateTime<Utc>,
    contents: Contents<'_>,
    server: &ServerReport,
    most_bytes: Option<u64>,
) -> ContentsReport {
    let mut report = ContentsReport {
        level: targets.level,
        since,
        wal: ObjectCounts::default(),
        base: ObjectCounts::default(),
        backlog_bytes: 0,
        most_bytes,
        last_read_at: last_read_at(contents.evidence),
        waits_since: None,
        due_at: None,
        oldest_read_at: None,
        corrupt_wal: Vec::new(),
        suspect_wal: Vec::new(),
        corrupt_backups: Vec::new(),
        suspect_backups: Vec::new(),
        backups: BTreeMap::new(),
        unreadable: BTreeSet::new(),
        unaffordable: SomeNames::default(),
        verified: None,
        proof: server.recovery.proof,
        newest_commit_at: None,
    };
    for (wal_dir, target) in &targets.dirs {
        add_dir(&mut report, *wal_dir, target, contents);
    }
    for backup in &targets.backups {
        add_backup(&mut report, backup, targets, contents.evidence);
    }
    let waiting = Waiting {
        targets,
        contents,
        most_bytes,
    };
    let waits_from = since.max(report.last_read_at.unwrap_or(since));
    report.waits_since = waiting.arrived_at().map(|at| at.max(waits_from));
    if let Some(newest) = &server.wal.newest {
        report.newest_commit_at = contents.last_commit(newest.name, targets.segment_size);
    }
    report
}

fn add_dir(
    report: &mut ContentsReport,
    wal_dir: WalDir,
    target: &DirTarget,
    contents: Contents<'_>,
) {
    let partials = target.partials.iter().map(|low| WalFile {
        low: *low,
        is_partial: true,
    });
    add_cold(report, wal_dir, target, contents);
    let wanted = target.segments.count() + target.partials.len() as u64;
    let is_unchanged = contents.is_unchanged(wal_dir);
    let mut known_files: BTreeMap<WalFile, &SegmentEvidence> = BTreeMap::new();
    if let Some(known) = contents.evidence.wal.dir(wal_dir) {
        for evidence in known.files() {
            let is_wanted = if evidence.file.is_partial {
                partials.clone().any(|partial| partial == evidence.file)
            } else {
                target.segments.contains(u64::from(evidence.file.low))
            };
            if is_wanted && (is_unchanged || contents.known(wal_dir, evidence.file).is_some()) {
                known_files.insert(evidence.file, evidence);
            }
        }
    }
    let mut whole = 0;
    for (file, evidence) in &known_files {
        let fault = contents.evidence.wal.fault(wal_dir, *file);
        count(&mut report.wal, evidence.depth, evidence.verdict);
        whole += u64::from(evidence.depth == Depth::Whole);
        if evidence.depth == Depth::Whole {
            note_age(report, evidence.read_at());
        }
        let Some(fault) = fault else { continue };
        name_segment(report, wal_dir.segment(file.low), evidence.verdict, fault);
    }
    let unread = wanted.saturating_sub(known_files.len() as u64);
    report.wal.unread += unread;
    report.backlog_bytes += if report.level >= Level::Wal {
        let missing = wanted.saturating_sub(whole);
        target.bytes / wanted.max(1) * missing
    } else {
        unread * EDGE_BYTES
    };
}

/// Counts the segments that cannot be read at once: what was read of them before holds.
fn add_cold(
    report: &mut ContentsReport,
    wal_dir: WalDir,
    target: &DirTarget,
    contents: Contents<'_>,
) {
    let lows = target.cold.iter().flat_map(|run| run.first..=run.last);
    for low in lows.filter_map(|low| u32::try_from(low).ok()) {
        let known = contents.known(wal_dir, WalFile::whole(low));
        if let Some(known) = known.filter(|known| known.verdict != ContentVerdict::Unreadable) {
            count(&mut report.wal, known.depth, known.verdict);
        } else {
            report.wal.unread += 1;
            report.wal.unreadable += 1;
            report.unreadable.insert(FaultKind::Cold);
        }
    }
}

fn name_segment(
    report: &mut ContentsReport,
    segment: SegmentName,
    verdict: ContentVerdict,
    fault: SegmentFault,
) {
    let ends_at = match fault.effect {
        Effect::EndsReplay { ends_at, .. } | Effect::EndsAt(ends_at) => Some(ends_at),
        Effect::WrongSize | Effect::Unknown => None,
    };
    let list = match verdict {
        ContentVerdict::Corrupt => &mut report.corrupt_wal,
        ContentVerdict::Suspect => &mut report.suspect_wal,
        ContentVerdict::Unreadable => {
            report.unreadable.insert(fault.kind);
            return;
        }
        ContentVerdict::Sound => return,
    };
    if list.len() < MOST_NAMED {
        list.push(FaultySegment {
            segment,
            kind: fault.kind,
            ends_at,
        });
    }
}

fn add_backup(
    report: &mut ContentsReport,
    backup: &BackupTarget,
    targets: &ServerTargets,
    evidence: &ServerEvidence,
) {
    let known = evidence.backups.get(&backup.id);
    let known = known.filter(|known| known.stamp == backup.stamp());
    let is_full = report.level >= Level::Full;
    let needed = backup
        .data_bytes
        .saturating_add(targets.own_wal_bytes(backup));
    let is_affordable = report.most_bytes.is_none_or(|most| needed <= most);
    let is_read = known.is_some_and(|known| known.depth == Depth::Whole);
    if is_full && !is_affordable && !is_read {
        report.unaffordable.add(&backup.id);
    } else if is_full && backup.is_read_at_once && !is_read {
        report.backlog_bytes += backup.data_bytes;
    } else if !is_full && known.is_none() {
        report.backlog_bytes += EDGE_BYTES;
    }
    let Some(known) = known else {
        report.base.unread += backup.data_objects;
        return;
    };
    for _ in 0..backup.data_objects {
        count(&mut report.base, known.depth, known.verdict);
    }
    if is_read {
        note_age(report, known.read_at);
    }
    report.backups.insert(backup.id.clone(), contents_of(known));
    let faulty = || FaultyBackup {
        id: backup.id.clone(),
        faults: known.faults.clone(),
    };
    match known.verdict {
        ContentVerdict::Corrupt => report.corrupt_backups.push(faulty()),
        ContentVerdict::Suspect => report.suspect_backups.push(faulty()),
        ContentVerdict::Sound if is_read && has_sound_parents(backup, targets, evidence) => {
            // The backups come in the order of their ends.
            report.verified = Some(VerifiedBackup {
                id: backup.id.clone(),
                began_at: backup.info.began_at(),
                read_at: known.read_at,
                pages: known.pages,
                unproven: known.unproven.clone(),
            });
        }
        ContentVerdict::Unreadable => report.unreadable.extend(known.unreadable_kinds()),
        ContentVerdict::Sound => {}
    }
}

/// Returns whether everything that a backup is based on was read and found sound.
fn has_sound_parents(
    backup: &BackupTarget,
    targets: &ServerTargets,
    evidence: &ServerEvidence,
) -> bool {
    let mut parent = backup.info.parent_id.as_deref();
    // No chain is longer than there are backups.
    for _ in &targets.backups {
        let Some(id) = parent else { return true };
        let Some(target) = targets.backups.iter().find(|target| target.id == id) else {
            return false;
        };
        let is_sound = evidence.backups.get(id).is_some_and(|known| {
            let is_read = known.depth == Depth::Whole && known.stamp == target.stamp();
            is_read && known.verdict == ContentVerdict::Sound
        });
        if !is_sound {
            return false;
        }
        parent = target.info.parent_id.as_deref();
    }
    parent.is_none()
}

fn contents_of(known: &BackupEvidence) -> BackupContents {
    BackupContents {
        depth: known.depth,
        verdict: known.verdict,
        is_unconfirmed: known.is_unconfirmed,
        read_at: known.read_at,
        pages: known.pages,
        faults: known.faults.clone(),
        unproven: known.unproven.clone(),
    }
}

fn note_age(report: &mut ContentsReport, read_at: DateTime<Utc>) {
    let oldest = report.oldest_read_at.get_or_insert(read_at);
    *oldest = read_at.min(*oldest);
}

fn count(counts: &mut ObjectCounts, depth: Depth, verdict: ContentVerdict) {
    match verdict {
        ContentVerdict::Sound => {}
        ContentVerdict::Suspect => counts.suspect += 1,
        ContentVerdict::Corrupt => counts.corrupt += 1,
        ContentVerdict::Unreadable => {
            // Whatever was read of it is no evidence.
            counts.unread += 1;
            counts.unreadable += 1;
            return;
        }
    }
    match depth {
        Depth::Edges => counts.edges += 1,
        Depth::Whole => counts.whole += 1,
    }
}
