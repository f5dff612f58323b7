//! Report on the contents of a server's objects, as far as they were read.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::SomeNames;
use barman_archive::postgres::{Lsn, SegmentName};
use chrono::{DateTime, Utc};

use crate::evidence::{ContentVerdict, Depth, FaultKind, Level, PageCounts};

/// Number of days for which bytes that were not read are carried over.
pub const BUDGET_DAYS: u64 = 7;

/// Contents of a server's objects, as far as they were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContentsReport {
    /// Level of verification.
    pub level: Level,
    /// Time since which the server is verified at this level, or at a higher one.
    pub since: DateTime<Utc>,
    /// WAL files that some backup needs.
    pub wal: ObjectCounts,
    /// Data objects of finished backups.
    pub base: ObjectCounts,
    /// Bytes that are still to be read once to reach the level, without those of backups that are
    /// larger than the budget ever is or that cannot be read at once.
    pub backlog_bytes: u64,
    /// Most bytes that the budget ever has: those of [`BUDGET_DAYS`]; `None` without a limit.
    pub most_bytes: Option<u64>,
    /// Time of the newest evidence about an object that could be judged; `None` without any.
    pub last_read_at: Option<DateTime<Utc>>,
    /// Time since which something waits to be read for the first time that can be: the last read, or
    /// the arrival of what waits if that was later; `None` if nothing waits.
    pub waits_since: Option<DateTime<Utc>>,
    /// Time by which more should have been read, as far as the budget and the hours allow it; `None`
    /// if nothing waits.
    pub due_at: Option<DateTime<Utc>>,
    /// Time of the oldest evidence about an object as a whole; `None` without any.
    pub oldest_read_at: Option<DateTime<Utc>>,
    /// Corrupt segments.
    pub corrupt_wal: Vec<FaultySegment>,
    /// Segments that seem to be damaged.
    pub suspect_wal: Vec<FaultySegment>,
    /// Backups with corrupt data.
    pub corrupt_backups: Vec<FaultyBackup>,
    /// Backups with data that seem to be damaged.
    pub suspect_backups: Vec<FaultyBackup>,
    /// Evidence about the data of finished backups, by id, as far as they were read.
    pub backups: BTreeMap<String, BackupContents>,
    /// Reasons why objects cannot be judged.
    pub unreadable: BTreeSet<FaultKind>,
    /// Backups that are larger than the budget ever is.
    pub unaffordable: SomeNames,
    /// Backup that ended last among those whose data were read and found sound.
    pub verified: Option<VerifiedBackup>,
    /// End of what is proven to be recoverable; `None` if nothing is.
    pub proof: Option<RecoveryProof>,
    /// Last commit in the newest segment of the current timeline, or in those before it; `None` if
    /// the newest segment was not read, or no commit is known.
    pub newest_commit_at: Option<DateTime<Utc>>,
}

/// Numbers of objects, by what is known of their contents: each of them is unread, or its edges were
/// read, or the whole of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    /// Objects that were not read, or cannot be judged.
    pub unread: u64,
    /// Objects of which the edges were read.
    pub edges: u64,
    /// Objects that were read as a whole.
    pub whole: u64,
    /// Corrupt ones.
    pub corrupt: u64,
    /// Ones that seem to be damaged.
    pub suspect: u64,
    /// Ones that cannot be judged.
    pub unreadable: u64,
}

impl ObjectCounts {
    /// Returns a count of what was found in objects; `None` if none could be judged.
    #[must_use]
    pub const fn judged(&self, found: u64) -> Option<u64> {
        if self.edges == 0 && self.whole == 0 {
            return None;
        }
        Some(found)
    }
}

/// Segment with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultySegment {
    /// Name of the segment.
    pub segment: SegmentName,
    /// Kind of the fault.
    pub kind: FaultKind,
    /// Position at which replay ends; `None` if it is not known.
    pub ends_at: Option<Lsn>,
}

/// Backup with a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultyBackup {
    /// Id of the backup.
    pub id: String,
    /// Faults, as words for scripts.
    pub faults: BTreeSet<String>,
}

/// Evidence about the data of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupContents {
    /// Depth to which its data objects were read.
    pub depth: Depth,
    /// Verdict on their content.
    pub verdict: ContentVerdict,
    /// True if damage was found and not yet found again in a second read.
    pub is_unconfirmed: bool,
    /// Time of the read.
    pub read_at: DateTime<Utc>,
    /// Pages of relations; `None` if they were not looked at.
    pub pages: Option<PageCounts>,
    /// Faults, as words for scripts.
    pub faults: BTreeSet<String>,
    /// What was not looked at, or cannot be proven, as words for scripts.
    pub unproven: BTreeSet<String>,
}

/// Backup whose data were read and found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBackup {
    /// Id of the backup.
    pub id: String,
    /// Start of the backup.
    pub began_at: Option<DateTime<Utc>>,
    /// Time of the read.
    pub read_at: DateTime<Utc>,
    /// Pages of relations; `None` if they were not looked at.
    pub pages: Option<PageCounts>,
    /// What was not looked at, or cannot be proven, as words for scripts.
    pub unproven: BTreeSet<String>,
}

/// End of what is proven to be recoverable: by a verified backup and an unbroken chain of segments that
/// were walked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryProof {
    /// Last segment of the chain.
    pub segment: SegmentName,
    /// Arrival of that segment; `None` if it is not known any more.
    pub arrived_at: Option<DateTime<Utc>>,
    /// Arrival of the segment behind it on its timeline; `None` if there is none, or if it is not
    /// known any more.
    pub next_arrived_at: Option<DateTime<Utc>>,
    /// Last commit in the chain, by the clock of the database; `None` without one.
    pub committed_at: Option<DateTime<Utc>>,
}
