//! Bytes and objects of an archive, by prefix.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use barman_archive::barman::{base_directory, wals_directory};
use barman_archive::inventory::{DirectoryInventory, Sums};

use super::{Expectations, ScanFindings};
use crate::report::{PrefixKind, PrefixSums};

/// Maximum number of directories that are not servers and get a prefix of their own. Anyone may
/// have written them, and each costs a time series; the smaller ones are summed with the loose
/// objects.
const MOST_OTHER_DIRECTORIES: usize = 50;

/// Sums an archive by prefix; the sums add up to everything that was listed.
pub(super) fn prefix_sums(
    findings: &ScanFindings<'_>,
    servers: &BTreeMap<String, bool>,
    expected: &Expectations,
) -> Vec<PrefixSums> {
    let inventory = findings.inventory;
    let empty = DirectoryInventory::default();
    let mut prefixes = Vec::new();
    for (name, is_expected) in servers {
        let directory = inventory.directories.get(name).unwrap_or(&empty);
        add_server(&mut prefixes, name, *is_expected, directory);
    }
    let mut others = Vec::new();
    for (name, directory) in &inventory.directories {
        if !servers.contains_key(name) {
            others.push((name, directory.total(), directory.is_server()));
        }
    }
    others.sort_by_key(|(_, sums, _)| Reverse(sums.bytes));
    let (ignored, others): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|(name, _, is_server)| *is_server && expected.is_ignored(name));
    for (name, sums, _) in ignored {
        prefixes.push(prefix(format!("{name}/"), PrefixKind::Other, sums));
    }
    let mut loose = inventory.loose.sums;
    for (index, (name, sums, _)) in others.into_iter().enumerate() {
        if index < MOST_OTHER_DIRECTORIES {
            prefixes.push(prefix(format!("{name}/"), PrefixKind::Other, sums));
        } else {
            loose.add(sums);
        }
    }
    if findings.is_whole {
        prefixes.push(prefix(String::new(), PrefixKind::Other, loose));
    }
    prefixes
}

/// Adds the prefixes of one server.
fn add_server(
    prefixes: &mut Vec<PrefixSums>,
    name: &str,
    is_expected: bool,
    directory: &DirectoryInventory,
) {
    if !is_expected {
        prefixes.push(prefix(
            format!("{name}/"),
            PrefixKind::Orphan,
            directory.total(),
        ));
        return;
    }
    prefixes.push(prefix(
        base_directory(name),
        PrefixKind::Base,
        directory.base(),
    ));
    prefixes.push(prefix(
        wals_directory(name),
        PrefixKind::Wals,
        directory.wals(),
    ));
    let other = directory.other.sums;
    if other.objects > 0 {
        prefixes.push(prefix(format!("{name}/"), PrefixKind::Other, other));
    }
}

fn prefix(prefix: String, kind: PrefixKind, sums: Sums) -> PrefixSums {
    PrefixSums { prefix, kind, sums }
}
