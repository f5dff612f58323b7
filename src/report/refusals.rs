//! Small files of a server whose content is unknown.
//!
//! `docs/specification.md`, 20.2.

use std::collections::BTreeMap;

use barman_archive::postgres::TimelineId;
use chrono::{DateTime, Utc};

/// Small files of a server that the store refuses to return, or that are too large to be read: their
/// content is unknown.
///
/// Causes are a missing permission, an encryption key, a cold storage class, or a limit of the
/// provider. None of them says anything about the backups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Refused files by kind; kinds without any are missing.
    pub kinds: BTreeMap<RefusedKind, Refused>,
    /// Timelines whose history file is refused.
    pub histories: Vec<TimelineId>,
}

/// Kind of a refused file, as `barman_cloud_files_refused` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusedKind {
    /// The `backup.info` of a backup.
    BackupInfo,
    /// The history file of a timeline.
    History,
    /// The keep annotation of a backup.
    Keep,
}

/// Refused files of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Number of files.
    pub count: u64,
    /// Arrival time of the newest of them.
    pub newest_at: DateTime<Utc>,
    /// Key of the newest of them, from the bucket's root.
    pub newest_key: String,
    /// Reason that the store gives for the newest of them, with its error code.
    pub message: String,
}

impl RefusedKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::BackupInfo, Self::History, Self::Keep];

    /// The kind as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::BackupInfo => "backup_info",
            Self::History => "history",
            Self::Keep => "keep",
        }
    }
}

impl Refusals {
    /// Number of the refused files of a kind.
    #[must_use]
    pub fn count(&self, kind: RefusedKind) -> u64 {
        self.kinds.get(&kind).map_or(0, |refused| refused.count)
    }

    /// Returns whether any file of a kind is refused.
    #[must_use]
    pub fn has(&self, kind: RefusedKind) -> bool {
        self.kinds.contains_key(&kind)
    }

    /// Arrival time of the newest refused `backup.info`; `None` without any.
    ///
    /// The backup started and ended before that time: Barman writes the file last.
    #[must_use]
    pub fn newest_backup_at(&self) -> Option<DateTime<Utc>> {
        Some(self.kinds.get(&RefusedKind::BackupInfo)?.newest_at)
    }
}
