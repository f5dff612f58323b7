//! The shape of what `check --output json` prints.
//!
//! The fields of these structs are the fields of the JSON, and their documentation is its. What is
//! not known is `null`. New fields may come; one that goes or changes its meaning raises `version`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use super::{BackupEntry, CertificateEntry, Finding, ScheduleEntry, Severity};

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckDocument {
    /// Version of this shape: 1.
    pub version: u32,
    /// The moment as of which everything is judged.
    pub generated_at: Moment,
    /// The worst of the archives' and certificates' statuses.
    pub status: Severity,
    /// The archives, in the order of the configuration.
    pub archives: Vec<ArchiveEntry>,
    /// The certificates: those listed, then those of the archives' endpoints.
    pub certificates: Vec<CertificateEntry>,
}

/// A moment, written as RFC 3339 has it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub DateTime<Utc>);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// One archive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArchiveEntry {
    /// The configured name.
    pub name: String,
    /// The destination path as a URL, `s3://bucket/prefix`.
    pub destination: String,
    /// The worst of the findings, of the archive's and of its servers'.
    pub status: Severity,
    /// Why the scan failed; `null` when it did not. A failed scan says nothing about servers.
    pub error: Option<ErrorEntry>,
    /// What concerns no single server.
    pub findings: Vec<Finding>,
    /// Names of the servers that exist and are left out (`ignoreServers`).
    pub ignored_servers: BTreeSet<String>,
    /// The servers found and the servers expected, by name.
    pub servers: Vec<ServerEntry>,
}

/// Why a scan failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorEntry {
    /// Its kind, as `barman_cloud_scan_errors_total` has it.
    pub kind: &'static str,
    /// What happened and what to do about it.
    pub message: String,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerEntry {
    /// Name of its directory.
    pub name: String,
    /// Whether it should be there: configured, or found where none is configured.
    pub expected: bool,
    /// The worst of the findings.
    pub status: Severity,
    /// What is not as it should be, worst first.
    pub findings: Vec<Finding>,
    /// The backups, by id.
    pub backups: Vec<BackupEntry>,
    /// The cluster that the newest finished backup was taken of; `null` if that is not known.
    pub postgresql: Option<PostgresqlEntry>,
    /// Files whose content the store refuses, by kind: nothing that depends on them is known.
    pub files_refused: Vec<RefusedEntry>,
    /// The WAL.
    pub wal: WalEntry,
    /// What can be restored, and to when.
    pub recovery: RecoveryEntry,
    /// How the backups keep to their schedule; `null` without one.
    pub schedule: Option<ScheduleEntry>,
    /// What the retention policy makes of the backups; `null` without a policy.
    pub retention: Option<RetentionEntry>,
    /// The unfinished multipart uploads; `null` where the store does not list them.
    pub uploads: Option<UploadsEntry>,
    /// Bytes of everything in its directory.
    pub stored_bytes: u64,
    /// Bytes that nobody needs, by the reasons of `barman_cloud_reclaimable_bytes`. A reason that
    /// does not apply, or of which it is not known, is missing.
    pub reclaimable_bytes: BTreeMap<&'static str, u64>,
}

/// The cluster that a backup was taken of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PostgresqlEntry {
    /// Its system identifier.
    pub system_identifier: String,
    /// Its version, such as `15.18`; `null` if `backup.info` does not say.
    pub version: Option<String>,
}

/// Refused files of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedEntry {
    /// The kind, as in `barman_cloud_files_refused`: `backup_info`, `history`, `keep`.
    pub kind: &'static str,
    /// Number of files.
    pub count: u64,
    /// Key of the newest file, from the bucket's root.
    pub key: String,
    /// The store's message about that file.
    pub message: String,
}

/// The WAL of a server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WalEntry {
    /// The timelines with whole segments, by number.
    pub timelines: Vec<TimelineEntry>,
    /// The newest segment by its position: the last one of the current timeline; if no timeline is
    /// current, of the highest one that no other cluster wrote; `null` if there is none.
    pub newest_segment: Option<String>,
    /// Arrival time of that segment; `null` if there is none.
    pub newest_at: Option<Moment>,
    /// Time from the arrival of a segment to that of the next, gaps left out; `null` without two
    /// that follow each other.
    pub arrival_intervals: Option<IntervalsEntry>,
    /// What is odd: counts by the kinds of `barman_cloud_wal_anomalies`. A kind that could not be
    /// judged is missing.
    pub anomalies: BTreeMap<&'static str, u64>,
    /// Names of up to 20 odd segments, by the same kinds; for `misplaced` and `foreign`, keys from
    /// the bucket's root. A kind without any is missing.
    pub odd: BTreeMap<&'static str, Vec<String>>,
    /// The timelines that a restored copy may have written; `null` if that could not be judged.
    pub stray_timelines: Option<Vec<u32>>,
}

