//! Report on the contents of a server.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::SomeNames;
use barman_archive::postgres::{SegmentName, WalDir};
use chrono::{DateTime, Utc};

use super::candidates::Candidates;
use super::contents::{Contents, EDGE_BYTES};
use super::targets::{BackupTarget, DirTarget, ServerTargets};
use super::waiting::{Waiting, last_read_at};
use crate::evidence::{
    BackupEvidence, ContentVerdict, Depth, Effect, FaultKind, Level, SegmentFault, ServerEvidence,
    WalFile,
};
use crate::report::{
    BackupContents, ContentsReport, FaultyBackup, FaultySegment, ObjectCounts, ServerReport,
    VerifiedBackup,
};

/// Maximum number of faulty segments that a report names.
const MOST_NAMED: usize = 100;

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
    let candidates = Candidates {
        directory: contents.directory,
        backups: &server.backups,
        contents: Some(contents),
    };
    for backup in &targets.backups {
        add_backup(&mut report, backup, targets, candidates, contents.evidence);
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
    add_cold(report, wal_dir, target, contents);
    let wanted = target.segments.count() + target.partials.len() as u64;
    let known = contents.files(wal_dir);
    let (mut files, mut whole) = (0, 0);
    for evidence in known.filter(|known| target.wants(known.file)) {
        files += 1;
        count(&mut report.wal, evidence.depth, evidence.verdict);
        if evidence.depth == Depth::Whole {
            whole += 1;
            note_age(report, evidence.read_at());
        }
        if let Some(fault) = contents.evidence.wal.fault(wal_dir, evidence.file) {
            let segment = wal_dir.segment(evidence.file.low);
            name_segment(report, segment, evidence.verdict, fault);
        }
    }
    let unread = wanted.saturating_sub(files);
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
    candidates: Candidates<'_>,
    evidence: &ServerEvidence,
) {
    let known = evidence.backup(&backup.id, backup.stamp());
    let is_full = report.level >= Level::Full;
    let needed = targets.read_bytes(backup);
    let is_affordable = report.most_bytes.is_none_or(|most| needed <= most);
    let is_read = known.is_some_and(|known| known.depth == Depth::Whole);
    if is_full && !is_affordable && !is_read {
        report.unaffordable.add(&backup.id);
    } else if is_full && backup.is_read_at_once && !is_read {
        report.backlog_bytes += backup.data_bytes;
    } else if !is_full && backup.is_read_at_once && known.is_none() {
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
        ContentVerdict::Sound if is_read && candidates.has_verified(&backup.id) => {
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
