//! `backup.info`: Barman's description of one backup.
//!
//! `docs/specification.md`, 4.1 to 4.6.

mod error;
mod fields;
mod status;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use super::backup_label::text_of_field;
use super::{BackupLabel, time};
use crate::postgres::{Lsn, SegmentName, SegmentSize};
pub use error::BackupInfoError;
use fields::{Fields, SEGMENT, backup_ids, postgresql_version, switch, tablespace_oids};
pub use status::{BackupStatus, UnfinishedStatus};

/// Content of a `backup.info`.
///
/// Read as Barman's `BackupInfo.load` does, except for unknown keys: Barman ends with an error there,
/// and here they are skipped. A field is `None` if the file says `None` or does not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupInfo {
    /// Progress of the backup, with the fields that come with it.
    pub progress: BackupProgress,
    /// Content of the backup's label (`backup_label`); `None` if it is absent or cannot be read.
    pub label: Option<BackupLabel>,
    /// Whole text of the label (`backup_label`); `None` if it is absent or not a text. The member
    /// `backup_label` of the archive holds the same bytes.
    pub label_text: Option<String>,
    /// Page checksums of the cluster, as the server said at the start (`data_checksums`); `None` if
    /// that is neither `on` nor `off`.
    pub has_data_checksums: Option<bool>,
    /// Id of the backup that this incremental one builds on (`parent_backup_id`); `None` in a full
    /// backup.
    pub parent_id: Option<String>,
    /// Ids of the incremental backups that build on this one (`children_backup_ids`).
    pub children_ids: Vec<String>,
    /// Size of the cluster's WAL segments (`xlog_segment_size`).
    pub segment_size: SegmentSize,
    /// Identifier of the cluster that was backed up (`systemid`), as text: it does not fit a double
    /// exactly.
    pub system_identifier: Option<String>,
    /// Version of `PostgreSQL`, such as `15.18`.
    pub postgresql_version: Option<String>,
    /// Size of the databases at the start of the backup, in bytes (`cluster_size`; for uploads of a
    /// Barman server `size`). It differs from the size of the backup in the bucket.
    pub cluster_size_bytes: Option<u64>,
    /// Object identifiers of the tablespaces that were backed up next to `data`.
    pub tablespace_oids: Vec<u32>,
    /// True if the data are snapshots of disks, with no objects in the archive (`snapshots_info`).
    pub is_snapshot: bool,
    /// Reason why the backup failed, in Barman's words (`error`).
    pub error: Option<String>,
    /// True if a time has no offset, so that it was taken as UTC.
    pub has_naive_times: bool,
}

/// Progress of a backup, with the fields that come with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupProgress {
    /// Finished backup (`DONE`).
    Done(DoneBackup),
    /// Backup with any other status.
    Unfinished(UnfinishedBackup),
}

/// Start and end of a finished backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoneBackup {
    /// Time at which the server was asked to start the backup (`begin_time`).
    pub began_at: DateTime<Utc>,
    /// Time at which the server was asked to stop the backup (`end_time`).
    pub ended_at: DateTime<Utc>,
    /// Segment in which recovery starts (`begin_wal`).
    pub begin_wal: SegmentName,
    /// Segment with which the backup becomes consistent (`end_wal`).
    pub end_wal: SegmentName,
    /// Position from which recovery replays (`begin_xlog`).
    pub begin_lsn: Option<Lsn>,
    /// Position with which the backup becomes consistent (`end_xlog`).
    pub end_lsn: Option<Lsn>,
}

/// Start and end of an unfinished backup, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedBackup {
    /// Status of the backup (`status`).
    pub status: UnfinishedStatus,
    /// Time at which the server was asked to start the backup (`begin_time`).
    pub began_at: Option<DateTime<Utc>>,
    /// Time at which the server was asked to stop the backup (`end_time`). Also set for backups that
    /// failed afterwards.
    pub ended_at: Option<DateTime<Utc>>,
    /// Segment in which recovery would start (`begin_wal`).
    pub begin_wal: Option<SegmentName>,
    /// Segment with which the backup would become consistent (`end_wal`).
    pub end_wal: Option<SegmentName>,
}

