//! Small files of a server whose content is unknown, and the findings that they make uncertain.

use barman_archive::inventory::{
    DirectoryInventory, FileReading, SmallFile, SmallFiles, UnreadableReason,
};

use crate::report::{RecoveryReport, Refusals, Refused, RefusedKind};

/// Finds the refused files of a server.
pub(super) fn find_refusals(directory: &DirectoryInventory, files: &SmallFiles) -> Refusals {
    let mut refusals = Refusals::default();
    for backup in directory.backups.values() {
        if let Some(info) = &backup.info {
            add_if_refused(&mut refusals, RefusedKind::BackupInfo, info, files);
        }
        if let Some(keep) = &backup.keep {
            add_if_refused(&mut refusals, RefusedKind::Keep, keep, files);
        }
    }
    for (timeline, file) in &directory.wal.outside_wal_dirs.histories {
        if add_if_refused(&mut refusals, RefusedKind::History, file, files) {
            refusals.histories.push(*timeline);
        }
    }
    refusals
}

/// Counts a file if it is refused, and returns true if it is.
fn add_if_refused(
    refusals: &mut Refusals,
    kind: RefusedKind,
    file: &SmallFile,
    files: &SmallFiles,
) -> bool {
    let Some(FileReading::Unreadable {
        reason: UnreadableReason::Access | UnreadableReason::Size,
        message,
    }) = files.reading(file)
    else {
        return false;
    };
    let newest = Refused {
        count: refusals.count(kind) + 1,
        newest_at: file.object.last_modified,
        newest_key: file.object.key.clone(),
        message: message.clone(),
    };
    let refused = refusals.kinds.entry(kind).or_insert_with(|| newest.clone());
    refused.count = newest.count;
    if refused.newest_at < newest.newest_at {
        *refused = newest;
    }
    true
}

/// Retracts the findings that a refused file would have to confirm: gaps, obsolete WAL, missing
/// history files.
///
/// The segments that a backup needs depend on the ancestry of the timelines, and on the target of
/// its keep annotation.
pub(super) fn retract_uncertain(recovery: &mut RecoveryReport, refusals: &Refusals) {
    recovery
        .histories_missing
        .retain(|timeline| !refusals.histories.contains(timeline));
    if !refusals.has(RefusedKind::History) && !refusals.has(RefusedKind::Keep) {
        return;
    }
    recovery.all_are_known = false;
    recovery.verdict.gaps.clear();
    recovery.verdict.unreached_timeline = None;
    recovery.obsolete = None;
    recovery.obsolete_stored = None;
}
