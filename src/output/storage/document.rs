//! Document that `report --output json` prints.
//!
//! The fields of these structs are the fields of the JSON, and their documentation is its
//! documentation. A field is `null` if its value is unknown. New fields may be added; removing a
//! field or changing its meaning raises `version`.

use serde::Serialize;

use super::{GrowthEntry, ReclaimableEntry};
use crate::health::Severity;
use crate::output::{ErrorEntry, FindingEntry, Label, Moment, ServerEntry, UploadsEntry};
use crate::report::PrefixKind;

/// Storage of all archives, and the health of their servers.
///
/// Entries with shares are listed largest first. Shares add up to 100.0 and are `null` if the sum is
/// zero. Sums are of the listed objects: they do not include the bytes of unfinished uploads.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReportDocument {
    /// Version of this document: 1.
    pub version: u32,
    /// Moment as of which everything is judged.
    pub generated_at: Moment,
    /// Worst status of the archives, as in a check.
    pub status: Label<Severity>,
    /// True if every archive could be scanned; otherwise the sums are of the others.
    pub complete: bool,
    /// Number of objects in all archives.
    pub objects: u64,
    /// Bytes in all archives.
    pub bytes: u64,
    /// Archives, in the order of the configuration.
    pub archives: Vec<ArchiveReport>,
}

/// One archive: the fields of a check, and its storage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ArchiveReport {
    /// Configured name.
    pub name: String,
    /// Destination path as a URL, `s3://bucket/prefix`.
    pub destination: String,
    /// Worst severity of the findings on the archive and its servers.
    pub status: Label<Severity>,
    /// Reason why the scan failed; `null` if it did not.
    pub error: Option<ErrorEntry>,
    /// Findings that concern no single server.
    pub findings: Vec<FindingEntry>,
    /// Storage of the archive; `null` if the scan failed.
    pub storage: Option<StorageEntry>,
    /// Servers found and servers expected.
    pub servers: Vec<ServerStorage>,
}

/// Storage of one archive.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StorageEntry {
    /// Number of objects below the destination path.
    pub objects: u64,
    /// Bytes of these objects.
    pub bytes: u64,
    /// Share of these bytes in the bytes of all archives.
    pub share_percent: Option<f64>,
    /// Usage by prefix.
    pub prefixes: Vec<PrefixEntry>,
    /// Usage by kind; kinds without objects are included.
    pub kinds: Vec<KindEntry>,
    /// Usage by storage class.
    pub storage_classes: Vec<ClassEntry>,
    /// Objects that nobody needs.
    pub reclaimable: ReclaimableEntry,
    /// All unfinished multipart uploads; `null` if the store does not list them.
    pub uploads: Option<UploadsEntry>,
    /// Bytes that arrived lately.
    pub growth: GrowthEntry,
}

/// Usage of one prefix.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PrefixEntry {
    /// Prefix, relative to the destination path, ending in a slash; empty for objects below none of
    /// the others.
    pub prefix: String,
    /// Kind of the objects: `base`, `wals`, `orphan`, `other`, as in `barman_cloud_prefix_bytes`.
    pub kind: Label<PrefixKind>,
    /// Number of objects.
    pub objects: u64,
    /// Bytes of these objects.
    pub bytes: u64,
    /// Share in the bytes of the archive.
    pub share_percent: Option<f64>,
}

/// Usage of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KindEntry {
    /// Kind of the objects: `base`, `wals`, `orphan`, `other`.
    pub kind: Label<PrefixKind>,
    /// Number of objects.
    pub objects: u64,
    /// Bytes of these objects.
    pub bytes: u64,
    /// Share in the bytes of the archive.
    pub share_percent: Option<f64>,
}

/// Usage of one storage class.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClassEntry {
    /// Storage class, as the store names it.
    pub storage_class: String,
    /// Bytes.
    pub bytes: u64,
    /// Share in all bytes.
    pub share_percent: Option<f64>,
}

/// One server: the fields of a check, and its storage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServerStorage {
    /// Result of a check, with every verdict and its evidence.
    #[serde(flatten)]
    pub health: ServerEntry,
    /// Number of the objects in `stored_bytes`.
    pub stored_objects: u64,
    /// Share of `stored_bytes` in the bytes of the archive; objects outside any server's directory
    /// have the rest.
    pub share_percent: Option<f64>,
    /// Usage by storage class.
    pub storage_classes: Vec<ClassEntry>,
    /// Bytes that arrived lately.
    pub growth: GrowthEntry,
}

impl ReportDocument {
    /// Writes the document as indented JSON.
    ///
    /// # Errors
    /// Never with these types: all keys are texts, and no number is infinite.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}
