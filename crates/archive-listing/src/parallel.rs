//! Listing of ranges of keys, many requests at once.

use std::sync::Arc;

use archive_store::{KeyOrder, ListedObject, ObjectStore};
use barman_archive::barman::NestedNames;
use chrono::{DateTime, Utc};

use crate::error::ListingError;
use crate::key_range::KeyRange;
use crate::layout::ArchiveLayout;
use crate::running::RunningListing;

/// Listing of an archive by many requests at once.
#[derive(Debug)]
pub struct ParallelListing<S> {
    /// Store to list.
    pub store: Arc<S>,
    /// Prefix of all keys: empty, or ending in a slash.
    pub root: String,
    /// Server names that contain a slash.
    pub names: NestedNames,
    /// Order in which the store lists keys.
    pub order: KeyOrder,
    /// Most requests under way at once.
    pub concurrency: usize,
    /// Number of objects on a full page.
    pub page_size: usize,
    /// Start of the listing, by the clock that the store's times are compared with.
    pub started_at: DateTime<Utc>,
    /// Number of pages up to which a listing takes at most two requests more than a sequential one.
    pub small_pages: u32,
}

/// Keys to list, and what is known about them.
#[derive(Debug, Default)]
pub struct ListingTask {
    /// Ranges without a key in common.
    pub ranges: Vec<KeyRange>,
    /// Directories that are known to exist, each with its slash.
    pub directories: Vec<String>,
    /// True if the listing may take many requests more than a sequential one from its start.
    pub is_large: bool,
    /// Start of the search for boundaries.
    pub search: BoundarySearch,
}

/// Start of the search for boundaries at which a listing can be divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BoundarySearch {
    /// After the first page.
    #[default]
    AtOnce,
    /// Once much seems to be left; for a listing with known directories.
    WhenLarge,
    /// Never; for a listing whose directories are all known.
    Never,
}

impl<S: ObjectStore + 'static> ParallelListing<S> {
    /// Lists all keys of a task, and passes every object to `sink` once, in no particular order.
    ///
    /// Wherever much seems to be left, the listing is divided while it runs: at directories that
    /// were found, or at a guess. Of each server, `base/` is listed to its end before `wals/`
    /// begins, so that the WAL of every backup that is seen as done is listed after it.
    ///
    /// Returns the number of requests.
    ///
    /// # Errors
    /// Fails if a page cannot be read, or if the store does not list as S3 does. `sink` may have
    /// received some of the objects by then.
    pub async fn list(
        &self,
        task: ListingTask,
        sink: impl FnMut(&ListedObject) + Send,
    ) -> Result<u32, ListingError> {
        let mut running = RunningListing::new(self, task, sink);
        running.finish().await?;
        let store = self.store.as_ref();
        running
            .junctions
            .check(store, self.order, self.started_at)
            .await?;
        Ok(running.requests_sent())
    }

    /// Layout of the archive that is listed.
    pub(crate) fn layout(&self) -> ArchiveLayout {
        ArchiveLayout {
            root: self.root.clone(),
            names: self.names.clone(),
            order: self.order,
        }
    }
}
