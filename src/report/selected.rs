//! Result of reading selected contents, as the command `verify` does.

use chrono::{DateTime, Utc};

use super::{FaultySegment, RecoveryProof};
use crate::evidence::{BackupEvidence, ContentVerdict, Level};

/// Sums of reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadSums {
    /// Objects that are read, as a whole or at their edges.
    pub objects: u64,
    /// Requests for listings, contents and checksums.
    pub requests: u64,
    /// Bytes of contents.
    pub bytes: u64,
}

impl ReadSums {
    /// Adds other sums.
    pub const fn add(&mut self, more: Self) {
        self.objects = self.objects.saturating_add(more.objects);
        self.requests = self.requests.saturating_add(more.requests);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}

/// Maximum number of segments that are named.
pub const MOST_FAULTY: usize = 1000;

/// Contents of one server that were selected, and what is known of them after the reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedServer {
    /// Level of verification.
    pub level: Level,
    /// Estimate of what is to be read, before the first read.
    pub planned: ReadSums,
    /// Selected backups, the newest first.
    pub backups: Vec<SelectedBackup>,
    /// Selected WAL files.
    pub wal: SelectedWal,
    /// Selected segments that are not sound, up to [`MOST_FAULTY`].
    pub faulty: Vec<SelectedSegment>,
    /// Reason why reads were given up; `None` if they were not.
    pub failure: Option<String>,
}

/// Selected backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedBackup {
    /// Id of the backup.
    pub id: String,
    /// Bytes of its data objects.
    pub data_bytes: u64,
    /// Number of its data objects.
    pub data_objects: u64,
    /// What is known of its data; `None` if nothing was read.
    pub evidence: Option<BackupEvidence>,
    /// True if the evidence is of this command.
    pub is_read_now: bool,
    /// Reason why its data were not read as deep as the level asks; `None` if they were.
    pub unread: Option<UnreadReason>,
    /// End of the unbroken chain of WAL that was read from its start; `None` if that does not make
    /// it consistent.
    pub chain: Option<RecoveryProof>,
}

/// Reason why something was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadReason {
    /// It is larger than what was left of the bytes that may be read.
    Budget,
    /// It is in a storage class that cannot be read at once.
    Cold,
    /// Nothing was to be read.
    DryRun,
    /// The reads ended before.
    Ended,
    /// It was deleted or replaced meanwhile.
    Gone,
}

impl UnreadReason {
    /// The reason as a word for scripts.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Budget => "max_bytes",
            Self::Cold => "cold",
            Self::DryRun => "dry_run",
            Self::Ended => "ended",
            Self::Gone => "gone",
        }
    }
}

/// Selected WAL files, by what is known of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SelectedWal {
    /// Files that were selected.
    pub selected: u64,
    /// Files that this command has read as deep as the level asks.
    pub read_now: u64,
    /// Files that were read before.
    pub read_before: u64,
    /// Files in which nothing wrong was found.
    pub sound: u64,
    /// Files that seem to be damaged.
    pub suspect: u64,
    /// Corrupt files.
    pub corrupt: u64,
    /// Files that cannot be judged.
    pub unreadable: u64,
    /// Files that were not read as deep as the level asks.
    pub unread: u64,
    /// Segments of a range that are not there, or that no backup needs; 0 without a range.
    pub absent: u64,
}

/// Selected segment with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectedSegment {
    /// Verdict on the segment.
    pub verdict: ContentVerdict,
    /// Segment and fault.
    pub faulty: FaultySegment,
    /// True for a partial segment.
    pub is_partial: bool,
    /// True if it was read as a whole; false if its edges were.
    pub is_whole: bool,
    /// Time of the read.
    pub read_at: DateTime<Utc>,
}
