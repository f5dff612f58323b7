//! The report on one archive.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::Usage;
use chrono::{DateTime, Utc};

use super::{PrefixSums, ServerReport, UploadSums};

/// Result of one scan of one archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Oldest moment at which any part of the report was verified by listing it.
    pub audited_at: DateTime<Utc>,
    /// True if everything below the destination path was listed. Otherwise only `base/` and `wals/`
    /// of the expected servers were listed, and anything next to them is unknown.
    pub is_whole: bool,
    /// All objects that the scan accounted for.
    pub usage: Usage,
    /// Servers by name: those found, and those expected but not found.
    pub servers: BTreeMap<String, ServerReport>,
    /// Names of the servers that exist but are ignored.
    pub ignored: BTreeSet<String>,
    /// Bytes and objects by prefix. They add up to everything that was listed.
    pub prefixes: Vec<PrefixSums>,
    /// Unfinished multipart uploads by server, under the empty name for those outside any server;
    /// `None` if the store does not list them.
    pub uploads: Option<BTreeMap<String, UploadSums>>,
}

impl Report {
    /// Number of servers that have a directory, expected or not.
    #[must_use]
    pub fn servers_found(&self) -> usize {
        self.servers
            .values()
            .filter(|server| server.is_found)
            .count()
    }

    /// Returns true if a server has a directory: a found one, expected or not, or an ignored one.
    #[must_use]
    pub fn has_server_directories(&self) -> bool {
        self.servers_found() > 0 || !self.ignored.is_empty()
    }

    /// Unfinished uploads outside any server; `None` if the store does not list uploads.
    ///
    /// They belong to no running backup, so all their bytes are reclaimable.
    #[must_use]
    pub fn uploads_outside_servers(&self) -> Option<&UploadSums> {
        self.uploads.as_ref()?.get("")
    }
}
