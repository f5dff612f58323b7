//! Listing single logs again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};

use crate::inventory::Inventory;
use crate::postgres::LogName;
use crate::storage::{ObjectStore, StorageError};

use super::Pass;
use super::listing::take_stock;

/// Most logs that are remembered: about 6 MiB of packed files, as most logs have 256. Others are listed each time.
const MOST: usize = 4096;

/// Logs that were listed again for their files, and when that was.
///
/// Their files are remembered for as long as that, beyond the room there is for others: else each
/// scan of many servers would list one log of each once more.
#[derive(Debug, Default)]
pub(super) struct AskedLogs(BTreeMap<(String, LogName), DateTime<Utc>>);

impl AskedLogs {
    pub(super) fn note(&mut self, logs: &BTreeSet<(String, LogName)>, now: DateTime<Utc>) {
        let room = MOST.saturating_sub(self.0.len());
        self.0.extend(logs.iter().take(room).map(|log| (log.clone(), now)));
    }

    /// Forgets those that were listed longer ago: what is needed goes on to other logs.
    pub(super) fn forget_older_than(&mut self, period: Duration, now: DateTime<Utc>) {
        let is_recent = |at: DateTime<Utc>| (now - at).to_std().is_ok_and(|age| age < period);
        self.0.retain(|_, listed_at| is_recent(*listed_at));
    }

    pub(super) fn names(&self) -> BTreeSet<(String, LogName)> {
        self.0.keys().cloned().collect()
    }
}

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
                let names = self.expected.nested_names();
                let fresh =
                    take_stock(self.store.as_ref(), self.prefix, &below, (names, now)).await?;
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
