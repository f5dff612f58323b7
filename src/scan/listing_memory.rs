//! Listing of a whole archive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use archive_listing::{
    KeyRange, ListingError, ParallelListing, Wanted, list_in_any_order, list_plainly, protocol,
};
use archive_store::{ErrorScope, KeyOrder, ObjectStore, StorageError};
use barman_archive::inventory::{Inventory, ListedObject};
use barman_archive::postgres::WalDir;
use chrono::{DateTime, TimeDelta, Utc};
use tracing::{debug, warn};

use super::Pass;
use super::wal_dirs::AskedWalDirs;

/// For how long WAL may go after the backup that it belongs to: deleting a million objects takes a
/// few minutes.
const DELETION_TAKES: TimeDelta = TimeDelta::hours(1);

/// What is remembered of listing an archive.
#[derive(Debug)]
pub(super) struct ListingMemory {
    /// What was listed.
    pub(super) inventory: Inventory,
    /// When the listing began.
    pub(super) listed_at: DateTime<Utc>,
    /// Requests that the last listing of everything took.
    pub(super) whole_requests: u32,
    /// The backups, by server and id, as they were listed. What was found when a backup was looked at
    /// once more is not in it.
    pub(super) backups: BTreeMap<String, BTreeMap<String, BackupBegin>>,
    /// Servers of which backups were deleted lately: when that was seen, and the WAL directory up to which
    /// their WAL goes or may still go.
    pub(super) deletions: BTreeMap<String, (DateTime<Utc>, WalDir)>,
    /// Number of WAL directories that each server had when these were last listed: with some stores, the
    /// empty ones too, of which listing everything says nothing.
    pub(super) directories: BTreeMap<String, usize>,
}

impl ListingMemory {
    fn new(mut inventory: Inventory, whole_requests: u32, listed_at: DateTime<Utc>) -> Self {
        inventory.settle(listed_at);
        Self {
            inventory,
            listed_at,
            whole_requests,
            backups: BTreeMap::new(),
            deletions: BTreeMap::new(),
            directories: BTreeMap::new(),
        }
    }
}

impl ListingMemory {
    /// Takes over what a listing of everything does not say, of what was known before.
    pub(super) fn take_over(&mut self, before: Self) {
        (self.deletions, self.directories) = (before.deletions, before.directories);
        self.tidy(self.listed_at);
    }

    /// Forgets deletions that must have ended before a listing that began now, and servers that are gone.
    pub(super) fn tidy(&mut self, now: DateTime<Utc>) {
        self.deletions.retain(|_, (seen_at, _)| now - *seen_at < DELETION_TAKES);
        self.directories.retain(|name, _| self.inventory.directories.contains_key(name));
    }
}

/// Where a backup begins to need WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BackupBegin {
    /// The WAL directory of its first segment.
    pub(super) wal_dir: WalDir,
    /// Whether the deletion of WAL counts it (`BackupInfo.STATUS_COPY_DONE`).
    pub(super) is_copied: bool,
}

/// How a store can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Ranges of keys at once, in this order.
    Parallel(KeyOrder),
    /// One page after the other.
    Plain,
    /// One page after the other, sorted once all are there.
    Unordered,
}

impl Default for Way {
    fn default() -> Self {
        Self::Parallel(KeyOrder::default())
    }
}

impl Way {
    /// The ways to try, one after the other: the one that was right the last time first.
    fn to_try(self) -> &'static [Self] {
        const BYTES: Way = Way::Parallel(KeyOrder::Bytes);
        const PARTS: Way = Way::Parallel(KeyOrder::Parts);
        match self {
            Self::Parallel(KeyOrder::Bytes) => &[BYTES, PARTS, Self::Plain, Self::Unordered],
            // A store may have been taken for a plain one for what happened while it was listed.
            Self::Parallel(KeyOrder::Parts) | Self::Plain => {
                &[PARTS, BYTES, Self::Plain, Self::Unordered]
            }
            // Changes during a listing cannot put a key after a later one.
            Self::Unordered => &[Self::Unordered],
        }
    }
}

/// Part of the archive that the credentials may list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything below the destination path.
    #[default]
    Everything,
    /// Only `base/` and `wals/` of the expected servers; a listing of everything was refused at
    /// this moment.
    Servers(DateTime<Utc>),
}

impl Scope {
    /// Returns whether to try to list everything: also if that was refused, once `audit_period`
    /// has passed since.
    fn may_be_everything(self, audit_period: Duration, now: DateTime<Utc>) -> bool {
        match self {
            Self::Everything => true,
            Self::Servers(refused_at) => {
                (now - refused_at).to_std().is_ok_and(|age| age >= audit_period)
            }
        }
    }
}

impl<S: ObjectStore + 'static> Pass<'_, S> {
    /// Lists everything that these credentials may list, in a way that the store allows; remembers
    /// both.
    pub(super) async fn list_allowed(
        &self,
        (way, scope): (&mut Way, &mut Scope),
        asked: &AskedWalDirs,
        listed_at: DateTime<Utc>,
    ) -> Result<ListingMemory, StorageError> {
        if !scope.may_be_everything(self.limits.audit_period, listed_at) {
            let servers = self.prefixes_of_servers();
            return self.list_everything(way, &servers, asked, listed_at).await;
        }
        let everything = vec![self.prefix.to_owned()];
        match self.list_everything(way, &everything, asked, listed_at).await {
            Err(error) if error.reach() == ErrorScope::RefusedCall => {
                self.list_servers((way, scope), error, asked, listed_at).await
            }
            result => {
                *scope = Scope::Everything;
                result
            }
        }
    }

