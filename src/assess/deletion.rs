//! Objects that Barman would delete now.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::{DirectoryInventory, Sums, WalDirInventory, WalObjectKind};
use barman_archive::postgres::WalDir;
use barman_archive::retention::{CatalogBackup, RetentionStatus, WalDeletion, deletion};

use crate::report::{DeletionReport, ServerReport};

/// Sums what would be deleted; `None` if this requires the individual files of WAL directories whose
/// files have been forgotten: these directories are added to `to_list`.
pub(super) fn deletion_report(
    directory: &DirectoryInventory,
    server: &ServerReport,
    catalog: &[CatalogBackup],
    statuses: &BTreeMap<String, RetentionStatus>,
    to_list: &mut BTreeSet<WalDir>,
) -> Option<DeletionReport> {
    let deletion = deletion(catalog, statuses);
    let mut wal = Sums::default();
    let mut is_known = true;
    for (name, wal_dir) in &directory.wal.dirs {
        if let Some(deleted) = deleted_wal(*name, wal_dir, &deletion.wal) {
            wal.add(deleted);
        } else {
            to_list.insert(*name);
            is_known = false;
        }
    }
    if !is_known {
        return None;
    }
    let mut all = wal;
    let deleted: BTreeSet<&String> = deletion.backups.iter().collect();
    for backup in &server.backups {
        let Some(info) = &backup.info else { continue };
        let Some(inventory) = directory.backups.get(&backup.id) else {
            continue;
        };
        if deleted.contains(&backup.id) {
            all.add(inventory.own_objects(info).sums);
        }
    }
    Some(DeletionReport {
        backups: deletion.backups,
        all,
        wal,
    })
}

/// Objects of a WAL directory that are deleted; `None` if that requires its files and they have
/// been forgotten.
fn deleted_wal(name: WalDir, wal_dir: &WalDirInventory, deletion: &WalDeletion) -> Option<Sums> {
    if deletion.sweeps(name.timeline, name.high) {
        return Some(wal_dir.usage.sums);
    }
    let runs = deletion.deleted_segments(name.timeline, name.high);
    if runs.is_empty() && wal_dir.irregularities().partials.is_empty() {
        return Some(Sums::default());
    }
    let mut sums = Sums::default();
    let is_whole = runs
        .iter()
        .any(|run| run.first == 0 && run.last >= u64::from(u32::MAX));
    if is_whole && wal_dir.irregularities().duplicates == 0 {
        for kind in [
            WalObjectKind::Segment,
            WalObjectKind::Partial,
            WalObjectKind::Label,
        ] {
            sums.add(wal_dir.of(kind));
        }
        return Some(sums);
    }
    // If objects differ only in their compression, Barman sees only the one listed last.
    let mut seen = BTreeMap::new();
    for file in wal_dir.files()? {
        if deletion.deletes(file.kind) {
            seen.insert(file.kind, file.bytes);
        }
    }
    for bytes in seen.into_values() {
        sums.add(Sums { objects: 1, bytes });
    }
    Some(sums)
}
