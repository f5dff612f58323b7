//! Objects that Barman would delete now.

use std::collections::{BTreeMap, BTreeSet};

use crate::barman::WalKind;
use crate::inventory::{DirectoryInventory, LogInventory, LoggedFile, Sums, WalObjectKind};
use crate::postgres::LogName;
use crate::recovery::retention::{CatalogBackup, RetentionStatus, WalDeletion, deletion};

use super::ServerReport;

/// Objects that `barman-cloud-backup-delete` would delete now under a retention policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeletionReport {
    /// Ids of the backups, in the order in which they are deleted.
    pub backups: Vec<String>,
    /// All deleted objects.
    pub all: Sums,
    /// Deleted WAL files, and any other objects in WAL directories that are deleted as a whole.
    pub wal: Sums,
}

impl DeletionReport {
    /// Returns `None` if this requires the individual files of WAL directories whose files have
    /// been forgotten; these directories are added to `lacking`.
    pub(super) fn new(
        directory: &DirectoryInventory,
        server: &ServerReport,
        (catalog, statuses): (&[CatalogBackup], &BTreeMap<String, RetentionStatus>),
        lacking: &mut BTreeSet<LogName>,
    ) -> Option<Self> {
        let deletion = deletion(catalog, statuses);
        let mut wal = Some(Sums::default());
        for (name, log) in &directory.wal.logs {
            let deleted = deleted(*name, log, &deletion.wal);
            if deleted.is_none() {
                lacking.insert(*name);
            }
            wal = wal.zip(deleted).map(|(sum, more)| sum.plus(more));
        }
        let gone: BTreeSet<&String> = deletion.backups.iter().collect();
        let of_backups =
            server.backups.iter().filter(|backup| gone.contains(&backup.id)).filter_map(|backup| {
                let inventory = directory.backups.get(&backup.id)?;
                Some(inventory.own_objects(backup.info.as_ref()?).sums)
            });
        let wal = wal?;
        let all = of_backups.fold(wal, Sums::plus);
        Some(Self { backups: deletion.backups, all, wal })
    }
}

/// Objects of a WAL directory that are deleted; `None` if that requires its files and they have
/// been forgotten.
fn deleted(name: LogName, log: &LogInventory, deletion: &WalDeletion) -> Option<Sums> {
    if deletion.sweeps(name.timeline, name.log) {
        return Some(log.stock.sums);
    }
    let runs = deletion.deleted_segments(name.timeline, name.log);
    if runs.is_empty() && log.rarities().partials.is_empty() {
        return Some(Sums::default());
    }
    let is_whole = runs.iter().any(|run| run.first == 0 && run.last >= u64::from(u32::MAX));
    if is_whole && log.rarities().duplicates == 0 {
        let kinds = [WalObjectKind::Segment, WalObjectKind::Partial, WalObjectKind::Label];
        return Some(kinds.map(|kind| log.of(kind)).into_iter().fold(Sums::default(), Sums::plus));
    }
    let going = log.files()?.filter(|file| deletion.deletes(file.kind));
    // If objects differ only in their compression, Barman sees only the one listed last.
    let seen: BTreeMap<WalKind, LoggedFile> = going.map(|file| (file.kind, file)).collect();
    let sums = seen.values().map(|file| Sums { objects: 1, bytes: file.bytes });
    Some(sums.fold(Sums::default(), Sums::plus))
}
