//! Sequence of one scan.

use archive_store::{ObjectStore, StorageError};
use barman_archive::inventory::Inventory;
use tokio::time::Instant;

use super::ScanContext;
use super::listing::{ArchiveListing, ListedArchive};
use super::lost_wal::LostWalRecheck;
use super::small_files::SmallFileReader;
use super::uploads::{UploadSearch, UploadsFound};
use super::wal_dirs::WalDirRequests;
use crate::assess::{Assessment, ScanFindings, assess};
use crate::evidence::ArchiveEvidence;
use crate::report::Report;

/// Scan of one archive, with everything that it remembers from one run to the next.
#[derive(Debug, Default)]
pub struct ArchiveScan {
    listing: ArchiveListing,
    files: SmallFileReader,
    uploads: UploadSearch,
    wal_dirs: WalDirRequests,
    lost_wal: LostWalRecheck,
}

impl ArchiveScan {
    /// Lists the archive, reads what is new, and assesses it.
    ///
    /// The first run lists everything. Later runs list only what can have changed, if that takes
    /// fewer requests.
    ///
    /// # Errors
    /// Fails if anything that the report needs cannot be read. There is no report then, as half a
    /// listing looks like lost backups.
    pub async fn run<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
    ) -> Result<Report, StorageError> {
        let ends_at = Instant::now() + context.limits.timeout;
        self.files.start_scan();
        self.wal_dirs.forget_outdated(context);

        let ListedArchive {
            inventory,
            is_whole,
        } = self
            .listing
            .list(context, &mut self.files, &self.wal_dirs)
            .await?;
        self.files.read_all(context, inventory).await?;
        let archive = ListedArchive {
            inventory,
            is_whole,
        };
        let uploads = self
            .uploads
            .search(context, &archive, self.files.contents(), ends_at)
            .await;
        let inventory = archive.inventory;
        let assessor = Assessor {
            context,
            uploads: &uploads,
            is_whole,
        };

        let mut assessment = assessor.assess(inventory, &self.files);
        // The cluster that wrote a WAL directory decides what counts as lost.
        if self
            .wal_dirs
            .list(context, &assessment.wal_dirs_to_list, inventory)
            .await
        {
            assessment = assessor.assess(inventory, &self.files);
        }
        if self
            .lost_wal
            .recheck(context, &assessment.report, inventory, &mut self.files)
            .await?
        {
            assessment = assessor.assess(inventory, &self.files);
        }
        if self
            .wal_dirs
            .list(context, &assessment.wal_dirs_to_list, inventory)
            .await
        {
            assessment = assessor.assess(inventory, &self.files);
        }
        if let Some(contents) = context.contents {
            contents.scanned(assessment.targets);
        }
        Ok(assessment.report)
    }

    /// Assesses what the last run listed and read once more, by what is known of the contents by now.
    /// Only WAL directories are listed again, if they are needed for moments that were forgotten.
    /// Unfinished uploads are unknown. `None` if the last run failed.
    pub async fn assess_again<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
    ) -> Option<Report> {
        let ListedArchive {
            inventory,
            is_whole,
        } = self.listing.last()?;
        let uploads = UploadsFound::default();
        let assessor = Assessor {
            context,
            uploads: &uploads,
            is_whole,
        };
        let assessment = assessor.assess(inventory, &self.files);
        let to_list = &assessment.wal_dirs_to_list;
        if self.wal_dirs.list(context, to_list, inventory).await {
            return Some(assessor.assess(inventory, &self.files).report);
        }
        Some(assessment.report)
    }
}

/// Assesses a scan, as often as it reads more.
struct Assessor<'a, S> {
    context: &'a ScanContext<'a, S>,
    uploads: &'a UploadsFound,
    is_whole: bool,
}

impl<S> Assessor<'_, S> {
    fn assess(&self, inventory: &Inventory, files: &SmallFileReader) -> Assessment {
        let mut assessment = None;
        if let Some(contents) = self.context.contents {
            contents.read(&mut |evidence| {
                assessment = Some(self.assess_with(inventory, files, Some(evidence)));
            });
        }
        assessment.unwrap_or_else(|| self.assess_with(inventory, files, None))
    }

    fn assess_with(
        &self,
        inventory: &Inventory,
        files: &SmallFileReader,
        evidence: Option<&ArchiveEvidence>,
    ) -> Assessment {
        let listed_at = self.context.started_at;
        let audited_at = match inventory.oldest_listing() {
            Some(oldest) => oldest.min(listed_at),
            None => listed_at,
        };
        let findings = ScanFindings {
            inventory,
            files: files.contents(),
            listed_at,
            audited_at,
            uploads: self.uploads.all.as_deref(),
            uploads_of_backups: &self.uploads.of_backups,
            is_whole: self.is_whole,
            evidence,
        };
        let now = (self.context.clock)();
        assess(&findings, self.context.expected, now)
    }
}
