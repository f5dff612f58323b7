//! One pass over an archive.

use std::collections::BTreeSet;

use crate::inventory::{Files, Inventory};
use crate::report::{Expectations, Report, ScanFindings, build};
use crate::storage::{ObjectStore, StorageError};

use super::Clock;
use super::listing::take_stock;
use super::reading::{BackupPlace, FilesRead};

/// What is remembered from one pass to the next.
#[derive(Debug, Default)]
pub struct Knowledge {
    files: FilesRead,
    /// Backups that were said to have lost WAL the last time.
    losses: BTreeSet<BackupPlace>,
    /// Whether the store refused to list unfinished uploads the last time.
    uploads_are_refused: bool,
}

/// What one pass works on.
#[derive(Debug)]
pub struct Pass<'a, S> {
    /// The archive's configured name, for the log.
    pub archive: &'a str,
    /// Where its objects are.
    pub store: &'a S,
    /// What all its keys begin with: empty, or ending in a slash.
    pub prefix: &'a str,
    /// How many requests may be under way at once.
    pub concurrency: usize,
    /// What an operator expects of it.
    pub expected: &'a Expectations,
}

impl<S: ObjectStore> Pass<'_, S> {
    /// Lists the archive to its end, reads what is new, and judges it.
    ///
    /// # Errors
    /// When anything that the report needs could not be had; then there is no report, as half a
    /// listing looks like lost backups.
    pub async fn run(
        &self,
        knowledge: &mut Knowledge,
        clock: &Clock,
    ) -> Result<Report, StorageError> {
        let audited_at = clock();
        let mut inventory = take_stock(self.store, self.prefix, "").await?;
        self.read_files(&mut inventory, &mut knowledge.files).await?;
        let uploads = self.find_uploads(&mut knowledge.uploads_are_refused).await?;
        let judge = |inventory: &Inventory, files: &Files| {
            let uploads = uploads.as_deref();
            let findings = ScanFindings { inventory, files, audited_at, uploads };
            build(&findings, self.expected, clock())
        };
        let Knowledge { files, losses, .. } = knowledge;
        let mut report = judge(&inventory, &files.files);
        if self.confirm_losses(&report, losses, &mut inventory, &mut files.files).await? {
            report = judge(&inventory, &files.files);
        }
        if self.list_logs_again(&report.lacking, &mut inventory).await? {
            report = judge(&inventory, &files.files);
        }
        Ok(report)
    }
}
