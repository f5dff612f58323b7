//! Document that `check --output json` prints.
//!
//! The fields of these structs are the fields of the JSON, and their documentation is its
//! documentation. A field is `null` if its value is unknown. New fields may be added; removing a
//! field or changing its meaning raises `version`.

use std::collections::{BTreeMap, BTreeSet};

use archive_store::ErrorKind;
use barman_archive::retention::{RetentionBlock, RetentionStatus};
use serde::Serialize;

use super::{BackupEntry, CertificateEntry, ContentsEntry, ScheduleEntry};
use crate::health::Severity;
use crate::output::{FindingEntry, Label, Moment};
use crate::report::{ReclaimReason, RefusedKind, WalAnomaly};

/// Result of one check.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckDocument {
    /// Version of this document: 1.
    pub version: u32,
    /// Moment as of which everything is judged.
    pub generated_at: Moment,
    /// Worst status of the archives and certificates.
    pub status: Label<Severity>,
    /// Archives, in the order of the configuration.
    pub archives: Vec<ArchiveEntry>,
    /// Certificates: those in the configuration, then those of the archives' endpoints.
    pub certificates: Vec<CertificateEntry>,
}

/// One archive.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ArchiveEntry {
    /// Configured name.
    pub name: String,
    /// Destination path as a URL, `s3://bucket/prefix`.
    pub destination: String,
    /// Worst severity of the findings on the archive and its servers.
    pub status: Label<Severity>,
    /// Reason why the scan failed; `null` if it did not. A failed scan reports nothing about servers.
    pub error: Option<ErrorEntry>,
    /// Findings that concern no single server.
    pub findings: Vec<FindingEntry>,
    /// Names of the servers that exist and are ignored (`ignoreServers`).
    pub ignored_servers: BTreeSet<String>,
    /// Servers found and servers expected, by name.
    pub servers: Vec<ServerEntry>,
}

/// Reason why a scan failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ErrorEntry {
    /// Kind of the error, as in `barman_cloud_scan_errors_total`.
    pub kind: Label<ErrorKind>,
    /// Description of the error, and what to do about it.
    pub message: String,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServerEntry {
    /// Name of its directory.
    pub name: String,
    /// True if the server should exist: it is configured, or no servers are configured.
    pub expected: bool,
    /// Worst severity of the findings.
    pub status: Label<Severity>,
    /// Findings, worst first.
    pub findings: Vec<FindingEntry>,
    /// Backups, by id.
    pub backups: Vec<BackupEntry>,
    /// Cluster that the newest finished backup was taken of; `null` if unknown.
    pub postgresql: Option<PostgresqlEntry>,
    /// Files that the store refuses to return or that are too large, by kind: nothing that depends on
    /// them is known.
    pub files_refused: Vec<RefusedEntry>,
    /// WAL of the server.
    pub wal: WalEntry,
    /// Recoverability: which backups can be restored, and to when.
    pub recovery: RecoveryEntry,
    /// Contents of its objects, as far as they were read; `null` if they are not verified.
    pub contents: Option<ContentsEntry>,
    /// Backups compared with their schedule; `null` without a schedule.
    pub schedule: Option<ScheduleEntry>,
    /// Effect of the retention policy on the backups; `null` without a policy.
    pub retention: Option<RetentionEntry>,
    /// Unfinished multipart uploads; `null` if the store does not list them.
    pub uploads: Option<UploadsEntry>,
    /// Bytes of everything in its directory.
    pub stored_bytes: u64,
    /// Bytes that nobody needs, by reason, as in `barman_cloud_reclaimable_bytes`. A reason that
    /// does not apply, or whose bytes are unknown, is missing.
    pub reclaimable_bytes: BTreeMap<Label<ReclaimReason>, u64>,
}

/// Cluster that a backup was taken of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PostgresqlEntry {
    /// System identifier of the cluster.
    pub system_identifier: String,
    /// Version of `PostgreSQL`, such as `15.18`; `null` if `backup.info` does not state it.
    pub version: Option<String>,
}

/// Refused files of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RefusedEntry {
    /// Kind of the files, as in `barman_cloud_files_refused`: `backup_info`, `history`, `keep`.
    pub kind: Label<RefusedKind>,
    /// Number of files.
    pub count: u64,
    /// Key of the newest file, from the bucket's root.
    pub key: String,
    /// Message of the store about that file.
    pub message: String,
}

/// WAL of one server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WalEntry {
    /// Timelines with whole segments, by number.
    pub timelines: Vec<TimelineEntry>,
    /// Newest segment by its position: the last one of the current timeline; if no timeline is
    /// current, of the highest timeline that no other cluster wrote; `null` if there is none.
    pub newest_segment: Option<String>,
    /// Arrival time of that segment; `null` if there is none.
    pub newest_at: Option<Moment>,
    /// Time from the arrival of a segment to that of the next, without gaps; `null` without two
    /// consecutive segments.
    pub arrival_intervals: Option<IntervalsEntry>,
    /// Number of anomalies by kind, as in `barman_cloud_wal_anomalies`. A kind that could not be
    /// judged is missing.
    pub anomalies: BTreeMap<Label<WalAnomaly>, u64>,
    /// Names of up to 20 odd segments, by the same kinds; for `misplaced` and `foreign`, keys from
    /// the bucket's root. A kind without any is missing.
    pub odd: BTreeMap<Label<WalAnomaly>, Vec<String>>,
    /// Timelines that a restored copy may have written; `null` if that could not be judged.
    pub stray_timelines: Option<Vec<u32>>,
}

/// Time from one arrival to the next, in seconds; times over a minute are rounded by up to 2 %.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IntervalsEntry {
    /// Time that half of the intervals do not exceed.
    pub median_seconds: f64,
    /// Time that 99 % of the intervals do not exceed.
    pub p99_seconds: f64,
    /// Longest interval, not rounded.
    pub longest_seconds: f64,
}

