//! Multipart uploads that nobody finished.

use chrono::{DateTime, Utc};

use crate::inventory::UnfinishedUpload;

/// Unfinished uploads of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadSums {
    /// How many.
    pub count: u64,
    /// Bytes of the parts that they have stored; `None` where the store does not say for each.
    pub bytes: Option<u64>,
    /// When the oldest was begun; `None` without any, or where the store does not say.
    pub oldest_at: Option<DateTime<Utc>>,
}

impl Default for UploadSums {
    fn default() -> Self {
        Self { count: 0, bytes: Some(0), oldest_at: None }
    }
}

/// One unfinished upload, and what it has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadFinding {
    /// The upload.
    pub upload: UnfinishedUpload,
    /// Bytes of its parts; `None` where the store does not say.
    pub bytes: Option<u64>,
}

impl UploadSums {
    /// Counts one upload.
    pub fn add(&mut self, finding: &UploadFinding) {
        self.count += 1;
        self.bytes = self.bytes.zip(finding.bytes).map(|(sum, bytes)| sum.saturating_add(bytes));
        let begun = finding.upload.initiated_at;
        self.oldest_at = self.oldest_at.into_iter().chain(begun).min();
    }
}
