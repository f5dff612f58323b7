//! `backup.info`: Barman's description of one backup.
//!
//! `docs/specification.md`, 4.1 to 4.6.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};

use super::python::Literal;
use super::{BackupLabel, time};
use crate::postgres::{Lsn, SegmentName, SegmentSize};

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

/// Status of an unfinished backup, in Barman's words (`BackupInfo.STATUS_ALL`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnfinishedStatus {
    /// `EMPTY`: not started. Also the meaning of a `backup.info` without content.
    Empty,
    /// `STARTED`: running, or killed.
    Started,
    /// `FAILED`
    Failed,
    /// `WAITING_FOR_WALS`: copied by a Barman server, its WAL not yet.
    WaitingForWals,
    /// `SYNCING`: being copied between Barman servers.
    Syncing,
    /// Word that Barman does not use today.
    Unknown(String),
}

/// Status of a backup, in Barman's words (`BackupInfo.STATUS_ALL`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupStatus {
    /// `DONE`
    Done,
    /// Any other status.
    Unfinished(UnfinishedStatus),
}

/// Error of a `backup.info` that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupInfoError {
    /// The file is not text.
    #[error("not UTF-8 text")]
    NotText,
    /// The store kept the framing of a chunked upload in the file.
    #[error(
        "the file holds the chunks and checksum trailer of its upload: the client that wrote it \
         and the store do not understand each other (set AWS_REQUEST_CHECKSUM_CALCULATION to \
         `when_required` where Barman runs)"
    )]
    Framing,
    /// A line is not `key=value`.
    #[error("line {number} has no `=`")]
    Line {
        /// Number of the line, from 1.
        number: usize,
    },
    /// A finished backup lacks a field.
    #[error("status is DONE and field `{field}` is missing")]
    MissingField {
        /// Name of the field, as Barman writes it.
        field: &'static str,
    },
    /// A field is present, but its value makes no sense.
    #[error("field `{field}` has the invalid value `{value}`: expected {expected}")]
    InvalidField {
        /// Name of the field, as Barman writes it.
        field: &'static str,
        /// The value, verbatim.
        value: String,
        /// Expected kind of value.
        expected: &'static str,
    },
}

impl fmt::Display for BackupStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Done => "DONE",
            Self::Unfinished(UnfinishedStatus::Empty) => "EMPTY",
            Self::Unfinished(UnfinishedStatus::Started) => "STARTED",
            Self::Unfinished(UnfinishedStatus::Failed) => "FAILED",
            Self::Unfinished(UnfinishedStatus::WaitingForWals) => "WAITING_FOR_WALS",
            Self::Unfinished(UnfinishedStatus::Syncing) => "SYNCING",
            Self::Unfinished(UnfinishedStatus::Unknown(word)) => word,
        })
    }
}

impl From<UnfinishedStatus> for BackupStatus {
    fn from(status: UnfinishedStatus) -> Self {
        Self::Unfinished(status)
    }
}

impl From<Option<&str>> for BackupStatus {
    fn from(word: Option<&str>) -> Self {
        let unfinished = match word {
            Some("DONE") => return Self::Done,
            None | Some("EMPTY") => UnfinishedStatus::Empty,
            Some("STARTED") => UnfinishedStatus::Started,
            Some("FAILED") => UnfinishedStatus::Failed,
            Some("WAITING_FOR_WALS") => UnfinishedStatus::WaitingForWals,
            Some("SYNCING") => UnfinishedStatus::Syncing,
            Some(word) => UnfinishedStatus::Unknown(word.to_owned()),
        };
        Self::Unfinished(unfinished)
    }
}

