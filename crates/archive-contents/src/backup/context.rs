//! What `backup.info` says of a backup.

use barman_archive::barman::{BackupInfo, BackupOrigin};
use barman_archive::postgres::{Lsn, SegmentSize, TimelineId};

/// Description of a finished backup, with which its contents have to agree.
///
/// A field is `None` if `backup.info` does not have it; nothing is compared with it then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupContext {
    /// Identifier of the cluster (`systemid`).
    pub system_identifier: Option<u64>,
    /// Size of the cluster's WAL segments (`xlog_segment_size`).
    pub segment_size: SegmentSize,
    /// Timeline at the start (`begin_wal`).
    pub timeline: TimelineId,
    /// Position from which recovery replays (`begin_xlog`).
    pub begin: Option<Lsn>,
    /// Position with which the backup becomes consistent (`end_xlog`).
    pub end: Option<Lsn>,
    /// Whole text of `backup_label`.
    pub label: Option<String>,
    /// Page checksums of the cluster (`data_checksums`).
    pub has_data_checksums: Option<bool>,
    /// Major version of `PostgreSQL` (`version`).
    pub major: Option<u32>,
    /// True if the backup was taken from a standby (`BACKUP FROM` in the label).
    pub is_of_standby: bool,
    /// True if the backup builds on another one (`parent_backup_id`).
    pub is_incremental: bool,
}

impl BackupContext {
    /// Reads the description of a backup; `None` if it is not finished, or its data are snapshots of
    /// disks.
    #[must_use]
    pub fn of(info: &BackupInfo) -> Option<Self> {
        let done = info.done().filter(|_| !info.is_snapshot)?;
        let identifier = info.system_identifier.as_deref();
        let version = info.postgresql_version.as_deref();
        let origin = info.label.map(|label| label.origin);
        Some(Self {
            system_identifier: identifier.and_then(|text| text.parse().ok()),
            segment_size: info.segment_size,
            timeline: done.begin_wal.timeline,
            begin: done.begin_lsn,
            end: done.end_lsn,
            label: info.label_text.clone(),
            has_data_checksums: info.has_data_checksums,
            major: version.and_then(major),
            is_of_standby: origin == Some(BackupOrigin::Standby),
            is_incremental: info.parent_id.is_some(),
        })
    }
}

/// Major version of a version such as `15.18`; `None` before 10, where it has two numbers.
fn major(version: &str) -> Option<u32> {
    let (major, _) = version.split_once('.')?;
    major.parse().ok().filter(|major| *major >= 10)
}
