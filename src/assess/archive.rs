//! Assessment of a whole archive.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::{DirectoryInventory, Inventory};
use barman_archive::postgres::WalDir;
use chrono::{DateTime, Utc};

use super::prefixes::prefix_sums;
use super::server::ServerAssessor;
use super::uploads::uploads_by_server;
use super::waiting::set_due;
use super::{ArchiveTargets, Expectations, ScanFindings};
use crate::report::Report;

/// Report on an archive, and the listings that would complete it.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// The report.
    pub report: Report,
    /// WAL directories, each with its server, whose files must be listed again to compute sums that
    /// the report leaves out.
    pub wal_dirs_to_list: BTreeSet<(String, WalDir)>,
    /// Contents that can be verified.
    pub targets: ArchiveTargets,
}

/// Assesses an archive by everything that a scan read and an operator expects.
#[must_use]
pub fn assess(
    findings: &ScanFindings<'_>,
    expected: &Expectations,
    now: DateTime<Utc>,
) -> Assessment {
    let inventory = findings.inventory;
    let names = server_names(inventory, expected);
    let empty = DirectoryInventory::default();
    let mut servers = BTreeMap::new();
    let mut wal_dirs_to_list = BTreeSet::new();
    let mut targets = ArchiveTargets::default();
    for (name, is_expected) in &names {
        let directory = inventory.directories.get(name).unwrap_or(&empty);
        let is_expected = *is_expected;
        let assessor = ServerAssessor {
            name,
            directory,
            is_expected,
            findings,
            expected,
            now,
        };
        let assessed = assessor.assess();
        servers.insert(name.clone(), assessed.report);
        if let Some(of_server) = assessed.targets {
            targets.servers.insert(name.clone(), of_server);
        }
        for wal_dir in assessed.to_list {
            wal_dirs_to_list.insert((name.clone(), wal_dir));
        }
    }
    set_due(&mut servers, &expected.contents);
    let uploads = findings
        .uploads
        .map(|uploads| uploads_by_server(uploads, &names, expected));
    let report = Report {
        audited_at: findings.audited_at,
        is_whole: findings.is_whole,
        usage: inventory.total(),
        servers,
        ignored: ignored_servers(inventory, expected),
        prefixes: prefix_sums(findings, &names, expected),
        uploads,
    };
    Assessment {
        report,
        wal_dirs_to_list,
        targets,
    }
}

/// Names of the servers that exist but are ignored.
fn ignored_servers(inventory: &Inventory, expected: &Expectations) -> BTreeSet<String> {
    let mut ignored = found_servers(inventory);
    ignored.retain(|name| expected.is_ignored(name));
    ignored
}

/// Names of the servers that exist or are expected, each with true if it is expected.
fn server_names(inventory: &Inventory, expected: &Expectations) -> BTreeMap<String, bool> {
    let mut names = BTreeMap::new();
    for name in found_servers(inventory) {
        if expected.is_ignored(&name) {
            continue;
        }
        let is_expected = expected
            .servers
            .as_ref()
            .is_none_or(|named| named.contains(&name));
        names.insert(name, is_expected);
    }
    for name in expected.servers.iter().flatten() {
        names.insert(name.clone(), true);
    }
    names
}

/// Names of the directories with content of a server.
fn found_servers(inventory: &Inventory) -> BTreeSet<String> {
    let directories = inventory.directories.iter();
    let servers = directories.filter(|(_, directory)| directory.is_server());
    servers.map(|(name, _)| name.clone()).collect()
}
