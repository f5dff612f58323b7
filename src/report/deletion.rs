//! Objects that Barman would delete now.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::barman::WalKind;
use barman_archive::inventory::{
    DirectoryInventory, Sums, WalDirFile, WalDirInventory, WalObjectKind,
};
use barman_archive::postgres::WalDir;
use barman_archive::retention::{CatalogBackup, RetentionStatus, WalDeletion, deletion};

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
        catalog: &[CatalogBackup],
        statuses: &BTreeMap<String, RetentionStatus>,
        lacking: &mut BTreeSet<WalDir>,
    ) -> Option<Self> {
        let deletion = deletion(catalog, statuses);
        let mut wal = Some(Sums::default());
        for (name, wal_dir) in &directory.wal.dirs {
            let deleted = deleted(*name, wal_dir, &deletion.wal);
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
fn deleted(name: WalDir, wal_dir: &WalDirInventory, deletion: &WalDeletion) -> Option<Sums> {
    if deletion.sweeps(name.timeline, name.high) {
        return Some(wal_dir.usage.sums);
    }
    let runs = deletion.deleted_segments(name.timeline, name.high);
    if runs.is_empty() && wal_dir.irregularities().partials.is_empty() {
        return Some(Sums::default());
    }
    let is_whole = runs.iter().any(|run| run.first == 0 && run.last >= u64::from(u32::MAX));
    if is_whole && wal_dir.irregularities().duplicates == 0 {
        let kinds = [WalObjectKind::Segment, WalObjectKind::Partial, WalObjectKind::Label];
        return Some(
            kinds.map(|kind| wal_dir.of(kind)).into_iter().fold(Sums::default(), Sums::plus),
        );
    }
    let going = wal_dir.files()?.filter(|file| deletion.deletes(file.kind));
    // If objects differ only in their compression, Barman sees only the one listed last.
    let seen: BTreeMap<WalKind, WalDirFile> = going.map(|file| (file.kind, file)).collect();
    let sums = seen.values().map(|file| Sums { objects: 1, bytes: file.bytes });
    Some(sums.fold(Sums::default(), Sums::plus))
}
