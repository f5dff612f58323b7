//! Taking stock of a whole archive.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tracing::{debug, warn};

use crate::inventory::{Inventory, ListedObject};
use crate::postgres::LogName;
use crate::storage::{ObjectStore, StorageError};

use super::Pass;
use super::key_order::KeyOrder;
use super::key_range::KeyRange;
use super::listing::list_plainly;
use super::parallel::{ParallelListing, Wanted};
use super::part::Stop;

/// What is remembered of listing an archive.
#[derive(Debug)]
pub(super) struct Stock {
    /// What was listed.
    pub(super) inventory: Inventory,
    /// When the listing began.
    pub(super) listed_at: DateTime<Utc>,
    /// Requests that the last listing of everything took.
    pub(super) whole_requests: u32,
    /// Servers of which backups were deleted lately: when that was seen, and the log up to which
    /// their WAL goes or may still go.
    pub(super) deletions: BTreeMap<String, (DateTime<Utc>, LogName)>,
}

/// How a store can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Ranges of keys at once, in this order.
    Parallel(KeyOrder),
    /// One page after the other, whatever the order.
    Plain,
}

impl Default for Way {
    fn default() -> Self {
        Self::Parallel(KeyOrder::default())
    }
}

impl Way {
    /// The way to try when a store turned out not to allow this one.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Parallel(KeyOrder::Bytes) => Self::Parallel(KeyOrder::Parts),
            Self::Parallel(KeyOrder::Parts) | Self::Plain => Self::Plain,
        }
    }
}

impl<S: ObjectStore + 'static> Pass<'_, S> {
    /// Lists everything, in a way that the store allows, which is remembered.
    pub(super) async fn take_whole_stock(
        &self,
        way: &mut Way,
        listed_at: DateTime<Utc>,
    ) -> Result<Stock, StorageError> {
        let mut tried = *way;
        let (mut inventory, whole_requests) = loop {
            match self.list_whole(tried).await {
                Ok(listed) => break listed,
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Disorder(why)) => {
                    debug!(archive = self.archive, ?tried, why, "The store lists otherwise");
                    self.warn_if_plain(tried.next(), &why);
                    tried = tried.next();
                }
            }
        };
        *way = tried;
        inventory.settle(listed_at);
        Ok(Stock { inventory, listed_at, whole_requests, deletions: BTreeMap::new() })
    }

    fn warn_if_plain(&self, way: Way, why: &str) {
        if way == Way::Plain {
            let archive = self.archive;
            warn!(
                archive,
                why,
                "The store does not list as S3 does: its listings run one page after the other"
            );
        }
    }

    async fn list_whole(&self, way: Way) -> Result<(Inventory, u32), Stop> {
        let mut inventory = Inventory::default();
        let sink = |object: &ListedObject| inventory.add(self.relative(object), object);
        let requests = match way {
            Way::Parallel(order) => {
                let ranges = vec![KeyRange::below(self.prefix)];
                self.parallel(order).list(Wanted { ranges, ..Wanted::default() }, sink).await?
            }
            Way::Plain => list_plainly(self.store.as_ref(), self.prefix, sink).await?,
        };
        Ok((inventory, requests))
    }

    /// The key of an object behind the destination path and the slash after it.
    pub(super) fn relative<'o>(&self, object: &'o ListedObject) -> &'o str {
        object.key.strip_prefix(self.prefix).unwrap_or_default()
    }

    pub(super) fn parallel(&self, order: KeyOrder) -> ParallelListing<S> {
        ParallelListing {
            store: Arc::clone(self.store),
            root: self.prefix.to_owned(),
            order,
            at_once: self.limits.concurrency,
            page: self.limits.page,
            small: self.limits.full_scan_requests,
        }
    }
}
