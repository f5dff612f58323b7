//! Multipart uploads that were never finished.

use std::collections::BTreeSet;

use barman_archive::inventory::UnfinishedUpload;
use chrono::{DateTime, TimeDelta, Utc};

/// Longest time for which an upload may stay unfinished: a lifecycle rule that aborts uploads after
/// one day, the shortest setting possible, has taken effect by then.
pub const UNFINISHED_FOR: TimeDelta = TimeDelta::days(2);

/// Maximum number of uploads that are remembered by their keys.
const MOST_KEYS: usize = 20;

/// Unfinished uploads of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSums {
    /// Number of uploads.
    pub count: u64,
    /// Bytes of their stored parts; `None` unless the store reports them for each upload.
    pub bytes: Option<u64>,
    /// Start of the oldest upload; `None` without any, and if the store does not report it.
    pub oldest_at: Option<DateTime<Utc>>,
    /// Oldest uploads, up to 20, oldest first: the start of each, if the store reports it, and its
    /// key relative to the destination path.
    pub oldest: BTreeSet<(Option<DateTime<Utc>>, String)>,
}

impl Default for UploadSums {
    fn default() -> Self {
        Self {
            count: 0,
            bytes: Some(0),
            oldest_at: None,
            oldest: BTreeSet::new(),
        }
    }
}

/// One unfinished upload, and the bytes that it has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadFinding {
    /// Upload as listed.
    pub upload: UnfinishedUpload,
    /// Bytes of its parts; `None` if the store does not report them.
    pub bytes: Option<u64>,
}

impl UploadSums {
    /// Remembers an upload by its key, if it is among the oldest ones.
    pub fn note(&mut self, begun_at: Option<DateTime<Utc>>, key: &str) {
        self.oldest.insert((begun_at, key.to_owned()));
        if self.oldest.len() > MOST_KEYS {
            self.oldest.pop_last();
        }
    }

    /// Counts one upload.
    pub fn add(&mut self, finding: &UploadFinding) {
        self.count += 1;
        self.note(finding.upload.initiated_at, &finding.upload.key);
        self.bytes = self
            .bytes
            .zip(finding.bytes)
            .map(|(sum, bytes)| sum.saturating_add(bytes));
        let begun = finding.upload.initiated_at;
        self.oldest_at = self.oldest_at.into_iter().chain(begun).min();
    }
}
