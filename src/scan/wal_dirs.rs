//! Listing single WAL directories again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use archive_store::{ObjectStore, StorageError};
use barman_archive::inventory::Inventory;
use barman_archive::postgres::WalDir;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};

use super::Pass;
use super::range::list_range;

/// Most WAL directories that are remembered: about 6 MiB of packed files, as most WAL directories have 256. Others are listed each time.
const MOST: usize = 4096;

/// WAL directories that were listed again for their files, and when that was.
///
/// Their files are remembered for as long as that, beyond the memory that there is for others: else each
/// scan of many servers would list one WAL directory of each once more.
#[derive(Debug, Default)]
pub(super) struct AskedWalDirs(BTreeMap<(String, WalDir), DateTime<Utc>>);

impl AskedWalDirs {
    pub(super) fn note(&mut self, wal_dirs: &BTreeSet<(String, WalDir)>, now: DateTime<Utc>) {
        let free = MOST.saturating_sub(self.0.len());
        self.0.extend(wal_dirs.iter().take(free).map(|wal_dir| (wal_dir.clone(), now)));
    }

    /// Forgets those that were listed longer ago: what is needed goes on to other WAL directories.
    pub(super) fn forget_older_than(&mut self, period: Duration, now: DateTime<Utc>) {
        let is_recent = |at: DateTime<Utc>| (now - at).to_std().is_ok_and(|age| age < period);
        self.0.retain(|_, listed_at| is_recent(*listed_at));
    }

    pub(super) fn names(&self) -> BTreeSet<(String, WalDir)> {
        self.0.keys().cloned().collect()
    }
}

impl<S: ObjectStore + 'static> Pass<'_, S> {
    /// Lists WAL directories once more whose files were forgotten as there were too many, and are asked for:
    /// where what is needed of a timeline begins or ends within a WAL directory. `true` if there are any.
    pub(super) async fn list_logs_again(
        &self,
        lacking: &BTreeSet<(String, WalDir)>,
        inventory: &mut Inventory,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let wal_dirs: Vec<_> = stream::iter(lacking.clone())
            .map(async |(directory, wal_dir): (String, WalDir)| {
                let below = format!("{directory}/wals/{wal_dir}/");
                let names = self.expected.nested_names();
                let fresh =
                    list_range(self.store.as_ref(), self.prefix, &below, names, now).await?;
                Ok::<_, StorageError>((directory, wal_dir, fresh))
            })
            .buffer_unordered(self.limits.concurrency.max(1))
            .try_collect()
            .await?;
        for (directory, wal_dir, mut fresh) in wal_dirs {
            let found = fresh.directories.get_mut(&directory);
            let found = found.and_then(|directory| directory.wal.dirs.remove(&wal_dir));
            if let Some(known) = inventory.directories.get_mut(&directory) {
                known.wal.replace_wal_dir(wal_dir, found);
            }
        }
        Ok(!lacking.is_empty())
    }
}
