//! Making sure of backups before they are said to have lost WAL.
//!
//! `docs/specification.md`, 1.4.

use std::collections::BTreeSet;

use archive_store::{ObjectStore, StorageError};
use barman_archive::inventory::{Inventory, SmallFiles};
use barman_archive::recovery::{Obstacle, Verdict};
use chrono::{DateTime, Utc};

use super::Pass;
use super::reading::BackupPlace;
use crate::report::Report;

impl<S: ObjectStore + 'static> Pass<'_, S> {
    /// Looks again at backups that are about to be said to have lost WAL, and were not before.
    ///
    /// Retention deletes a backup and then WAL: what was deleted while the scan ran may have been
    /// listed with its backup, and without its WAL. `true` if anything was looked at.
    pub(super) async fn recheck_lost_wal(
        &self,
        report: &Report,
        said_before: &mut BTreeSet<BackupPlace>,
        inventory: &mut Inventory,
        files: &mut SmallFiles,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let lost = with_lost_wal(report);
        let new: Vec<_> = lost.difference(said_before).cloned().collect();
        let is_doubtful = !new.is_empty();
        self.look_again(new, inventory, files, now).await?;
        // Only now: a look that failed has made sure of nothing.
        *said_before = lost;
        Ok(is_doubtful)
    }
}

fn with_lost_wal(report: &Report) -> BTreeSet<BackupPlace> {
    let servers = report.servers.iter();
    let backups = servers.flat_map(|(directory, server)| {
        let verdicts = server.recovery.verdict.backups.iter();
        verdicts.map(move |(id, verdict)| (directory, id, &verdict.thawed))
    });
    let is_lost = |verdict: &Verdict| match verdict {
        Verdict::Consistent(obstacle) | Verdict::Broken(obstacle) => {
            matches!(obstacle, Obstacle::MissingSegment(_))
        }
        Verdict::Recoverable | Verdict::Blocked(_) | Verdict::Waiting(_) => false,
    };
    backups
        .filter(|(_, _, verdict)| is_lost(verdict))
        .map(|(directory, id, _)| BackupPlace { directory: directory.clone(), id: id.clone() })
        .collect()
}
