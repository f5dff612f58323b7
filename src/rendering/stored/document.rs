//! The shape of what `report --output json` prints.
//!
//! The fields of these structs are the fields of the JSON, and their documentation is its. What is
//! not known is `null`. New fields may come; one that goes or changes its meaning raises `version`.

use serde::Serialize;

use super::{GrowthEntry, ReclaimableEntry};
use crate::rendering::{ErrorEntry, Finding, Moment, ServerEntry, Severity, UploadsEntry};

/// What is stored in all archives, and how it is with their servers.
///
/// Whatever has a share is listed largest first. Shares add up to 100.0 and are `null` where the
/// whole is nothing. Sums are of the objects that are listed: what unfinished uploads have stored is
/// in none of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportDocument {
    /// Version of this shape: 1.
    pub version: u32,
    /// The moment as of which everything is judged.
    pub generated_at: Moment,
    /// The worst of the archives' statuses, as a check has it.
    pub status: Severity,
    /// Whether every archive could be scanned: else the sums are of the others.
    pub complete: bool,
    /// Objects in all archives.
    pub objects: u64,
    /// Bytes in all archives.
    pub bytes: u64,
    /// The archives, in the order of the configuration.
    pub archives: Vec<ArchiveReport>,
}

/// One archive: the fields of a check's, and what is stored there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArchiveReport {
    /// The configured name.
    pub name: String,
    /// The destination path as a URL, `s3://bucket/prefix`.
    pub destination: String,
    /// The worst of the findings, of the archive's and of its servers'.
    pub status: Severity,
    /// Why the scan failed; `null` when it did not.
    pub error: Option<ErrorEntry>,
    /// What is not as it should be and concerns no single server.
    pub findings: Vec<Finding>,
    /// What is stored; `null` when the scan failed.
    pub storage: Option<StorageEntry>,
    /// The servers found and the servers expected.
    pub servers: Vec<ServerStorage>,
}

/// What is stored in one archive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StorageEntry {
    /// Objects below the destination path.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their share in the bytes of all archives.
    pub share_percent: Option<f64>,
    /// By prefix.
    pub prefixes: Vec<PrefixEntry>,
    /// By kind; each is there, also where it has nothing.
    pub kinds: Vec<KindEntry>,
    /// By storage class.
    pub storage_classes: Vec<ClassEntry>,
    /// What nobody needs.
    pub reclaimable: ReclaimableEntry,
    /// All unfinished multipart uploads; `null` where the store does not list them.
    pub uploads: Option<UploadsEntry>,
    /// What arrived lately.
    pub growth: GrowthEntry,
}

/// What lies below one prefix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrefixEntry {
    /// The prefix behind the destination path, ending in a slash; empty for what lies in none of the
    /// others.
    pub prefix: String,
    /// What lies there: `base`, `wals`, `orphan`, `other`, as `barman_cloud_prefix_bytes` has it.
    pub kind: &'static str,
    /// How many objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their share in the archive's bytes.
    pub share_percent: Option<f64>,
}

/// What is stored of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindEntry {
    /// `base`, `wals`, `orphan`, `other`.
    pub kind: &'static str,
    /// How many objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their share in the archive's bytes.
    pub share_percent: Option<f64>,
}

/// What is stored in one storage class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassEntry {
    /// The class, as the store names it.
    pub storage_class: String,
    /// Bytes.
    pub bytes: u64,
    /// Their share.
    pub share_percent: Option<f64>,
}

/// One server: the fields of a check's, and what is stored of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerStorage {
    /// Everything that a check says, with every verdict and its evidence.
    #[serde(flatten)]
    pub health: ServerEntry,
    /// How many objects `stored_bytes` are of.
    pub stored_objects: u64,
    /// Share of `stored_bytes` in the archive's bytes; what lies in no server's directory has the rest.
    pub share_percent: Option<f64>,
    /// By storage class.
    pub storage_classes: Vec<ClassEntry>,
    /// What arrived lately.
    pub growth: GrowthEntry,
}

impl ReportDocument {
    /// The document as JSON, indented.
    ///
    /// # Errors
    /// Never with the types as they are: all keys are texts, and no number is infinite.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}
