//! Bytes and objects of an archive, by prefix.
//!
//! `docs/specification.md`, 18.1.

use barman_archive::inventory::Sums;

/// Bytes and objects below one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixSums {
    /// Prefix relative to the destination path, ending in a slash; empty for objects under none of
    /// the others.
    pub prefix: String,
    /// Kind of content below the prefix.
    pub kind: PrefixKind,
    /// Bytes and objects below the prefix.
    pub sums: Sums,
}

/// Kind of content below a prefix, as `barman_cloud_prefix_bytes` distinguishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrefixKind {
    /// Base backups of an expected server.
    Base,
    /// WAL of an expected server.
    Wals,
    /// A server that nobody expects.
    Orphan,
    /// Anything else, including ignored servers (`ignoreServers`).
    Other,
}

impl PrefixKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Base, Self::Wals, Self::Orphan, Self::Other];

    /// The kind as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Wals => "wals",
            Self::Orphan => "orphan",
            Self::Other => "other",
        }
    }
}