impl BackupInfo {
    /// Reads a whole `backup.info`.
    ///
    /// # Errors
    /// Returns an error if Barman could not read it either, or if a finished backup lacks its start
    /// or end.
    pub fn parse(content: &[u8]) -> Result<Self, BackupInfoError> {
        let fields = Fields::parse(content)?;
        let began = fields.read("begin_time", "a time", time::parse)?;
        let ended = fields.read("end_time", "a time", time::parse)?;
        let begin_wal = fields.read("begin_wal", SEGMENT, SegmentName::parse)?;
        let end_wal = fields.read("end_wal", SEGMENT, SegmentName::parse)?;
        let end_lsn = fields.read("end_xlog", "a WAL position", |text| text.parse().ok())?;
        let segment_size = fields.segment_size()?;
        let cluster_size_bytes = fields.cluster_size()?;
        let tablespaces = fields.read(
            "tablespaces",
            "a list of (name, oid, location)",
            tablespace_oids,
        )?;
        let has_naive_times = [began, ended].into_iter().flatten().any(|time| time.naive);
        let extent = Extent {
            began_at: began.map(|time| time.at),
            ended_at: ended.map(|time| time.at),
            begin_wal,
            end_wal,
            begin_lsn: fields.get("begin_xlog").and_then(|text| text.parse().ok()),
            end_lsn,
        };
        let label_text = fields.get("backup_label").and_then(text_of_field);
        let progress = extent.with_status(fields.get("status").into())?;
        Ok(Self {
            progress,
            label: label_text.as_deref().and_then(BackupLabel::parse),
            label_text,
            has_data_checksums: fields.get("data_checksums").and_then(switch),
            parent_id: fields.get("parent_backup_id").map(str::to_owned),
            children_ids: fields
                .get("children_backup_ids")
                .map(backup_ids)
                .unwrap_or_default(),
            segment_size,
            system_identifier: fields.system_identifier(),
            postgresql_version: fields.get("version").and_then(postgresql_version),
            cluster_size_bytes,
            tablespace_oids: tablespaces.unwrap_or_default(),
            is_snapshot: fields.get("snapshots_info").is_some(),
            error: fields.text("error"),
            has_naive_times,
        })
    }

    /// Status of the backup.
    #[must_use]
    pub fn status(&self) -> BackupStatus {
        match &self.progress {
            BackupProgress::Done(_) => BackupStatus::Done,
            BackupProgress::Unfinished(backup) => BackupStatus::Unfinished(backup.status.clone()),
        }
    }

    /// Start and end of the backup; `None` if it is not finished.
    #[must_use]
    pub const fn done(&self) -> Option<&DoneBackup> {
        match &self.progress {
            BackupProgress::Done(backup) => Some(backup),
            BackupProgress::Unfinished(_) => None,
        }
    }

    /// Time at which the server was asked to start the backup.
    #[must_use]
    pub const fn began_at(&self) -> Option<DateTime<Utc>> {
        match &self.progress {
            BackupProgress::Done(backup) => Some(backup.began_at),
            BackupProgress::Unfinished(backup) => backup.began_at,
        }
    }

    /// Time at which the server was asked to stop the backup. Also set for backups that failed
    /// afterwards.
    #[must_use]
    pub const fn ended_at(&self) -> Option<DateTime<Utc>> {
        match &self.progress {
            BackupProgress::Done(backup) => Some(backup.ended_at),
            BackupProgress::Unfinished(backup) => backup.ended_at,
        }
    }

    /// Segment in which recovery starts.
    #[must_use]
    pub const fn begin_wal(&self) -> Option<SegmentName> {
        match &self.progress {
            BackupProgress::Done(backup) => Some(backup.begin_wal),
            BackupProgress::Unfinished(backup) => backup.begin_wal,
        }
    }

    /// Segment with which the backup becomes consistent.
    #[must_use]
    pub const fn end_wal(&self) -> Option<SegmentName> {
        match &self.progress {
            BackupProgress::Done(backup) => Some(backup.end_wal),
            BackupProgress::Unfinished(backup) => backup.end_wal,
        }
    }
}

/// Start and end of a backup, as far as the file states them.
struct Extent {
    began_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    begin_wal: Option<SegmentName>,
    end_wal: Option<SegmentName>,
    begin_lsn: Option<Lsn>,
    end_lsn: Option<Lsn>,
}

impl Extent {
    /// Returns the progress of a backup with a status.
    fn with_status(self, status: BackupStatus) -> Result<BackupProgress, BackupInfoError> {
        match status {
            BackupStatus::Done => Ok(BackupProgress::Done(DoneBackup {
                began_at: required("begin_time", self.began_at)?,
                ended_at: required("end_time", self.ended_at)?,
                begin_wal: required("begin_wal", self.begin_wal)?,
                end_wal: required("end_wal", self.end_wal)?,
                begin_lsn: self.begin_lsn,
                end_lsn: self.end_lsn,
            })),
            BackupStatus::Unfinished(status) => Ok(BackupProgress::Unfinished(UnfinishedBackup {
                status,
                began_at: self.began_at,
                ended_at: self.ended_at,
                begin_wal: self.begin_wal,
                end_wal: self.end_wal,
            })),
        }
    }
}

/// Value of a field that a finished backup must have.
fn required<T>(field: &'static str, value: Option<T>) -> Result<T, BackupInfoError> {
    value.ok_or(BackupInfoError::MissingField { field })
}
