//! Input of an assessment: everything that one scan read.

use std::collections::BTreeMap;

use barman_archive::inventory::{Inventory, SmallFiles};
use chrono::{DateTime, Utc};

use crate::evidence::ArchiveEvidence;
use crate::report::UploadFinding;

/// Everything that one scan read.
#[derive(Debug)]
pub struct ScanFindings<'a> {
    /// Listed objects.
    pub inventory: &'a Inventory,
    /// Contents of the small files.
    pub files: &'a SmallFiles,
    /// Start of the scan that listed everything that can have changed.
    pub listed_at: DateTime<Utc>,
    /// Oldest moment at which any part of the inventory was listed.
    pub audited_at: DateTime<Utc>,
    /// Unfinished uploads, with keys relative to the destination path; `None` if the store does not
    /// list them.
    pub uploads: Option<&'a [UploadFinding]>,
    /// Bytes of the unfinished uploads to a backup, by its directory with a trailing slash, where
    /// the uploads to that backup are known although not all uploads are; `None` for bytes that the
    /// store does not report.
    pub uploads_of_backups: &'a BTreeMap<String, Option<u64>>,
    /// True if everything below the destination path was listed.
    pub is_whole: bool,
    /// What is known of the contents; `None` if they are not verified.
    pub evidence: Option<&'a ArchiveEvidence>,
}