/// Time from one arrival to the next, in seconds; over a minute rounded by up to 2 %.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IntervalsEntry {
    /// What half of them do not exceed.
    pub median_seconds: f64,
    /// What 99 % of them do not exceed.
    pub p99_seconds: f64,
    /// The longest one, not rounded.
    pub longest_seconds: f64,
}

/// The whole segments of one timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// Number of the timeline.
    pub timeline: u32,
    /// Number of the timeline that it left; `null` for the first one, and if no readable history
    /// file says so.
    pub parent: Option<u32>,
    /// The position at which it left its parent (an LSN such as `0/6000080`); `null` if `parent`
    /// is.
    pub switched_at: Option<String>,
    /// Name of its first segment in the archive.
    pub first: Option<String>,
    /// Name of its last segment in the archive.
    pub last: Option<String>,
    /// How many segments.
    pub segments: u64,
    /// What they take in the bucket.
    pub bytes: u64,
}

/// What can be restored of a server, and to when.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecoveryEntry {
    /// The timeline on which the newest restorable backup's path ends; `null` without one.
    pub current_timeline: Option<u32>,
    /// The timeline with the newest WAL of all, if no backup reaches it; `null` otherwise.
    pub unreached_timeline: Option<u32>,
    /// Missing segments that a finished backup would have to replay through; `null` if none are
    /// known, but a file that cannot be read may show some.
    pub gaps: Option<Vec<GapEntry>>,
    /// Missing segments before ones that have just arrived: they may still be on their way, and are
    /// gaps only after `backups.gapGracePeriod`.
    pub pending_gaps: Vec<GapEntry>,
    /// Earliest moment from which every later one can be restored; `null` without a backup that
    /// reaches the newest WAL.
    pub window_start: Option<Moment>,
    /// Latest moment that can be restored; `null` like the start.
    pub window_end: Option<Moment>,
    /// Timelines with WAL or backups whose history file is missing or unreadable; `null` if none
    /// are known, but the store refuses one.
    pub histories_missing: Option<Vec<u32>>,
    /// Segments that no restore of a finished backup reads; `null` without a finished backup, and
    /// if that is not known.
    pub obsolete: Option<Vec<GapEntry>>,
    /// Number of segments that no finished backup needs; `null` if `obsolete` is.
    pub obsolete_segments: Option<u64>,
    /// What they take in the bucket; `null` like their number.
    pub obsolete_bytes: Option<u64>,
    /// What a restore to the newest WAL must read; `null` where none is possible.
    pub restore: Option<RestoreEntry>,
}

/// What a restore to the newest WAL must read: a backup's own objects, segments, history files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestoreEntry {
    /// Id of the newest backup that can be recovered to there.
    pub backup: String,
    /// How many objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them are in a storage class that cannot be read at once.
    pub blocked_objects: u64,
}

/// Consecutive segments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

/// What the retention policy makes of a server's backups.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RetentionEntry {
    /// The policy in Barman's words.
    pub policy: String,
    /// Status of each backup by id, in Barman's words; `null` if Barman's rule leads to an error.
    pub statuses: Option<BTreeMap<String, &'static str>>,
    /// The ids of the backups that it does not need; `null` like the statuses.
    pub obsolete: Option<Vec<String>>,
    /// Since when the backup has been obsolete that is so for longest; `null` without one.
    pub overdue_since: Option<Moment>,
    /// Reasons that keep Barman from deleting: `unreadable_backup` (it deletes nothing),
    /// `kept_backup` (it deletes no WAL); `null` if none is known, but a refused file may hide one.
    pub blocked: Option<BTreeSet<&'static str>>,
    /// Share of a recovery window that can be restored at once, from 0 to 1; `null` with another
    /// policy.
    pub coverage_ratio: Option<f64>,
    /// The same share once everything is brought back from cold storage; `null` if the ratio is.
    pub coverage_ratio_after_thaw: Option<f64>,
    /// Seconds of the window that cannot; `null` like the ratio.
    pub shortfall_seconds: Option<f64>,
    /// What `barman-cloud-backup-delete` would delete now; `null` where Barman would end with an
    /// error.
    pub deletion: Option<DeletionEntry>,
}

/// What Barman would delete now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeletionEntry {
    /// Ids of the backups, in the order in which they go.
    pub backups: Vec<String>,
    /// Everything that goes.
    pub objects: u64,
    /// Its bytes.
    pub bytes: u64,
    /// What of it lies below `wals/`.
    pub wal_objects: u64,
    /// Its bytes.
    pub wal_bytes: u64,
}

/// The unfinished multipart uploads of a server, those of a backup under way included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UploadsEntry {
    /// How many.
    pub count: u64,
    /// What they have stored; `null` where the store does not say.
    pub bytes: Option<u64>,
    /// When the oldest was begun; `null` without any.
    pub oldest_at: Option<Moment>,
    /// Keys of up to 20 of them, without the destination path, oldest first.
    pub keys: Vec<String>,
}

impl CheckDocument {
    /// The document as JSON, indented.
    ///
    /// # Errors
    /// Never with the types as they are: all keys are texts, and no number is infinite.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}