impl BackupStatus {
    /// Returns whether the data of the backup are copied to the end, even if its WAL is not
    /// (`BackupInfo.STATUS_COPY_DONE`).
    #[must_use]
    pub const fn is_copied(&self) -> bool {
        match self {
            Self::Done | Self::Unfinished(UnfinishedStatus::WaitingForWals) => true,
            Self::Unfinished(
                UnfinishedStatus::Empty
                | UnfinishedStatus::Started
                | UnfinishedStatus::Failed
                | UnfinishedStatus::Syncing
                | UnfinishedStatus::Unknown(_),
            ) => false,
        }
    }
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
        let tablespaces =
            fields.read("tablespaces", "a list of (name, oid, location)", tablespace_oids)?;
        let has_naive_times = [began, ended].into_iter().flatten().any(|time| time.naive);
        let extent = Extent {
            began_at: began.map(|time| time.at),
            ended_at: ended.map(|time| time.at),
            begin_wal,
            end_wal,
            begin_lsn: fields.get("begin_xlog").and_then(|text| text.parse().ok()),
            end_lsn,
        };
        let progress = extent.with_status(fields.get("status").into())?;
        Ok(Self {
            progress,
            label: fields.get("backup_label").and_then(BackupLabel::from_field),
            parent_id: fields.get("parent_backup_id").map(str::to_owned),
            children_ids: fields.get("children_backup_ids").map(backup_ids).unwrap_or_default(),
            segment_size,
            system_identifier: fields.get("systemid").map(str::to_owned),
            postgresql_version: fields.get("version").and_then(postgresql_version),
            cluster_size_bytes,
            tablespace_oids: tablespaces.unwrap_or_default(),
            is_snapshot: fields.get("snapshots_info").is_some(),
            error: fields.get("error").map(str::to_owned),
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

/// Returns the version as `PostgreSQL` shows it: 150018 is 15.18, and 90624 is 9.6.24.
///
/// `PQserverVersion` in `libpq`: from version 10 on, the minor version takes the last four digits.
fn postgresql_version(text: &str) -> Option<String> {
    let number: u32 = text.parse().ok()?;
    let (major, middle, minor) = (number / 10_000, number / 100 % 100, number % 100);
    match major {
        0 => None,
        1..=9 => Some(format!("{major}.{middle}.{minor}")),
        _ => Some(format!("{major}.{}", number % 10_000)),
    }
}

const SEGMENT: &str = "a WAL segment's name of 24 hexadecimal digits";
const BYTES: &str = "a number of bytes";

/// Fields that are not null, by name.
struct Fields<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Fields<'a> {
    fn parse(content: &'a [u8]) -> Result<Self, BackupInfoError> {
        let text = std::str::from_utf8(content).map_err(|_| BackupInfoError::NotText)?;
        if has_upload_framing(text) {
            return Err(BackupInfoError::Framing);
        }
        let mut fields = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line.split_once('=').ok_or(BackupInfoError::Line { number })?;
            match value.trim() {
                "None" => fields.remove(key.trim()),
                value => fields.insert(key.trim(), value),
            };
        }
        Ok(Self(fields))
    }

    fn get(&self, field: &str) -> Option<&'a str> {
        self.0.get(field).copied()
    }

