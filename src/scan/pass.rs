//! One pass over an archive.

use std::collections::BTreeSet;
use std::sync::Arc;

use archive_listing::ListingError;
use archive_store::{ErrorScope, ObjectStore, StorageError};
use barman_archive::inventory::{Inventory, SmallFiles};
use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tracing::{info, warn};

use super::listing_memory::{ListingMemory, Scope, Way};
use super::reading::{BackupPlace, FilesRead};
use super::rescan::backups;
use super::uploads::UploadsAsked;
use super::wal_dirs::AskedWalDirs;
use super::{Clock, ScanLimits};
use crate::assess::{Assessment, Expectations, ScanFindings, assess};
use crate::report::Report;

/// What is remembered from one pass to the next.
#[derive(Debug, Default)]
pub struct Knowledge {
    /// What was listed; `None` before the first pass, and where a listing left doubt.
    usage: Option<ListingMemory>,
    way: Way,
    scope: Scope,
    files: FilesRead,
    asked: AskedWalDirs,
    /// Backups that were said to have lost WAL the last time.
    losses: BTreeSet<BackupPlace>,
    uploads: UploadsAsked,
}

/// What one pass works on.
#[derive(Debug)]
pub struct Pass<'a, S> {
    /// The archive's configured name, for the log.
    pub archive: &'a str,
    /// Where its objects are.
    pub store: &'a Arc<S>,
    /// What all its keys begin with: empty, or ending in a slash.
    pub prefix: &'a str,
    /// What it may take.
    pub limits: ScanLimits,
    /// What an operator expects of it.
    pub expected: &'a Expectations,
}

impl<S: ObjectStore + 'static> Pass<'_, S> {
    /// Lists the archive, reads what is new, and judges it.
    ///
    /// The first pass lists everything; later ones what can have changed, where that is worth it.
    ///
    /// # Errors
    /// When anything that the report needs could not be had; then there is no report, as half a
    /// listing looks like lost backups.
    pub async fn run(
        &self,
        knowledge: &mut Knowledge,
        clock: &Clock,
    ) -> Result<Report, StorageError> {
        let listed_at = clock();
        let ends_at = Instant::now() + self.limits.timeout;
        knowledge.files.begin();
        knowledge.asked.forget_older_than(self.limits.audit_period, listed_at);
        self.list_archive(knowledge, listed_at).await?;
        let Knowledge { usage: Some(usage), files, asked, losses, uploads, scope, .. } = knowledge
        else {
            return Err(archive_listing::internal("the usage that was taken is not there"));
        };
        let inventory = &mut usage.inventory;
        self.read_files(inventory, files, listed_at).await?;
        let found = (&*inventory, &files.files);
        let is_whole = *scope == Scope::Everything;
        let uploads = self.find_uploads(uploads, (found, is_whole), ends_at).await;
        let judge = |inventory: &Inventory, files: &SmallFiles| {
            let findings = ScanFindings {
                inventory,
                files,
                listed_at,
                audited_at: inventory.oldest_listing().map_or(listed_at, |at| at.min(listed_at)),
                uploads: uploads.all.as_deref(),
                uploads_of_backups: &uploads.of_backups,
                is_whole,
            };
            assess(&findings, self.expected, clock())
        };
        let mut assessment = judge(inventory, &files.files);
        // Which cluster wrote a WAL directory decides what is lost.
        if self.list_lacking_wal_dirs(&assessment, asked, inventory, listed_at).await {
            assessment = judge(inventory, &files.files);
        }
        if self
            .recheck_lost_wal(&assessment.report, losses, inventory, &mut files.files, listed_at)
            .await?
        {
            assessment = judge(inventory, &files.files);
        }
        if self.list_lacking_wal_dirs(&assessment, asked, inventory, listed_at).await {
            assessment = judge(inventory, &files.files);
        }
        Ok(assessment.report)
    }

    /// Lists the WAL directories again on whose files missing sums, or the limits of clusters, depend; returns
    /// whether that yields anything new. If it fails, the sums stay absent.
    async fn list_lacking_wal_dirs(
        &self,
        assessment: &Assessment,
        asked: &mut AskedWalDirs,
        inventory: &mut Inventory,
        listed_at: DateTime<Utc>,
    ) -> bool {
        match self.list_logs_again(&assessment.wal_dirs_to_list, inventory, listed_at).await {
            Ok(says_more) => {
                if says_more {
                    asked.note(&assessment.wal_dirs_to_list, listed_at);
                }
                says_more
            }
            Err(error) => {
                let (archive, error) = (self.archive, error.with_causes());
                info!(
                    archive,
                    error, "WAL directories could not be listed again: sums are missing"
                );
                false
            }
        }
    }

    async fn list_archive(
        &self,
        knowledge: &mut Knowledge,
        listed_at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let Knowledge { usage, way, scope, files, asked, .. } = knowledge;
        if let (Some(known), Way::Parallel(order), Scope::Everything) =
            (usage.as_mut(), *way, *scope)
            && self.may_rescan(known, listed_at)
            && let Some(suspects) = self.plan_of_rescan(known, listed_at)
        {
            let known = (known, suspects);
            match self.rescan(known, (files, asked), order, listed_at).await {
                Ok(()) => return Ok(()),
                // The credentials may not list the same as before.
                Err(ListingError::Failed(error)) if error.reach() == ErrorScope::RefusedCall => {}
                Err(ListingError::Failed(error)) => return Err(error),
                Err(ListingError::OutOfOrder(why)) => {
                    let archive = self.archive;
                    warn!(archive, why, "What changed cannot be told: everything is listed");
                }
            }
        }
        // What was known is in doubt until everything was listed, and takes memory.
        let before = usage.take();
        let mut whole = self.list_allowed((way, scope), asked, listed_at).await?;
        self.read_new_files(&whole.inventory, files).await?;
        whole.backups = backups(&whole.inventory, &files.files);
        if let Some(before) = before {
            whole.take_over(before);
        }
        *usage = Some(whole);
        Ok(())
    }

    /// Returns whether to list only what can have changed if that takes fewer requests: listing everything
    /// costs more than every scan may take, and what is known is of before now. After a clock was set back,
    /// WAL directories would be left alone for as long.
    fn may_rescan(&self, known: &ListingMemory, now: DateTime<Utc>) -> bool {
        let objects = usize::try_from(known.inventory.total().sums.objects).unwrap_or(usize::MAX);
        let pages = u32::try_from(objects / self.limits.page.max(1)).unwrap_or(u32::MAX);
        known.whole_requests.min(pages) > self.limits.full_scan_requests && known.listed_at <= now
    }
}