    /// Lists only the expected servers, after a listing of everything was refused. If this
    /// succeeds, it is remembered, and the log says so once.
    async fn list_servers(
        &self,
        (way, scope): (&mut Way, &mut Scope),
        refusal: StorageError,
        asked: &AskedWalDirs,
        listed_at: DateTime<Utc>,
    ) -> Result<ListingMemory, StorageError> {
        if self.expected.servers.is_none() {
            let advice = "or name the servers under `servers` of this archive: then it is enough \
                          to list `base/` and `wals/` of each";
            return Err(refusal.or_else(advice));
        }
        let servers = self.prefixes_of_servers();
        let usage = self.list_everything(way, &servers, asked, listed_at).await?;
        if *scope == Scope::Everything {
            let (archive, error) = (self.archive, refusal.with_causes());
            warn!(
                archive,
                error,
                "Only the configured servers can be listed: what else lies below the destination \
                 path is not known"
            );
        }
        *scope = Scope::Servers(listed_at);
        Ok(usage)
    }

    /// Returns `base/` and `wals/` of each expected server, in this order, so that the WAL of every
    /// backup that is seen as done is listed after it.
    pub(super) fn prefixes_of_servers(&self) -> Vec<String> {
        let servers = self.expected.servers.iter().flatten();
        let prefixes = servers
            .flat_map(|name| ["base", "wals"].map(|part| format!("{}{name}/{part}/", self.prefix)));
        prefixes.collect()
    }

    /// Lists everything below some prefixes, in a way that the store allows; remembers that way.
    async fn list_everything(
        &self,
        way: &mut Way,
        prefixes: &[String],
        asked: &AskedWalDirs,
        listed_at: DateTime<Utc>,
    ) -> Result<ListingMemory, StorageError> {
        let before = *way;
        let mut disorder = String::new();
        for tried in before.to_try().iter().copied() {
            match self.list_whole(tried, prefixes, asked, listed_at).await {
                Ok((inventory, requests)) => {
                    if tried != before {
                        self.tell_of_way(tried, &disorder);
                    }
                    *way = tried;
                    return Ok(ListingMemory::new(inventory, requests, listed_at));
                }
                Err(ListingError::Failed(error)) => return Err(error),
                Err(ListingError::OutOfOrder(why)) => {
                    debug!(archive = self.archive, ?tried, why, "The store lists otherwise");
                    disorder = why;
                }
            }
        }
        Err(protocol(format!("the store lists in no order: {disorder}")))
    }

    fn tell_of_way(&self, way: Way, why: &str) {
        let archive = self.archive;
        match way {
            Way::Parallel(_) => {}
            Way::Plain => warn!(
                archive,
                why,
                "The store does not list as S3 does: its listings run one page after the other"
            ),
            Way::Unordered => warn!(
                archive,
                why,
                "The store lists keys in no order: every listing is read to its end and sorted"
            ),
        }
    }

    async fn list_whole(
        &self,
        way: Way,
        prefixes: &[String],
        asked: &AskedWalDirs,
        listed_at: DateTime<Utc>,
    ) -> Result<(Inventory, u32), ListingError> {
        let names = self.expected.nested_names();
        let mut inventory = Inventory::with_names(names).keeping(asked.names());
        let mut requests = 0;
        for prefix in prefixes {
            let sink = |object: &ListedObject| inventory.add(self.relative(object), object);
            requests += self.list_below(prefix, way, listed_at, sink).await?;
        }
        Ok((inventory, requests))
    }

    async fn list_below(
        &self,
        prefix: &str,
        way: Way,
        listed_at: DateTime<Utc>,
        sink: impl FnMut(&ListedObject) + Send,
    ) -> Result<u32, ListingError> {
        match way {
            Way::Parallel(order) => {
                let ranges = vec![KeyRange::below(prefix)];
                let root = prefix.to_owned();
                let listing = ParallelListing { root, ..self.parallel(order, listed_at) };
                listing.list(Wanted { ranges, ..Wanted::default() }, sink).await
            }
            Way::Plain => list_plainly(self.store.as_ref(), prefix, sink).await,
            Way::Unordered => Ok(list_in_any_order(self.store.as_ref(), prefix, sink).await?),
        }
    }

    /// The key of an object behind the destination path and the slash after it.
    pub(super) fn relative<'o>(&self, object: &'o ListedObject) -> &'o str {
        object.key.strip_prefix(self.prefix).unwrap_or_default()
    }

    pub(super) fn parallel(&self, order: KeyOrder, began_at: DateTime<Utc>) -> ParallelListing<S> {
        ParallelListing {
            store: Arc::clone(self.store),
            root: self.prefix.to_owned(),
            order,
            at_once: self.limits.concurrency,
            names: self.expected.nested_names(),
            page: self.limits.page,
            began_at,
            small: self.limits.full_scan_requests,
        }
    }
}
