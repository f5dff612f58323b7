//! Bytes and objects of an archive, by prefix.
//!
//! `docs/specification.md`, 18.1.

use std::collections::BTreeMap;

use barman_archive::inventory::{DirectoryInventory, Sums};

use super::{Expectations, ScanFindings};

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

/// Maximum number of directories that are not servers and get a prefix of their own. Anyone may
/// have written them, and each costs a time series; the smaller ones are summed with the loose
/// objects.
const MOST_OTHER_DIRECTORIES: usize = 50;

/// Sums an archive by prefix; the sums add up to everything that was listed.
pub(crate) fn prefix_sums(
    findings: &ScanFindings<'_>,
    servers: &BTreeMap<String, bool>,
    expected: &Expectations,
) -> Vec<PrefixSums> {
    let inventory = findings.inventory;
    let empty = DirectoryInventory::default();
    let directory = |name: &String| inventory.directories.get(name).unwrap_or(&empty);
    let mut prefixes: Vec<PrefixSums> = servers
        .iter()
        .flat_map(|(name, expected)| server_prefixes(name, *expected, directory(name)))
        .collect();
    let mut others: Vec<_> =
        inventory.directories.iter().filter(|(name, _)| !servers.contains_key(*name)).collect();
    others.sort_by_cached_key(|(_, directory)| std::cmp::Reverse(directory.total().bytes));
    let mut loose = inventory.loose.sums;
    let is_left_out = |name: &String, directory: &DirectoryInventory| {
        directory.is_server() && expected.is_ignored(name)
    };
    let (ignored, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|(name, directory)| is_left_out(name, directory));
    for (name, directory) in ignored {
        prefixes.push(prefix(format!("{name}/"), PrefixKind::Other, directory.total()));
    }
    for (index, (name, directory)) in others.into_iter().enumerate() {
        if index < MOST_OTHER_DIRECTORIES {
            prefixes.push(prefix(format!("{name}/"), PrefixKind::Other, directory.total()));
        } else {
            loose.add(directory.total());
        }
    }
    if findings.is_whole {
        prefixes.push(prefix(String::new(), PrefixKind::Other, loose));
    }
    prefixes
}

fn server_prefixes(name: &str, expected: bool, found: &DirectoryInventory) -> Vec<PrefixSums> {
    if !expected {
        return vec![prefix(format!("{name}/"), PrefixKind::Orphan, found.total())];
    }
    let mut prefixes = vec![
        prefix(format!("{name}/base/"), PrefixKind::Base, found.base()),
        prefix(format!("{name}/wals/"), PrefixKind::Wals, found.wals()),
    ];
    if found.other.sums.objects > 0 {
        prefixes.push(prefix(format!("{name}/"), PrefixKind::Other, found.other.sums));
    }
    prefixes
}

fn prefix(prefix: String, kind: PrefixKind, sums: Sums) -> PrefixSums {
    PrefixSums { prefix, kind, sums }
}
