//! Listing of an archive: everything, or what can have changed since it was listed the last time.
//!
//! A rescan keeps what is known of a WAL directory unless there is a reason to list it again: new
//! segments, a deletion, a periodic audit. An archive of a few pages is always listed whole. Half a
//! listing never replaces what is known, and everything is listed again within the audit period.

mod audit;
mod full;
mod known;
mod method;
mod relist_reasons;
mod rescan;
mod wal_plan;
mod wal_ranges;

use archive_listing::ListingError;
use archive_store::{ErrorScope, ObjectStore, StorageError};
use barman_archive::inventory::Inventory;
use tracing::warn;

use self::known::KnownArchive;
use self::method::{ListingMethod, ListingScope};
use self::rescan::Rescan;
use super::ScanContext;
use super::small_files::SmallFileReader;
use super::wal_dirs::WalDirRequests;

/// Listing of one archive, which remembers what it found and how the store can be listed.
#[derive(Debug, Default)]
pub(super) struct ArchiveListing {
    /// Archive as it was listed; `None` before the first listing, and after one that failed.
    known: Option<KnownArchive>,
    method: ListingMethod,
    scope: ListingScope,
}

/// Archive as it was just listed.
#[derive(Debug)]
pub(super) struct ListedArchive<'a> {
    /// Objects that were listed.
    pub(super) inventory: &'a mut Inventory,
    /// True if everything below the destination path was listed; otherwise only `base/` and `wals/`
    /// of the expected servers.
    pub(super) is_whole: bool,
}

impl ArchiveListing {
    /// Archive as it was listed last; `None` if that is not known.
    pub(super) fn last(&mut self) -> Option<ListedArchive<'_>> {
        let is_whole = self.scope == ListingScope::Everything;
        let known = self.known.as_mut()?;
        Some(ListedArchive {
            inventory: &mut known.inventory,
            is_whole,
        })
    }

    /// Brings the inventory up to date.
    pub(super) async fn list<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        files: &mut SmallFileReader,
        requested: &WalDirRequests,
    ) -> Result<ListedArchive<'_>, StorageError> {
        let is_rescanned = self.rescan(context, files, requested).await?;
        if !is_rescanned {
            self.list_everything(context, files, requested).await?;
        }
        self.last().ok_or_else(|| {
            StorageError::internal("the archive was listed, and its inventory is missing")
        })
    }

    /// Lists only what can have changed; returns false if everything must be listed.
    async fn rescan<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        files: &mut SmallFileReader,
        requested: &WalDirRequests,
    ) -> Result<bool, StorageError> {
        let ListingMethod::Parallel(order) = self.method else {
            return Ok(false);
        };
        let Some(known) = &mut self.known else {
            return Ok(false);
        };
        if self.scope != ListingScope::Everything || !known.allows_rescan(context) {
            return Ok(false);
        }
        let Some(rescan) = Rescan::plan(context, order, known, requested) else {
            return Ok(false);
        };
        match rescan.run(files).await {
            Ok(()) => Ok(true),
            // The credentials may not permit the same listings as before.
            Err(ListingError::Failed(error)) if error.scope() == ErrorScope::RefusedCall => {
                Ok(false)
            }
            Err(ListingError::Failed(error)) => Err(error),
            Err(ListingError::OutOfOrder(why)) => {
                warn!(
                    target: "scan",
                    archive = context.archive,
                    why,
                    "The changes cannot be determined: everything is listed"
                );
                Ok(false)
            }
        }
    }

    /// Lists everything anew.
    async fn list_everything<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        files: &mut SmallFileReader,
        requested: &WalDirRequests,
    ) -> Result<(), StorageError> {
        // Until everything is listed, what was known is in doubt, and takes memory.
        let before = self.known.take();
        let mut whole = self.list_permitted(context, requested).await?;
        files.read_new(context, &whole.inventory).await?;
        whole.note_backups(files.contents());
        if let Some(before) = before {
            whole.take_over(before);
        }
        self.known = Some(whole);
        Ok(())
    }
}
