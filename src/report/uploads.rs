//! Multipart uploads that nobody finished.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::inventory::UnfinishedUpload;

/// Longest time for which an upload may be unfinished: a lifecycle rule that aborts after one day,
/// which is as soon as one can be told to, has done so by then.
pub const UNFINISHED_FOR: TimeDelta = TimeDelta::days(2);

/// How many uploads are remembered by their keys.
const MOST_KEYS: usize = 20;

/// Unfinished uploads of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSums {
    /// How many.
    pub count: u64,
    /// Bytes of the parts that they have stored; `None` where the store does not say for each.
    pub bytes: Option<u64>,
    /// When the oldest was begun; `None` without any, or where the store does not say.
    pub oldest_at: Option<DateTime<Utc>>,
    /// The oldest ones, up to 20, oldest first: when each was begun, if the store says so, and its key
    /// behind the destination path.
    pub oldest: BTreeSet<(Option<DateTime<Utc>>, String)>,
}

impl Default for UploadSums {
    fn default() -> Self {
        Self { count: 0, bytes: Some(0), oldest_at: None, oldest: BTreeSet::new() }
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
        self.bytes = self.bytes.zip(finding.bytes).map(|(sum, bytes)| sum.saturating_add(bytes));
        let begun = finding.upload.initiated_at;
        self.oldest_at = self.oldest_at.into_iter().chain(begun).min();
    }
}
