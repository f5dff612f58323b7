//! Search for unfinished multipart uploads: a side question, which never fails a scan.
//!
//! Stores differ in what they list: everything below a prefix, uploads of one exact key, or nothing.
//! The question has a share of the scan's time; what is not answered by then is unknown, not zero.

mod candidates;
mod question;

use std::collections::{BTreeMap, BTreeSet};

use archive_store::{ObjectStore, StorageError, UploadCoverage};
use barman_archive::inventory::{SmallFiles, UnfinishedUpload};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use self::candidates::{UploadCandidate, unfinished_backups};
use self::question::{MOST_KEYS, UploadQuestion, took_too_long};
use super::ScanContext;
use super::listing::ListedArchive;
use crate::report::UploadFinding;

/// Search for unfinished uploads, which remembers what the store can tell about them.
#[derive(Debug, Default)]
pub(super) struct UploadSearch {
    /// True if the log says that uploads are unknown, and they have not been known since.
    is_unknown_logged: bool,
    /// Keys that the store covers when asked for a prefix.
    coverage: UploadCoverage,
    /// Directories of the backups for whose keys an empty answer was checked.
    checked: BTreeSet<String>,
}

/// Unfinished uploads, as far as they are known. Keys are relative to the archive's prefix.
#[derive(Debug, Default)]
pub(super) struct UploadsFound {
    /// All unfinished uploads; `None` if they are not known.
    pub(super) all: Option<Vec<UploadFinding>>,
    /// Bytes of the uploads to a backup, by its directory with a slash, if only the uploads to
    /// backups are known; `None` for bytes that the store does not report.
    pub(super) of_backups: BTreeMap<String, Option<u64>>,
}

/// Uploads to ask for.
#[derive(Debug)]
struct WantedUploads {
    /// Prefixes below which all uploads are wanted.
    prefixes: Vec<String>,
    /// Backups whose uploads are wanted in any case.
    unfinished: Vec<UploadCandidate>,
}

impl UploadSearch {
    /// Lists the archive's unfinished uploads and sums their parts.
    ///
    /// Any failure leaves them unknown, which is not the same as none. The log says so once, and
    /// again only after they were known in between.
    pub(super) async fn search<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        archive: &ListedArchive<'_>,
        files: &SmallFiles,
        scan_ends_at: Instant,
    ) -> UploadsFound {
        let prefixes = if archive.is_whole {
            vec![context.prefix.to_owned()]
        } else {
            context.expected_prefixes()
        };
        let unfinished = unfinished_backups(archive.inventory, files);
        let wanted = WantedUploads {
            prefixes,
            unfinished,
        };
        let mut question = UploadQuestion::new(context, scan_ends_at);
        let found = self.ask(&mut question, &wanted).await;
        if let Some(problem) = &question.problem
            && !self.is_unknown_logged
        {
            warn!(
                target: "scan",
                archive = context.archive,
                error = problem.with_causes(),
                "Unfinished uploads, or the storage that they use, are unknown"
            );
        }
        self.is_unknown_logged = question.problem.is_some();
        found
    }

    async fn ask<S: ObjectStore + 'static>(
        &mut self,
        question: &mut UploadQuestion<'_, S>,
        wanted: &WantedUploads,
    ) -> UploadsFound {
        let listed = match timeout_at(question.until, self.list_all(question, wanted)).await {
            Ok(listed) => listed,
            Err(_) => Err(took_too_long()),
        };
        match listed {
            Ok(Some(uploads)) => {
                let all = Some(question.sum(uploads).await);
                UploadsFound {
                    all,
                    of_backups: BTreeMap::new(),
                }
            }
            Ok(None) => {
                let of_backups = question.list_by_backup(&wanted.unfinished).await;
                UploadsFound {
                    all: None,
                    of_backups,
                }
            }
            Err(error) => {
                question.problem = Some(error);
                UploadsFound::default()
            }
        }
    }

    /// Lists every upload; `None` if the store lists uploads only by exact keys.
    async fn list_all<S: ObjectStore + 'static>(
        &mut self,
        question: &UploadQuestion<'_, S>,
        wanted: &WantedUploads,
    ) -> Result<Option<Vec<UnfinishedUpload>>, StorageError> {
        if self.coverage == UploadCoverage::ExactKey {
            return Ok(None);
        }
        let context = question.context;
        let mut uploads = Vec::new();
        for prefix in &wanted.prefixes {
            let listing = context.store.list_uploads(prefix).await?;
            self.coverage = listing.coverage;
            uploads.extend(listing.uploads);
        }
        if uploads.is_empty() && self.coverage == UploadCoverage::Prefix {
            self.check_empty_answer(question, &wanted.unfinished)
                .await?;
        }
        if self.coverage == UploadCoverage::Prefix {
            return Ok(Some(uploads));
        }
        warn!(
            target: "scan",
            archive = context.archive,
            "The store lists unfinished uploads only by their exact keys: only those of unfinished \
             backups are requested, and their total number is unknown"
        );
        Ok(None)
    }

    /// Checks that an empty answer means that there are no uploads: asks, once for each unfinished
    /// backup, for the keys that uploads to it can have.
    async fn check_empty_answer<S: ObjectStore + 'static>(
        &mut self,
        question: &UploadQuestion<'_, S>,
        unfinished: &[UploadCandidate],
    ) -> Result<(), StorageError> {
        let mut keys = Vec::new();
        for backup in unfinished {
            if !self.checked.contains(&backup.directory) {
                keys.extend(backup.upload_keys(question.context.prefix));
            }
        }
        keys.truncate(MOST_KEYS);
        for upload in question.list_by_key(keys).await? {
            // It may have started just now: then a listing of the directory has it, too.
            let directory = upload
                .key
                .rsplit_once('/')
                .map_or("", |(directory, _)| directory);
            let again = question
                .context
                .store
                .list_uploads(&format!("{directory}/"))
                .await?;
            if again.uploads.is_empty() {
                self.coverage = UploadCoverage::ExactKey;
                return Ok(());
            }
        }
        self.checked = unfinished
            .iter()
            .map(|backup| backup.directory.clone())
            .collect();
        Ok(())
    }
}
