//! Names of segments, objects and uploads with a problem, as far as they are remembered.

/// A segment, object or upload with a problem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Oddity {
    /// Server that it belongs to; empty if outside any server.
    pub server: String,
    /// Kind: one of `barman_cloud_wal_anomalies`, `missing_data`, or `unfinished_upload`.
    pub kind: &'static str,
    /// Name of a segment, or key of an object.
    pub name: String,
}