    fn read<T>(
        &self,
        field: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, BackupInfoError> {
        let Some(text) = self.get(field) else {
            return Ok(None);
        };
        let invalid = || BackupInfoError::InvalidField { field, value: text.to_owned(), expected };
        parse(text).map(Some).ok_or_else(invalid)
    }

    fn segment_size(&self) -> Result<SegmentSize, BackupInfoError> {
        let parse = |text: &str| SegmentSize::new(text.parse().ok()?).ok();
        let expected = "a power of two from 1 MiB to 1 GiB, in bytes";
        Ok(self.read("xlog_segment_size", expected, parse)?.unwrap_or(SegmentSize::DEFAULT))
    }

    fn cluster_size(&self) -> Result<Option<u64>, BackupInfoError> {
        let parse = |text: &str| text.parse().ok();
        let cluster_size = self.read("cluster_size", BYTES, parse)?;
        let size = self.read("size", BYTES, parse)?;
        Ok(cluster_size.or(size))
    }
}

/// Returns whether the text is the raw body of an `aws-chunked` upload.
///
/// Such a body begins with the length of the first chunk in hexadecimal on a line of its own, with
/// its signature or with a checksum trailer at the end (Amazon S3 API Reference, "Signature
/// calculations: transferring a payload in multiple chunks"). No line of `backup.info` is like
/// either.
fn has_upload_framing(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let is_signed_chunk = first.split_once(";chunk-signature=").is_some_and(|(length, _)| {
        !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    is_signed_chunk || text.lines().any(|line| line.starts_with("x-amz-"))
}

/// Reads a list of ids as Barman writes it: separated by commas (`load_backup_ids` in
/// `infofile.py`).
fn backup_ids(text: &str) -> Vec<String> {
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(str::to_owned).collect()
}

fn tablespace_oids(text: &str) -> Option<Vec<u32>> {
    let Literal::Sequence(tablespaces) = Literal::parse(text)? else {
        return None;
    };
    let oid = |tablespace: Literal| match tablespace {
        Literal::Sequence(fields) => match fields.as_slice() {
            [_, Literal::Number(oid), _] => oid.parse().ok(),
            _ => None,
        },
        Literal::Number(_) | Literal::Text(_) | Literal::Word(_) => None,
    };
    tablespaces.into_iter().map(oid).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DONE: &str = "begin_time=2026-11-08 03:00:00.619175+00:00\n\
        begin_wal=00000002000000000000001A\n\
        cluster_size=39190217\n\
        end_time=2026-11-08 03:00:03.220312+00:00\n\
        end_wal=00000002000000000000001A\n\
        end_xlog=0/1A000100\n\
        error=None\n\
        size=None\n\
        status=DONE\n\
        systemid=7703017059624890625\n\
        tablespaces=[('fast', 16411, '/tmp/ts one')]\n\
        timeline=2\n\
        xlog_segment_size=16777216\n";

    fn parse(text: &str) -> Result<BackupInfo, BackupInfoError> {
        BackupInfo::parse(text.as_bytes())
    }

    #[test]
    fn versions_are_shown_as_postgresql_shows_them() {
        let shown = ["150018", "100000", "90624", "170002", "7", "x"].map(postgresql_version);

        let expected = [Some("15.18"), Some("10.0"), Some("9.6.24"), Some("17.2"), None, None];
        assert_eq!(shown, expected.map(|version| version.map(str::to_owned)));
    }

    #[test]
    fn a_finished_backup_is_read() {
        let info = parse(DONE).unwrap();

        assert_eq!(info.status(), BackupStatus::Done);
        assert_eq!(info.ended_at().unwrap().to_rfc3339(), "2026-11-08T03:00:03.220312+00:00");
        assert_eq!(info.end_wal(), SegmentName::parse("00000002000000000000001A"));
        assert_eq!(info.done().unwrap().end_lsn, Some(Lsn(0x1A00_0100)));
        assert_eq!(info.cluster_size_bytes, Some(39_190_217));
        assert_eq!(info.system_identifier.as_deref(), Some("7703017059624890625"));
        assert_eq!(info.tablespace_oids, [16411]);
        assert!(!info.is_snapshot && !info.has_naive_times && info.error.is_none());
    }

    #[test]
    fn an_incremental_backup_names_its_parent_and_children() {
        let chain = "parent_backup_id=20261107T030000\nchildren_backup_ids=20261109T030000,20261110T030000\n";

        let info = parse(&format!("{DONE}{chain}")).unwrap();

        assert_eq!(info.parent_id.as_deref(), Some("20261107T030000"));
        assert_eq!(info.children_ids, ["20261109T030000", "20261110T030000"]);
        assert_eq!(parse(DONE).unwrap().parent_id, None);
    }

    #[test]
    fn an_empty_file_means_a_backup_not_begun() {
        let info = parse("").unwrap();

        assert_eq!(info.status(), UnfinishedStatus::Empty.into());
        assert_eq!(info.began_at(), None);
        assert_eq!(info.segment_size, SegmentSize::DEFAULT);
    }

    #[test]
    fn unknown_keys_comments_and_blank_lines_are_skipped() {
        let info = parse("\n # a comment without a sign\nstatus = FAILED\nnew_key=a=b\n").unwrap();

        assert_eq!(info.status(), UnfinishedStatus::Failed.into());
    }

    #[test]
    fn an_unknown_status_is_kept_as_it_is() {
        assert_eq!(parse("status=PAUSED").unwrap().status().to_string(), "PAUSED");
    }

    #[test]
    fn a_snapshot_backup_says_so() {
        let text = format!("{DONE}snapshots_info={{'provider': 'gcp'}}\n");

        assert!(parse(&text).unwrap().is_snapshot);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        assert_eq!(parse("status=DONE\nbroken").unwrap_err(), BackupInfoError::Line { number: 2 });
        assert_eq!(BackupInfo::parse(b"\xFF=").unwrap_err(), BackupInfoError::NotText);
        let errors = [
            "end_time=yesterday",
            "begin_wal=1A",
            "xlog_segment_size=100",
            "tablespaces=[('a', 1)]",
        ]
        .map(|text| parse(text).unwrap_err().to_string());
        insta::assert_debug_snapshot!(errors, @r#"
        [
            "field `end_time` has the invalid value `yesterday`: expected a time",
            "field `begin_wal` has the invalid value `1A`: expected a WAL segment's name of 24 hexadecimal digits",
            "field `xlog_segment_size` has the invalid value `100`: expected a power of two from 1 MiB to 1 GiB, in bytes",
            "field `tablespaces` has the invalid value `[('a', 1)]`: expected a list of (name, oid, location)",
        ]
        "#);
    }

    #[test]
    fn a_finished_backup_without_its_end_is_missing_a_field() {
        let text = DONE.replace("end_time=", "other=");

        assert_eq!(parse(&text), Err(BackupInfoError::MissingField { field: "end_time" }));
        assert!(parse(&text.replace("DONE", "STARTED")).is_ok());
    }

    #[test]
    fn the_framing_of_a_chunked_upload_is_recognised() {
        let framed =
            format!("{:x}\r\n{DONE}\r\n0\r\nx-amz-checksum-crc32:yKEG5Q==\r\n\r\n", DONE.len());
        let signed = format!("{:x};chunk-signature=ab\r\n{DONE}\r\n", DONE.len());

        assert_eq!(parse(&framed), Err(BackupInfoError::Framing));
        assert_eq!(parse(&signed), Err(BackupInfoError::Framing));
        let trailer_alone = format!("{DONE}x-amz-checksum-crc32:yKEG5Q==\r\n");
        assert_eq!(parse(&trailer_alone), Err(BackupInfoError::Framing));
    }

    proptest! {
        #[test]
        fn what_barman_writes_is_read_back(
            size: Option<u64>, oids in prop::collection::vec(any::<u32>(), 0..4),
            high: u32, micros in 0_i64..4_000_000_000_000_000,
        ) {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            let number = size.map_or("None".to_owned(), |size| size.to_string());
            let tablespaces: Vec<_> = oids.iter().map(|oid| format!("('n', {oid}, '/l')")).collect();
            let text = format!(
                "begin_time={}\nbegin_wal=00000001{high:08X}000000FF\ncluster_size={number}\nstatus=STARTED\ntablespaces=[{}]\n",
                at.format("%Y-%m-%d %H:%M:%S%.6f+00:00"), tablespaces.join(", "),
            );

            let info = parse(&text).unwrap();

            prop_assert_eq!(info.began_at(), Some(at));
            prop_assert_eq!(info.begin_wal().map(|wal| wal.high), Some(high));
            prop_assert_eq!(info.cluster_size_bytes, size);
            prop_assert_eq!(info.tablespace_oids, oids);
        }

        #[test]
        fn no_bytes_make_it_panic(content: Vec<u8>) {
            let _ = BackupInfo::parse(&content);
        }

        #[test]
        fn no_fields_make_it_panic(
            fields in prop::collection::vec(
                (prop::sample::select(vec!["status", "begin_time", "begin_wal", "size", "tablespaces", "end_xlog"]), ".*"), 0..8),
        ) {
            let lines: Vec<_> = fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let text = lines.join("\n");
            let _ = parse(&text);
        }
    }
}
