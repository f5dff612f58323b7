//! Reasons to list WAL directories again.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::barman::BackupInfo;
use barman_archive::inventory::{Inventory, SmallFiles};
use barman_archive::postgres::WalDir;
use chrono::TimeDelta;

use super::audit::{Unchanged, due_for_audit};
use super::known::KnownArchive;
use crate::scan::ScanContext;

/// Reasons to list WAL directories of one server again.
#[derive(Clone, Debug, Default)]
pub(super) struct RelistReasons {
    /// Single WAL directories: those in which a new or finished backup began, and those that are
    /// due for an audit.
    pub(super) wal_dirs: BTreeSet<WalDir>,
    /// Last of the WAL directories from which retention deletes or deleted; `None` if it does not.
    pub(super) up_to: Option<WalDir>,
}

/// Reasons by server.
pub(super) type ReasonsByServer = BTreeMap<String, RelistReasons>;

impl RelistReasons {
    /// Reasons of a server without any.
    pub(super) const NONE: Self = Self {
        wal_dirs: BTreeSet::new(),
        up_to: None,
    };

    /// Returns whether there is a reason to list a WAL directory again.
    pub(super) fn apply_to(&self, wal_dir: WalDir) -> bool {
        let may_be_deleted = self.up_to.is_some_and(|up_to| wal_dir <= up_to);
        may_be_deleted || self.wal_dirs.contains(&wal_dir)
    }

    /// Adds the WAL directories in which new and finished backups began.
    ///
    /// When a backup ends, its label arrives in the WAL directory in which it began.
    pub(super) fn add_changed_backups(
        &mut self,
        server: &str,
        known: &Inventory,
        listed: &Inventory,
        files: &SmallFiles,
    ) {
        let Some(directory) = listed.directories.get(server) else {
            return;
        };
        let before = known.directories.get(server);
        for (id, backup) in &directory.backups {
            let Some(info) = &backup.info else { continue };
            let backup_before = before.and_then(|directory| directory.backups.get(id));
            let info_before = backup_before.and_then(|backup| backup.info.as_ref());
            if info_before.is_some_and(|before| before.is_same_version(info)) {
                continue;
            }
            let begin = files.backup_info(info).and_then(BackupInfo::begin_wal);
            self.wal_dirs.extend(begin.map(WalDir::from));
        }
    }
}

/// Returns the reasons that are known before a rescan begins: audits and deletions.
pub(super) fn reasons_before_rescan<S>(
    context: &ScanContext<'_, S>,
    known: &KnownArchive,
) -> ReasonsByServer {
    let mut reasons = audits(context, known);
    for (name, deletion) in &known.deletions {
        reasons.entry(name.clone()).or_default().up_to = Some(deletion.up_to);
    }
    reasons
}

/// Returns the WAL directories that are due for an audit.
fn audits<S>(context: &ScanContext<'_, S>, known: &KnownArchive) -> ReasonsByServer {
    let mut unchanged = Vec::new();
    for (server, directory) in &known.inventory.directories {
        for (name, wal_dir) in &directory.wal.dirs {
            let Some(listed_at) = wal_dir.listed_at else {
                continue;
            };
            unchanged.push(Unchanged {
                listed_at,
                wal_dir: (server.as_str(), *name),
                objects: wal_dir.usage.sums.objects,
            });
        }
    }
    let now = context.started_at;
    let period = TimeDelta::from_std(context.limits.audit_period).unwrap_or(TimeDelta::MAX);
    let since_last_scan = now - known.listed_at;
    let mut reasons = ReasonsByServer::new();
    for (server, wal_dir) in due_for_audit(unchanged, period, since_last_scan, now) {
        reasons
            .entry(server.to_owned())
            .or_default()
            .wal_dirs
            .insert(wal_dir);
    }
    reasons
}
