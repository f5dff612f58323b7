//! Jobs of a verifier: what is read at once.

use std::collections::BTreeSet;

use barman_archive::postgres::{Runs, WalDir};
use chrono::{DateTime, Utc};

use crate::evidence::{SegmentPlace, WalFile};

/// Rank of a job: lower ones come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Second read of something that seems to be damaged.
    Confirmation,
    /// WAL that makes the newest backup consistent.
    OwnWal,
    /// Edges of objects that were not read yet.
    Edges,
    /// WAL behind the start of the newest backup.
    NewWal,
    /// Data of the newest backup.
    NewestBackup,
    /// Other backups with their WAL, and other WAL.
    Others,
    /// What was read longest ago.
    Again,
}

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Listing of a WAL directory, and the edges of its files that were not read yet.
    WalEdges(WalDir),
    /// Edges of some files of a WAL directory, whatever is known of them.
    EdgesAgain {
        /// WAL directory of the files.
        wal_dir: WalDir,
        /// The files.
        edges: WantedEdges,
    },
    /// Edges of a backup's data.
    BackupEdges(String),
    /// Consecutive segments of one WAL directory, as a whole.
    Walk {
        /// First segment.
        first: SegmentPlace,
        /// Number of the last segment.
        last: u64,
    },
    /// One WAL file, as a whole, and twice if anything is wrong with it.
    Examine {
        /// WAL directory of the file.
        wal_dir: WalDir,
        /// The file.
        file: WalFile,
    },
    /// Data of a backup, as a whole.
    Backup(String),
}

/// Files of one WAL directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedEdges {
    /// Segments, by the third part of their names.
    pub segments: Runs,
    /// Partial segments, by the third part of their names.
    pub partials: BTreeSet<u32>,
}

impl WantedEdges {
    /// Returns whether a file is one of them.
    #[must_use]
    pub fn include(&self, file: WalFile) -> bool {
        if file.is_partial {
            self.partials.contains(&file.low)
        } else {
            self.segments.contains(u64::from(file.low))
        }
    }
}

/// Job with its rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedJob {
    /// Rank of the job.
    pub priority: Priority,
    /// Time of the oldest evidence that the job replaces; `None` if there is none.
    pub evidence_from: Option<DateTime<Utc>>,
    /// The job.
    pub job: Job,
}
