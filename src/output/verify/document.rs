//! Document that `verify --output json` prints.
//!
//! The fields of these structs are the fields of the JSON, and their documentation is its
//! documentation. A field is `null` if its value is unknown. New fields may be added; removing a
//! field or changing its meaning raises `version`.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::evidence::{ContentVerdict, Depth, FaultKind, Level};
use crate::health::Severity;
use crate::output::{ErrorEntry, Label, Moment, PagesEntry, ProofEntry};
use crate::report::UnreadReason;

/// Result of one verification.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VerifyDocument {
    /// Version of this document: 1.
    pub version: u32,
    /// Moment of the result.
    pub generated_at: Moment,
    /// `ok` if nothing wrong was found in what was read; `warning` if something is suspect, or was
    /// asked for and not read; `critical` if something is corrupt; `unknown` if a scan or reads
    /// failed, or were interrupted.
    pub status: Label<Severity>,
    /// True if nothing was to be read (`--dry-run`).
    pub dry_run: bool,
    /// True if a signal ended the reads early.
    pub interrupted: bool,
    /// Estimate of what is to be read, each object once.
    pub planned: ReadEntry,
    /// Price of the planned bytes, if `verification.egressPricePerGB` is set, as a decimal number.
    pub planned_price: Option<String>,
    /// Reads of this command; `null` if nothing was to be read.
    pub read: Option<ReadEntry>,
    /// Duration of the reads, in seconds; `null` if nothing was to be read.
    pub read_seconds: Option<u64>,
    /// Archives, in the order of the configuration.
    pub archives: Vec<SelectedArchiveEntry>,
}

/// Sums of reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReadEntry {
    /// WAL files and data objects.
    pub objects: u64,
    /// Requests for contents; if planned, also those for listings and checksums.
    pub requests: u64,
    /// Bytes of contents.
    pub bytes: u64,
}

/// One archive.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SelectedArchiveEntry {
    /// Configured name.
    pub name: String,
    /// Destination path as a URL, `s3://bucket/prefix`.
    pub destination: String,
    /// Worst status of its servers; `unknown` if the scan failed.
    pub status: Label<Severity>,
    /// Reason why the scan failed; `null` if it did not.
    pub error: Option<ErrorEntry>,
    /// Selected servers, by name.
    pub servers: Vec<SelectedServerEntry>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SelectedServerEntry {
    /// Name of its directory.
    pub name: String,
    /// Status, as that of the document.
    pub status: Label<Severity>,
    /// Level of verification: `edges`, `wal` or `full`.
    pub level: Label<Level>,
    /// Estimate of what is to be read of it, each object once.
    pub planned: ReadEntry,
    /// Reason why reads were given up; `null` if they were not.
    pub error: Option<String>,
    /// Selected backups, the newest first.
    pub backups: Vec<SelectedBackupEntry>,
    /// Selected WAL files.
    pub wal: SelectedWalEntry,
    /// Segments that are not sound, up to 1,000.
    pub segments: Vec<SegmentEntry>,
}

/// One selected backup.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SelectedBackupEntry {
    /// Id of the backup.
    pub id: String,
    /// Bytes of its data objects.
    pub data_bytes: u64,
    /// Number of its data objects.
    pub data_objects: u64,
    /// Reason why its data were not read as deep as the level asks: `max_bytes`, `cold`, `dry_run`,
    /// `ended` (the reads ended before) or `gone` (it was deleted or replaced meanwhile); `null` if
    /// they were.
    pub unread: Option<Label<UnreadReason>>,
    /// Depth to which its data were read: `edges` or `whole`; `null` if nothing was read.
    pub depth: Option<Label<Depth>>,
    /// Verdict on its data: `sound` (nothing wrong was found), `suspect`, `corrupt` or `unreadable`;
    /// `null` if nothing was read.
    pub verdict: Option<Label<ContentVerdict>>,
    /// Moment of the read; `null` if nothing was read.
    pub read_at: Option<Moment>,
    /// True if this command read it; false if it was read before, or not.
    pub read_now: bool,
    /// Pages of relations; `null` if they were not looked at.
    pub pages: Option<PagesEntry>,
    /// Faults, as words.
    pub faults: BTreeSet<String>,
    /// What was not looked at, or cannot be proven, as words.
    pub unproven: BTreeSet<String>,
    /// End of the WAL that was read without a break from its start; `null` if that does not make the
    /// backup consistent.
    pub proven_wal: Option<ProofEntry>,
}

/// Numbers of selected WAL files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SelectedWalEntry {
    /// Files that were selected.
    pub selected: u64,
    /// Files that this command read as deep as the level asks.
    pub read_now: u64,
    /// Files that were read before.
    pub read_before: u64,
    /// Files that were not read as deep as the level asks.
    pub unread: u64,
    /// Files in which nothing wrong was found.
    pub sound: u64,
    /// Files that seem to be damaged.
    pub suspect: u64,
    /// Corrupt files.
    pub corrupt: u64,
    /// Files that cannot be judged.
    pub unreadable: u64,
    /// Segments of the range that are not there, or that no backup needs; 0 without a range.
    pub absent: u64,
}

/// Segment that is not sound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SegmentEntry {
    /// Name of the segment.
    pub segment: String,
    /// True for a partial segment.
    pub partial: bool,
    /// Verdict: `suspect`, `corrupt` or `unreadable`.
    pub verdict: Label<ContentVerdict>,
    /// Kind of the fault, as a word.
    pub fault: Label<FaultKind>,
    /// Position at which replay ends, without an error; `null` if unknown.
    pub ends_at: Option<String>,
    /// Depth to which it was read: `edges` or `whole`.
    pub depth: Label<Depth>,
    /// Moment of the read.
    pub read_at: Moment,
}
