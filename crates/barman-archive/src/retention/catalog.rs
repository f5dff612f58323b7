//! A server's backups as retention sees them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::barman::{BackupInfo, BackupStatus, KeepTarget};
use crate::postgres::{SegmentName, TimelineId};

/// One backup as retention sees it: a directory in `base/` with a readable `backup.info`.
///
/// The name need not be a backup id (`CloudBackupCatalog.get_backup_list` takes any). A directory
/// without `backup.info` is not a backup and does not matter; an unreadable one stops everything
/// ([`RetentionBlock::UnreadableBackup`](super::RetentionBlock::UnreadableBackup)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogBackup {
    /// Name of the backup's directory. Barman sorts by these names, whatever the times say.
    pub id: String,
    /// Progress of the backup (`status`).
    pub status: BackupStatus,
    /// Time at which the server was asked to stop the backup (`end_time`).
    pub ended_at: Option<DateTime<Utc>>,
    /// First segment that the backup needs (`begin_wal`).
    pub begin_wal: Option<SegmentName>,
    /// Segment with which the backup becomes consistent (`end_wal`).
    pub end_wal: Option<SegmentName>,
    /// Timeline on which the backup started (`timeline`).
    pub timeline: Option<TimelineId>,
    /// Purpose that the keep annotation keeps the backup for; `None` without an annotation.
    pub keep: Option<KeepTarget>,
    /// Backup that this one is the difference to (`parent_backup_id`); `None` for a full one.
    pub parent_id: Option<String>,
    /// Backups that are differences to this one, as far as it knows (`children_backup_ids`).
    pub children_ids: Vec<String>,
}

impl CatalogBackup {
    /// Creates the backup in the directory `id` with this `backup.info`.
    ///
    /// The timeline is that of `begin_wal`: `barman-cloud-backup` takes the field `timeline` from
    /// the same name.
    #[must_use]
    pub fn new(id: String, info: &BackupInfo, keep: Option<KeepTarget>) -> Self {
        Self {
            id,
            status: info.status(),
            ended_at: info.ended_at(),
            begin_wal: info.begin_wal(),
            end_wal: info.end_wal(),
            timeline: info.begin_wal().map(|name| name.timeline),
            keep,
            parent_id: info.parent_id.clone(),
            children_ids: info.children_ids.clone(),
        }
    }

    /// Returns whether the backup is the difference to another one (`BackupInfo.is_incremental`).
    pub(super) fn is_incremental(&self) -> bool {
        self.parent_id.is_some()
    }

    /// Returns whether a policy counts the backup.
    pub(super) fn is_done(&self) -> bool {
        self.status == BackupStatus::Done
    }

    /// Returns whether the deletion of WAL counts the backup (`BackupInfo.STATUS_COPY_DONE`).
    pub(super) fn is_copied(&self) -> bool {
        self.status.is_copied()
    }
}

/// Returns the backups by id, in Barman's order: by code points, as Python's `sorted` has it.
pub(super) fn by_id(catalog: &[CatalogBackup]) -> BTreeMap<&str, &CatalogBackup> {
    let mut backups = BTreeMap::new();
    for backup in catalog {
        backups.insert(backup.id.as_str(), backup);
    }
    backups
}

/// Status that a policy gives a backup (`BackupInfo.RETENTION_STATUS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetentionStatus {
    /// Backup that the policy needs.
    Valid,
    /// Backup that the policy does not need: it will be deleted.
    Obsolete,
    /// Backup that the window does not need, but the minimum redundancy does.
    PotentiallyObsolete,
    /// Backup that is kept with all WAL after it, needed or not.
    KeepFull,
    /// Backup that is kept with its own WAL, needed or not.
    KeepStandalone,
    /// Unfinished backup: policies ignore it, and it stays until someone deletes it by hand. Also
    /// the status of what is built on such a backup.
    None,
}

impl RetentionStatus {
    /// Returns the status in Barman's words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Obsolete => "OBSOLETE",
            Self::PotentiallyObsolete => "OBSOLETE*",
            Self::KeepFull => "KEEP:FULL",
            Self::KeepStandalone => "KEEP:STANDALONE",
            Self::None => "-",
        }
    }
}

impl From<KeepTarget> for RetentionStatus {
    fn from(keep: KeepTarget) -> Self {
        match keep {
            KeepTarget::Full => Self::KeepFull,
            KeepTarget::Standalone => Self::KeepStandalone,
        }
    }
}

/// Reason why Barman's retention ends with an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// Finished backup without an `end_time`, which a window is compared with.
    #[error("backup `{backup}` is DONE, but has no `end_time`")]
    NoEndTime {
        /// Id of the backup.
        backup: String,
    },
    /// Window that starts before the year 1, the first one in Python's calendar.
    #[error("the recovery window begins before the year 1")]
    WindowTooLong,
    /// Backup that is among the backups built on it, which makes Barman walk in circles.
    #[error("backup `{backup}` is based on itself")]
    Cycle {
        /// Id of the backup.
        backup: String,
    },
    /// Full backup with incremental ones, which `barman-cloud-backup-delete` cannot find.
    #[error(
        "backup `{backup}` has incremental backups, which `barman-cloud-backup-delete` cannot handle: have the Barman server delete"
    )]
    Incremental {
        /// Id of the full backup.
        backup: String,
    },
    /// Copied backup without a `begin_wal` or an `end_wal`, which WAL is compared with.
    #[error("backup `{backup}` has been copied, but has no `{field}`")]
    NoWal {
        /// Id of the backup.
        backup: String,
        /// Name of the field, as Barman writes it.
        field: &'static str,
    },
}
