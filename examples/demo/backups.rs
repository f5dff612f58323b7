//! Objects that a cluster's backups leave in the archive.

use std::io;

use chrono::{DateTime, TimeDelta, Utc};

use super::backup_info::{self, Position};
use super::cluster::Cluster;
use super::directory::UPLOAD_PART_BYTES;

/// Size at which Barman starts another tar file, in bytes: its default.
const MAX_ARCHIVE_BYTES: u64 = 100_000_000_000;

/// A backup from its start on.
#[derive(Clone)]
pub(crate) struct Backup {
    pub(crate) id: String,
    pub(crate) begin: Position,
    /// `None` until it has ended.
    pub(crate) end: Option<Position>,
    /// Size of the databases at its start.
    pub(crate) cluster_bytes: u64,
    /// Size of its data in the bucket once everything is uploaded, in bytes.
    pub(crate) data_bytes: u64,
}

impl Backup {
    /// Key of one of its objects.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("base/{}/{name}", self.id)
    }
}

impl Cluster {
    /// Begins a backup, which switches to the next segment.
    pub(crate) fn begin_backup(&mut self, at: DateTime<Utc>) -> Backup {
        self.archive_segment(at);
        let traits = &mut self.traits;
        traits.cluster_bytes += traits.cluster_bytes / 1000 * self.random.u64(1..6);
        let cluster_bytes = traits.cluster_bytes;
        let fraction = TimeDelta::microseconds(self.random.i64(0..1_000_000));
        let begin = Position {
            at: at + fraction,
            segment: self.current,
        };
        let data_bytes = cluster_bytes / 100 * traits.stored_percent;
        let id = backup_info::id(at);
        let backup = Backup {
            id,
            begin,
            end: None,
            cluster_bytes,
            data_bytes,
        };
        let info = backup_info::started(&self.traits, cluster_bytes, begin);
        self.directory
            .put(&backup.key("backup.info"), info, begin.at);
        backup
    }

    /// Lets the upload of a backup's data grow to so many percent.
    pub(crate) fn upload(&self, backup: &Backup, percent: u64, at: DateTime<Utc>) {
        let bytes = backup.data_bytes.min(MAX_ARCHIVE_BYTES) / 100 * percent;
        let parts = i32::try_from(bytes / UPLOAD_PART_BYTES).unwrap_or(i32::MAX);
        self.directory
            .upload(&self.data_key(backup, ""), backup.begin.at, parts, at);
    }

    /// Ends a backup: its last segment, its label, its data and at last `backup.info`.
    pub(crate) fn finish_backup(&mut self, backup: Backup, at: DateTime<Utc>) -> io::Result<()> {
        let end = Position {
            at,
            segment: self.current,
        };
        self.archive_segment(at);
        let compression = self.traits.wal_compression;
        let label = backup_info::archived_label(backup.begin, end);
        let ending = format!("{}{}", backup_info::label_ending(), compression.ending());
        let key = backup.begin.segment.key(&ending);
        self.directory.put(&key, compression.compress(&label)?, at);
        self.put_data(&backup, at);
        let info = backup_info::done(&self.traits, backup.cluster_bytes, backup.begin, end);
        self.directory.put(&backup.key("backup.info"), info, at);
        self.done.insert(
            backup.id.clone(),
            Backup {
                end: Some(end),
                ..backup
            },
        );
        Ok(())
    }

    /// Lets a backup fail; what was uploaded stays.
    pub(crate) fn fail_backup(&self, backup: &Backup, at: DateTime<Utc>) {
        let info = backup_info::failed(&self.traits, backup.cluster_bytes, backup.begin);
        self.directory.put(&backup.key("backup.info"), info, at);
    }

    fn put_data(&self, backup: &Backup, at: DateTime<Utc>) {
        self.directory
            .end_upload(&self.data_key(backup, ""), backup.begin.at);
        let (mut left, mut number) = (backup.data_bytes, 0);
        while left > 0 {
            let bytes = left.min(MAX_ARCHIVE_BYTES);
            let part = if number == 0 {
                String::new()
            } else {
                format!("_{number:04}")
            };
            self.directory
                .put_upload(&self.data_key(backup, &part), bytes, at);
            (left, number) = (left - bytes, number + 1);
        }
        if let Some(oid) = self.traits.tablespace {
            let name = format!("{oid}.tar{}", self.traits.data_ending);
            self.directory
                .put_upload(&backup.key(&name), backup.data_bytes / 12, at);
        }
    }

    fn data_key(&self, backup: &Backup, part: &str) -> String {
        backup.key(&format!("data{part}.tar{}", self.traits.data_ending))
    }
}
