//! A server's backups as retention sees them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::barman::{BackupInfo, BackupStatus, KeepTarget};
use crate::postgres::{SegmentName, TimelineId};

/// One backup as retention sees it: a directory in `base/` with a readable `backup.info`.
///
/// Its name need not be a backup id (`CloudBackupCatalog.get_backup_list` takes any). A directory
/// without `backup.info` is none and does not matter; an unreadable one stops everything
/// ([`RetentionBlock::UnreadableBackup`](super::RetentionBlock::UnreadableBackup)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogBackup {
    /// Name of its directory. Barman's order is that of these names, whatever the times say.
    pub id: String,
    /// How far it came.
    pub status: BackupStatus,
    /// When the server was asked to stop (`end_time`).
    pub ended_at: Option<DateTime<Utc>>,
    /// The first segment that it needs (`begin_wal`).
    pub begin_wal: Option<SegmentName>,
    /// The segment with which it becomes consistent (`end_wal`).
    pub end_wal: Option<SegmentName>,
    /// The timeline it began on (`timeline`).
    pub timeline: Option<TimelineId>,
    /// What its keep annotation keeps it for; `None` without one.
    pub keep: Option<KeepTarget>,
    /// The backup that it is the difference to (`parent_backup_id`); `None` for a full one.
    pub parent_id: Option<String>,
    /// The backups that are differences to it, as far as it knows (`children_backup_ids`).
    pub children_ids: Vec<String>,
}

impl CatalogBackup {
    /// The backup in the directory `id` with this `backup.info`.
    ///
    /// The timeline is that of `begin_wal`: `barman-cloud-backup` takes the field `timeline` from
    /// the same name.
    #[must_use]
    pub fn new(id: String, info: &BackupInfo, keep: Option<KeepTarget>) -> Self {
        Self {
            id,
            status: info.status.clone(),
            ended_at: info.ended_at,
            begin_wal: info.begin_wal,
            end_wal: info.end_wal,
            timeline: info.begin_wal.map(|name| name.timeline),
            keep,
            parent_id: info.parent_id.clone(),
            children_ids: info.children_ids.clone(),
        }
    }

    /// Whether it is the difference to another backup (`BackupInfo.is_incremental`).
    pub(super) fn is_incremental(&self) -> bool {
        self.parent_id.is_some()
    }

    /// Whether a policy counts it.
    pub(super) fn is_done(&self) -> bool {
        self.status == BackupStatus::Done
    }

    /// Whether the deletion of WAL counts it (`BackupInfo.STATUS_COPY_DONE`).
    pub(super) fn is_copied(&self) -> bool {
        matches!(self.status, BackupStatus::Done | BackupStatus::WaitingForWals)
    }
}

/// The backups by id, in Barman's order: by code points, as Python's `sorted` has it.
pub(super) fn by_id(catalog: &[CatalogBackup]) -> BTreeMap<&str, &CatalogBackup> {
    catalog.iter().map(|backup| (backup.id.as_str(), backup)).collect()
}

/// What a policy makes of a backup (`BackupInfo.RETENTION_STATUS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetentionStatus {
    /// The policy needs it.
    Valid,
    /// The policy does not need it: it will be deleted.
    Obsolete,
    /// The window does not need it, but the minimum redundancy does.
    PotentiallyObsolete,
    /// Kept with all WAL after it, needed or not.
    KeepFull,
    /// Kept with its own WAL, needed or not.
    KeepStandalone,
    /// Not finished: policies look away, and it stays until somebody deletes it by hand. Also the
    /// status of what is built on such a backup.
    None,
}

impl RetentionStatus {
    /// The status in Barman's words.
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

/// Why Barman's retention ends with an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// A finished backup has no `end_time`, with which a window is compared.
    #[error("backup `{backup}` is DONE and has no `end_time`")]
    NoEndTime {
        /// Id of the backup.
        backup: String,
    },
    /// The window begins before the year 1, where Python's calendar ends.
    #[error("the recovery window begins before the year 1")]
    WindowTooLong,
    /// A backup is among the backups that are built on it, and Barman walks in circles.
    #[error("backup `{backup}` is built on itself")]
    Cycle {
        /// Id of the backup.
        backup: String,
    },
    /// A full backup has incremental ones, which `barman-cloud-backup-delete` cannot find.
    #[error(
        "backup `{backup}` has incremental backups, and `barman-cloud-backup-delete` cannot deal \
         with them: have the Barman server delete"
    )]
    Incremental {
        /// Id of the full backup.
        backup: String,
    },
    /// A copied backup has no `begin_wal` or no `end_wal`, with which WAL is compared.
    #[error("backup `{backup}` is copied and has no `{field}`")]
    NoWal {
        /// Id of the backup.
        backup: String,
        /// Name of the field, as Barman writes it.
        field: &'static str,
    },
}
