//! Archive, limits and expectations of one scan, shared by all its steps.

use std::sync::Arc;
use std::time::Duration;

use archive_listing::{ParallelListing, list_unordered};
use archive_store::{KeyOrder, ObjectStore, StorageError};
use barman_archive::barman::{base_directory, wals_directory};
use barman_archive::inventory::{Inventory, ListedObject};
use chrono::{DateTime, Utc};

use crate::assess::{ArchiveTargets, Expectations};
use crate::clock::Clock;
use crate::evidence::ArchiveEvidence;

/// Limits of a scan.
#[derive(Clone, Copy, Debug)]
pub struct ScanLimits {
    /// Longest duration of a scan.
    pub timeout: Duration,
    /// Longest random delay before a scheduled scan.
    pub jitter: Duration,
    /// Most requests under way at once.
    pub concurrency: usize,
    /// Number of objects on a full page of a listing.
    pub page: usize,
    /// Number of requests up to which every scan lists everything.
    pub full_scan_requests: u32,
    /// Period within which everything is listed at least once, whether or not it seems to have
    /// changed.
    pub audit_period: Duration,
}

/// Verification of an archive's contents, as its scans see it.
pub trait VerifiedContents: Send + Sync {
    /// Shows what is known of the contents.
    fn read(&self, look: &mut dyn FnMut(&ArchiveEvidence));

    /// Receives what a scan found that can be verified.
    fn scanned(&self, targets: ArchiveTargets);
}

/// Archive of one scan, with the limits and expectations that apply to it.
pub struct ScanContext<'a, S> {
    /// Configured name of the archive, for the log.
    pub archive: &'a str,
    /// Store that holds the archive's objects.
    pub store: &'a Arc<S>,
    /// Prefix of all keys of the archive: empty, or ending in a slash.
    pub prefix: &'a str,
    /// Limits of the scan.
    pub limits: ScanLimits,
    /// Expectations of the operator.
    pub expected: &'a Expectations,
    /// What is known of the contents, and who reads them; `None` if they are not verified.
    pub contents: Option<&'a dyn VerifiedContents>,
    /// Clock for the moment of each assessment.
    pub clock: &'a Clock,
    /// Start of the scan. Everything that it lists counts as listed at this moment.
    pub started_at: DateTime<Utc>,
}

impl<S> ScanContext<'_, S> {
    /// Returns the key of an object without the archive's prefix.
    pub(super) fn relative<'o>(&self, object: &'o ListedObject) -> &'o str {
        object.key.strip_prefix(self.prefix).unwrap_or_default()
    }

    /// Returns the prefix of all keys of a server.
    pub(super) fn server_prefix(&self, server: &str) -> String {
        format!("{}{server}/", self.prefix)
    }

    /// Returns the prefix of all keys of a server's WAL.
    pub(super) fn wal_prefix(&self, server: &str) -> String {
        self.prefix.to_owned() + &wals_directory(server)
    }

    /// Prefixes of the expected servers' `base/` and `wals/`.
    ///
    /// `base/` comes first, so that the WAL of every backup that is seen as done is listed after it.
    pub(super) fn expected_prefixes(&self) -> Vec<String> {
        let mut prefixes = Vec::new();
        for server in self.expected.servers.iter().flatten() {
            prefixes.push(self.prefix.to_owned() + &base_directory(server));
            prefixes.push(self.wal_prefix(server));
        }
        prefixes
    }

    /// Most requests that a stream of them may have under way: at least one.
    pub(super) fn concurrency(&self) -> usize {
        self.limits.concurrency.max(1)
    }
}

impl<S: ObjectStore + 'static> ScanContext<'_, S> {
    /// Creates the parallel listing of a store that lists keys in this order.
    pub(super) fn parallel_listing(&self, order: KeyOrder) -> ParallelListing<S> {
        ParallelListing {
            store: Arc::clone(self.store),
            root: self.prefix.to_owned(),
            order,
            concurrency: self.limits.concurrency,
            names: self.expected.nested_names(),
            page_size: self.limits.page,
            started_at: self.started_at,
            small_pages: self.limits.full_scan_requests,
        }
    }

    /// Lists everything below a prefix that is relative to the archive's and holds few objects.
    pub(super) async fn list_few(&self, prefix: &str) -> Result<Inventory, StorageError> {
        let mut inventory = Inventory::with_names(self.expected.nested_names());
        let prefix = format!("{}{prefix}", self.prefix);
        let sink = |object: &ListedObject| inventory.add(self.relative(object), object);
        list_unordered(self.store.as_ref(), &prefix, sink).await?;
        inventory.settle(self.started_at);
        Ok(inventory)
    }
}
