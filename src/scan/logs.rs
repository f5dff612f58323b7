//! Listing single logs again.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};

use crate::inventory::Inventory;
use crate::postgres::LogName;
use crate::storage::{ObjectStore, StorageError};

use super::Pass;
use super::listing::take_stock;

impl<S: ObjectStore + 'static> Pass<'_, S> {
    /// Lists logs once more whose files were forgotten as there were too many, and are asked for:
    /// where what is needed of a timeline begins or ends within a log. `true` if there are any.
    pub(super) async fn list_logs_again(
        &self,
        lacking: &BTreeSet<(String, LogName)>,
        inventory: &mut Inventory,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let logs: Vec<_> = stream::iter(lacking.clone())
            .map(async |(directory, log): (String, LogName)| {
                let below = format!("{directory}/wals/{log}/");
                let fresh = take_stock(self.store.as_ref(), self.prefix, &below, now).await?;
                Ok::<_, StorageError>((directory, log, fresh))
            })
            .buffer_unordered(self.limits.concurrency.max(1))
            .try_collect()
            .await?;
        for (directory, log, mut fresh) in logs {
            let found = fresh.directories.get_mut(&directory);
            let found = found.and_then(|directory| directory.wal.logs.remove(&log));
            if let Some(known) = inventory.directories.get_mut(&directory) {
                known.wal.replace_log(log, found);
            }
        }
        Ok(!lacking.is_empty())
    }
}