/// Segments of one timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TimelineEntry {
    /// Number of the timeline.
    pub timeline: u32,
    /// Number of the timeline that it branched from; `null` for the first one, and if no readable
    /// history file states it.
    pub parent: Option<u32>,
    /// Position at which it branched from its parent, an LSN such as `0/6000080`; `null` if
    /// `parent` is.
    pub switched_at: Option<String>,
    /// Name of its first segment in the archive.
    pub first: Option<String>,
    /// Name of its last segment in the archive.
    pub last: Option<String>,
    /// Number of segments.
    pub segments: u64,
    /// Bytes of their objects in the bucket.
    pub bytes: u64,
}

/// Recoverability of one server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RecoveryEntry {
    /// Timeline on which the newest restorable backup's path ends; `null` without such a backup.
    pub current_timeline: Option<u32>,
    /// Timeline with the newest WAL of all, if no backup reaches it; `null` otherwise.
    pub unreached_timeline: Option<u32>,
    /// Missing segments that a finished backup has to be replayed through; `null` if none are known,
    /// but a file that cannot be read may reveal some.
    pub gaps: Option<Vec<GapEntry>>,
    /// Missing segments below ones that have just arrived: they may still be on their way, and become
    /// gaps only after `backups.gapGracePeriod`.
    pub pending_gaps: Vec<GapEntry>,
    /// Earliest moment from which every later one can be restored; `null` without a backup that
    /// reaches the newest WAL.
    pub window_start: Option<Moment>,
    /// Latest moment that can be restored: the arrival of the newest WAL; `null` like the start.
    pub window_end: Option<Moment>,
    /// Last commit in the newest WAL, by the clock of the database: the latest time to use as a recovery
    /// target; `null` like the end, and if that WAL was not read as a whole.
    pub window_last_commit_at: Option<Moment>,
    /// Timelines with WAL or backups whose history file is missing or unreadable; `null` if none is
    /// known, but the store refuses a history file.
    pub histories_missing: Option<Vec<u32>>,
    /// Segments that no restore of a finished backup reads; `null` without a finished backup, and
    /// if unknown.
    pub obsolete: Option<Vec<GapEntry>>,
    /// Number of segments that no finished backup needs; `null` if `obsolete` is.
    pub obsolete_segments: Option<u64>,
    /// Bytes of these segments in the bucket; `null` if unknown.
    pub obsolete_bytes: Option<u64>,
    /// Objects that a restore to the newest WAL must read; `null` if no such restore is possible.
    pub restore: Option<RestoreEntry>,
}

/// Objects that a restore to the newest WAL must read: those of a backup, segments, history files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RestoreEntry {
    /// Id of the newest backup that can be recovered to the newest WAL.
    pub backup: String,
    /// Number of objects.
    pub objects: u64,
    /// Bytes of these objects.
    pub bytes: u64,
    /// Number of those in a storage class that cannot be read immediately.
    pub blocked_objects: u64,
}

/// Consecutive segments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GapEntry {
    /// Number of the timeline.
    pub timeline: u32,
    /// Name of the first segment.
    pub first: String,
    /// Name of the last segment.
    pub last: String,
    /// Number of segments.
    pub count: u64,
}

/// Effect of the retention policy on a server's backups.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RetentionEntry {
    /// Retention policy in Barman's words.
    pub policy: String,
    /// Status of each backup by id, in Barman's words; `null` if Barman's rule leads to an error.
    pub statuses: Option<BTreeMap<String, Label<RetentionStatus>>>,
    /// Ids of the backups that the policy does not need; `null` like the statuses.
    pub obsolete: Option<Vec<String>>,
    /// Moment since which the backup that has been obsolete longest is obsolete; `null` without one.
    pub overdue_since: Option<Moment>,
    /// Reasons that keep Barman from deleting: `unreadable_backup` (it deletes nothing),
    /// `kept_backup` (it deletes no WAL); `null` if none is known, but a refused file may hide one.
    pub blocked: Option<BTreeSet<Label<RetentionBlock>>>,
    /// Share of a recovery window that can be restored immediately, from 0 to 1; `null` with another
    /// policy.
    pub coverage_ratio: Option<f64>,
    /// That share once everything has been retrieved from cold storage; `null` if the ratio is.
    pub coverage_ratio_after_thaw: Option<f64>,
    /// Seconds of the window that cannot be restored; `null` like the ratio.
    pub shortfall_seconds: Option<f64>,
    /// Objects that `barman-cloud-backup-delete` would delete now; `null` if Barman would end with
    /// an error.
    pub deletion: Option<DeletionEntry>,
}

/// Objects that Barman would delete now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DeletionEntry {
    /// Ids of the backups, in the order in which they would be deleted.
    pub backups: Vec<String>,
    /// Number of all objects.
    pub objects: u64,
    /// Bytes of all objects.
    pub bytes: u64,
    /// Number of objects below `wals/`.
    pub wal_objects: u64,
    /// Bytes of those objects.
    pub wal_bytes: u64,
}

/// Unfinished multipart uploads of a server, including those of a running backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UploadsEntry {
    /// Number of uploads.
    pub count: u64,
    /// Bytes that they have stored; `null` if the store does not report them.
    pub bytes: Option<u64>,
    /// Start of the oldest upload; `null` without any.
    pub oldest_at: Option<Moment>,
    /// Keys of up to 20 uploads, without the destination path, oldest first.
    pub keys: Vec<String>,
}

impl CheckDocument {
    /// Writes the document as indented JSON.
    ///
    /// # Errors
    /// Never with these types: all keys are texts, and no number is infinite.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}
