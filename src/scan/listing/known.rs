//! Archive as it was listed, and what tells later scans where it can have changed.

use std::collections::BTreeMap;

use barman_archive::inventory::{BackupInventory, Inventory, SmallFiles};
use barman_archive::postgres::WalDir;
use chrono::{DateTime, TimeDelta, Utc};

use crate::scan::ScanContext;

/// Time during which WAL may be deleted after the backup that it belongs to: deleting a million
/// objects takes a few minutes.
const DELETION_TIME: TimeDelta = TimeDelta::hours(1);

/// Archive as it was listed.
#[derive(Debug)]
pub(super) struct KnownArchive {
    /// Objects that were listed.
    pub(super) inventory: Inventory,
    /// Start of the scan that listed them.
    pub(super) listed_at: DateTime<Utc>,
    /// Number of requests that the last listing of everything took.
    pub(super) full_requests: u32,
    /// Backups by server, as the archive was listed. A later look at a single backup changes
    /// nothing here.
    backups: BTreeMap<String, BackupStarts>,
    /// Deletions of WAL that may still run, by server.
    pub(super) deletions: BTreeMap<String, SeenDeletion>,
    /// Number of directories in each server's `wals/` when these were last listed. Some stores list
    /// empty directories, which a listing of everything does not show.
    pub(super) wal_dir_counts: BTreeMap<String, usize>,
}

/// Starts of the backups of one server, by backup id.
type BackupStarts = BTreeMap<String, BackupStart>;

/// Start of a backup in the WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BackupStart {
    /// WAL directory of its first segment.
    wal_dir: WalDir,
    /// True if Barman's deletion of WAL takes the backup into account (`BackupInfo.STATUS_COPY_DONE`).
    is_copied: bool,
}

/// Deletion of a server's backups, which deletes WAL after them.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeenDeletion {
    /// Moment at which the scan saw that a backup was gone.
    seen_at: DateTime<Utc>,
    /// Last WAL directory from which segments may be deleted.
    pub(super) up_to: WalDir,
}

impl KnownArchive {
    /// Creates the memory of a listing of everything.
    pub(super) fn new(
        mut inventory: Inventory,
        full_requests: u32,
        listed_at: DateTime<Utc>,
    ) -> Self {
        inventory.settle(listed_at);
        Self {
            inventory,
            listed_at,
            full_requests,
            backups: BTreeMap::new(),
            deletions: BTreeMap::new(),
            wal_dir_counts: BTreeMap::new(),
        }
    }

    /// Returns whether a rescan is allowed: listing everything takes more requests than every scan
    /// may take, and the last listing is not in the future.
    ///
    /// After a clock was set back, WAL directories would count as recently listed for too long.
    pub(super) fn allows_rescan<S>(&self, context: &ScanContext<'_, S>) -> bool {
        let limits = context.limits;
        let objects = self.inventory.total().sums.objects;
        let objects = usize::try_from(objects).unwrap_or(usize::MAX);
        let pages = u32::try_from(objects / limits.page.max(1)).unwrap_or(u32::MAX);
        let is_large = self.full_requests.min(pages) > limits.full_scan_requests;
        is_large && self.listed_at <= context.started_at
    }

    /// Notes the backups that were listed.
    pub(super) fn note_backups(&mut self, files: &SmallFiles) {
        self.backups = backup_starts(&self.inventory, files);
    }

    /// Takes over what a listing of everything does not show.
    pub(super) fn take_over(&mut self, before: Self) {
        self.deletions = before.deletions;
        self.wal_dir_counts = before.wal_dir_counts;
        self.forget_outdated();
    }

    /// Forgets deletions that had ended before the archive was listed, and servers that are gone.
    pub(super) fn forget_outdated(&mut self) {
        let now = self.listed_at;
        self.deletions
            .retain(|_, deletion| now - deletion.seen_at < DELETION_TIME);
        self.wal_dir_counts
            .retain(|name, _| self.inventory.directories.contains_key(name));
    }

    /// Notes the backups of a new listing, and deletions that the missing ones show.
    pub(super) fn note_deletions(
        &mut self,
        listed: &Inventory,
        files: &SmallFiles,
        now: DateTime<Utc>,
    ) {
        let current = backup_starts(listed, files);
        let none = BackupStarts::new();
        for (name, before) in &self.backups {
            let after = current.get(name).unwrap_or(&none);
            let Some(mut up_to) = end_of_deletion(before, after) else {
                continue;
            };
            if let Some(earlier) = self.deletions.get(name) {
                up_to = up_to.max(earlier.up_to);
            }
            self.deletions.insert(
                name.clone(),
                SeenDeletion {
                    seen_at: now,
                    up_to,
                },
            );
        }
        self.backups = current;
    }
}

/// Returns the last WAL directory from which the deletion of backups may delete WAL; `None` if no
/// backup is gone.
fn end_of_deletion(before: &BackupStarts, after: &BackupStarts) -> Option<WalDir> {
    let mut gone = before.iter().filter(|(id, _)| !after.contains_key(*id));
    let (last_id, last) = gone.next_back()?;
    // Barman deletes WAL before the next copied backup; without one, before the deleted backup.
    let next = after
        .iter()
        .find(|(id, backup)| *id > last_id && backup.is_copied);
    Some(next.map_or(last.wal_dir, |(_, next)| next.wal_dir))
}

fn backup_starts(inventory: &Inventory, files: &SmallFiles) -> BTreeMap<String, BackupStarts> {
    let mut servers = BTreeMap::new();
    for (name, directory) in &inventory.directories {
        let mut starts = BackupStarts::new();
        for (id, backup) in &directory.backups {
            if let Some(start) = backup_start(backup, files) {
                starts.insert(id.clone(), start);
            }
        }
        servers.insert(name.clone(), starts);
    }
    servers
}

/// Returns the start of a backup; `None` if its `backup.info` does not tell.
fn backup_start(backup: &BackupInventory, files: &SmallFiles) -> Option<BackupStart> {
    let info = files.backup_info(backup.info.as_ref()?)?;
    let is_copied = info.status().is_copied();
    Some(BackupStart {
        wal_dir: info.begin_wal()?.into(),
        is_copied,
    })
}
