//! The report on one archive.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::inventory::Stock;
use crate::postgres::LogName;

use super::{PrefixSums, ServerReport, UploadSums};

/// What one scan found in one archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The oldest moment at which any part of the report was verified by listing it.
    pub audited_at: DateTime<Utc>,
    /// Whether everything below the destination path was listed. Otherwise only `base/` and `wals/`
    /// of the expected servers were: what lies beside them is not known.
    pub is_whole: bool,
    /// Everything that the scan accounted for.
    pub stock: Stock,
    /// The servers, by name: those found, and those expected and not found.
    pub servers: BTreeMap<String, ServerReport>,
    /// The servers that are there and left out, by name.
    pub ignored: BTreeSet<String>,
    /// Bytes and objects by prefix. They add up to everything that was listed.
    pub prefixes: Vec<PrefixSums>,
    /// Unfinished multipart uploads by server, empty for those outside of any; `None` where the
    /// store does not list them.
    pub uploads: Option<BTreeMap<String, UploadSums>>,
    /// Logs, by server, whose files must be listed once more to tell sums that are missing here.
    pub lacking: BTreeSet<(String, LogName)>,
}

impl Report {
    /// How many servers have a directory, expected or not.
    #[must_use]
    pub fn servers_found(&self) -> usize {
        self.servers.values().filter(|server| server.is_found).count()
    }
}
