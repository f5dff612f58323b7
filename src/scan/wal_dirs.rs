//! Listing of single WAL directories whose files were forgotten.

use std::collections::{BTreeMap, BTreeSet};

use archive_store::{ObjectStore, StorageError};
use barman_archive::barman::wal_directory;
use barman_archive::inventory::{Inventory, WalDirInventory};
use barman_archive::postgres::WalDir;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use tracing::info;

use super::ScanContext;

/// Most WAL directories that are remembered; others are listed in each scan.
///
/// Their packed files take about 6 MiB, as most WAL directories have 256.
const MOST_REMEMBERED: usize = 4096;

/// WAL directories that an assessment asked for, each with the moment at which it was listed.
///
/// The inventory keeps the files of these beyond its memory limit. Otherwise each scan of many
/// servers would list one WAL directory of each again.
#[derive(Debug, Default)]
pub(super) struct WalDirRequests {
    listed_at: BTreeMap<(String, WalDir), DateTime<Utc>>,
}

/// One WAL directory as it was just listed.
struct ListedWalDir {
    server: String,
    wal_dir: WalDir,
    /// Content; `None` if it is empty.
    content: Option<Box<WalDirInventory>>,
}

impl WalDirRequests {
    /// Forgets requests from before the audit period, so that the memory goes to the WAL directories
    /// that are asked for now.
    pub(super) fn forget_outdated<S>(&mut self, context: &ScanContext<'_, S>) {
        let (now, period) = (context.started_at, context.limits.audit_period);
        self.listed_at
            .retain(|_, listed_at| (now - *listed_at).to_std().is_ok_and(|age| age < period));
    }

    /// The WAL directories whose files must be kept, each with its server.
    pub(super) fn names(&self) -> BTreeSet<(String, WalDir)> {
        self.listed_at.keys().cloned().collect()
    }

    /// Lists the WAL directories that an assessment asks for; returns true if there were any.
    ///
    /// A failure is logged and returns false: then the sums that depend on them stay absent.
    pub(super) async fn list<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        wanted: &BTreeSet<(String, WalDir)>,
        inventory: &mut Inventory,
    ) -> bool {
        if wanted.is_empty() {
            return false;
        }
        match list_wal_dirs(context, wanted).await {
            Ok(listed) => {
                replace(inventory, listed);
                self.remember(wanted, context.started_at);
                true
            }
            Err(error) => {
                info!(
                    target: "scan",
                    archive = context.archive,
                    error = error.with_causes(),
                    "WAL directories could not be listed again: some sums are missing"
                );
                false
            }
        }
    }

    fn remember(&mut self, listed: &BTreeSet<(String, WalDir)>, now: DateTime<Utc>) {
        let free = MOST_REMEMBERED.saturating_sub(self.listed_at.len());
        for wal_dir in listed.iter().take(free) {
            self.listed_at.insert(wal_dir.clone(), now);
        }
    }
}

async fn list_wal_dirs<S: ObjectStore + 'static>(
    context: &ScanContext<'_, S>,
    wanted: &BTreeSet<(String, WalDir)>,
) -> Result<Vec<ListedWalDir>, StorageError> {
    // One by one: a request takes kilobytes from the moment it is created.
    stream::iter(wanted.clone())
        .map(|(server, wal_dir)| list_wal_dir(context, server, wal_dir))
        .buffer_unordered(context.concurrency())
        .try_collect()
        .await
}

async fn list_wal_dir<S: ObjectStore + 'static>(
    context: &ScanContext<'_, S>,
    server: String,
    wal_dir: WalDir,
) -> Result<ListedWalDir, StorageError> {
    let mut inventory = context.list_few(&wal_directory(&server, wal_dir)).await?;
    let listed = inventory.directories.get_mut(&server);
    let found = listed.and_then(|directory| directory.wal.dirs.remove(&wal_dir));
    Ok(ListedWalDir {
        server,
        wal_dir,
        content: found,
    })
}

fn replace(inventory: &mut Inventory, listed: Vec<ListedWalDir>) {
    for ListedWalDir {
        server,
        wal_dir,
        content,
    } in listed
    {
        if let Some(known) = inventory.directories.get_mut(&server) {
            known.wal.replace_wal_dir(wal_dir, content);
        }
    }
}
