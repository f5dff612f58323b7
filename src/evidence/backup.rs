//! Evidence about the data of one base backup.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ContentVerdict, DataFault, Depth, DirStamp, FaultKind, Version};

/// Numbers of pages of relations, by what was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageCounts {
    /// Pages that were looked at.
    pub read: u64,
    /// Pages of zeros: new ones, or lost ones, which nothing can tell apart.
    pub zero: u64,
    /// Pages that are at fault and that WAL of the backup writes anew.
    pub healed: u64,
    /// Pages that are at fault and that a restore does not need: of free space and visibility maps,
    /// and of unlogged relations.
    pub ignored: u64,
    /// Pages that are at fault, of which it is not known whether WAL writes them anew.
    pub suspect: u64,
    /// Pages that are at fault after a restore.
    pub corrupt: u64,
}

/// Evidence about the data of one base backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupEvidence {
    /// State of the backup in the scan before the read.
    pub stamp: DirStamp,
    /// Version of all its data objects together.
    pub version: Version,
    /// Depth to which they were read.
    pub depth: Depth,
    /// Verdict on its content.
    pub verdict: ContentVerdict,
    /// True if damage was found and not yet found again in a second read.
    pub is_unconfirmed: bool,
    /// Time at which the read ended.
    pub read_at: DateTime<Utc>,
    /// Bytes of its data objects.
    pub bytes: u64,
    /// Pages of relations; `None` if they were not looked at.
    pub pages: Option<PageCounts>,
    /// Faults, as words for scripts.
    pub faults: BTreeSet<String>,
    /// What was not looked at, or cannot be proven, as words for scripts.
    pub unproven: BTreeSet<String>,
}

impl BackupEvidence {
    /// Reasons why the data cannot be judged.
    pub fn unreadable_kinds(&self) -> impl Iterator<Item = FaultKind> {
        let faults = self.faults.iter();
        faults.filter_map(|word| match DataFault::of_label(word)? {
            DataFault::Object(kind) => kind.is_unreadable().then_some(kind),
            DataFault::StoreChecksum
            | DataFault::Pages
            | DataFault::Archive
            | DataFault::MissingMember
            | DataFault::Label
            | DataFault::ControlFile
            | DataFault::SegmentSize
            | DataFault::Timeline
            | DataFault::Checkpoint
            | DataFault::MajorVersion
            | DataFault::State
            | DataFault::Manifest
            | DataFault::Files
            | DataFault::RecoveryPoint
            | DataFault::NoManifest => None,
        })
    }

    /// Returns whether data that cannot be judged may be readable later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.unreadable_kinds().all(FaultKind::may_pass)
    }
}
