//! Evidence about an archive.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BackupEvidence, WalEvidence};

/// Evidence about an archive, by server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveEvidence {
    /// Time since which evidence is gathered.
    pub since: DateTime<Utc>,
    /// Evidence by server.
    pub servers: BTreeMap<String, ServerEvidence>,
}

/// Evidence about one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEvidence {
    /// WAL of the server.
    pub wal: WalEvidence,
    /// Base backups of the server, by id.
    pub backups: BTreeMap<String, BackupEvidence>,
}

impl ArchiveEvidence {
    /// Creates evidence of nothing.
    #[must_use]
    pub const fn new(since: DateTime<Utc>) -> Self {
        Self {
            since,
            servers: BTreeMap::new(),
        }
    }
}
