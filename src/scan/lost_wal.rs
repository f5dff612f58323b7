//! Second look at backups before a loss of WAL is reported.

use std::collections::BTreeSet;

use archive_store::{ObjectStore, StorageError};
use barman_archive::inventory::Inventory;
use barman_archive::recovery::{Obstacle, Verdict};

use super::ScanContext;
use super::small_files::{BackupPlace, SmallFileReader};
use crate::report::Report;

/// Backups whose loss of WAL was checked again, and reported.
#[derive(Debug, Default)]
pub(super) struct LostWalRecheck {
    reported: BTreeSet<BackupPlace>,
}

impl LostWalRecheck {
    /// Lists backups again whose loss of WAL would be reported for the first time; returns true if
    /// there are any.
    ///
    /// Retention deletes a backup and then its WAL. If it ran during the scan, the backup may have
    /// been listed, and its WAL not any more.
    pub(super) async fn recheck<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        report: &Report,
        inventory: &mut Inventory,
        files: &mut SmallFileReader,
    ) -> Result<bool, StorageError> {
        let lost = backups_with_lost_wal(report);
        let new: Vec<_> = lost.difference(&self.reported).cloned().collect();
        let has_new = !new.is_empty();
        files.list_again(context, new, inventory).await?;
        // After the listing, as one that failed has checked nothing.
        self.reported = lost;
        Ok(has_new)
    }
}

fn backups_with_lost_wal(report: &Report) -> BTreeSet<BackupPlace> {
    let mut lost = BTreeSet::new();
    for (directory, server) in &report.servers {
        for (id, verdict) in &server.recovery.verdict.backups {
            if is_lost(&verdict.thawed) {
                lost.insert(BackupPlace {
                    directory: directory.clone(),
                    id: id.clone(),
                });
            }
        }
    }
    lost
}

const fn is_lost(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Consistent(obstacle) | Verdict::Broken(obstacle) => {
            matches!(obstacle, Obstacle::MissingSegment(_))
        }
        Verdict::Recoverable | Verdict::Blocked(_) | Verdict::Waiting(_) => false,
    }
}
