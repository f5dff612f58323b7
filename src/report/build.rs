//! Builds the report on an archive from its inventory and the files that were read.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::barman::{NestedNames, ObjectLocation, ServerKey, ServerPattern};
use barman_archive::inventory::{DirectoryInventory, Inventory, SmallFiles};
use barman_archive::postgres::{TimelineId, WalDir};
use barman_archive::retention::RetentionPolicy;
use chrono::{DateTime, TimeDelta, Utc};

use super::build_server::ServerJudge;
use super::storage::prefix_sums;
use super::{Report, ScheduleExpectation, ServerReport, UploadFinding, UploadSums};

/// Expectations of an operator for an archive.
#[derive(Clone, Debug)]
pub struct Expectations {
    /// Servers that should exist; `None` expects every server that is found.
    pub servers: Option<BTreeSet<String>>,
    /// Patterns of the servers to ignore: these are neither judged nor orphans.
    pub ignored: Vec<ServerPattern>,
    /// Retention policies.
    pub retention: RetentionPolicies,
    /// Backup schedules, by server.
    pub schedules: BTreeMap<String, ScheduleExpectation>,
    /// Timeline that a server's database is on, by server, where an operator states it.
    pub living_timelines: BTreeMap<String, TimelineId>,
    /// Longest time for which a missing segment may still be on its way while later ones are
    /// present.
    pub gap_grace_period: TimeDelta,
    /// Age from which a backup that has not ended is considered dead.
    pub max_running_time: TimeDelta,
}

impl Expectations {
    /// Returns whether a server is ignored.
    #[must_use]
    pub fn is_ignored(&self, server: &str) -> bool {
        self.ignored.iter().any(|pattern| pattern.matches(server))
    }

    /// Names of servers that contain a slash.
    #[must_use]
    pub fn nested_names(&self) -> NestedNames {
        NestedNames::among(self.servers.iter().flatten())
    }
}

/// The retention policies of an archive's servers.
#[derive(Clone, Debug, Default)]
pub struct RetentionPolicies {
    /// Policy of every server without its own.
    pub default: Option<RetentionPolicy>,
    /// Policies by server.
    pub by_server: BTreeMap<String, RetentionPolicy>,
    /// Minimum number of backups that Barman is configured to leave, for every server without its
    /// own setting.
    pub default_minimum: Option<u32>,
    /// Minimum number of backups that Barman is configured to leave, by server.
    pub minimum_by_server: BTreeMap<String, u32>,
}

impl RetentionPolicies {
    /// Returns the policy of a server.
    #[must_use]
    pub fn of(&self, server: &str) -> Option<RetentionPolicy> {
        self.by_server.get(server).copied().or(self.default)
    }

    /// Minimum number of a server's backups that Barman is configured to leave
    /// (`--minimum-redundancy`).
    #[must_use]
    pub fn minimum_of(&self, server: &str) -> Option<u32> {
        self.minimum_by_server.get(server).copied().or(self.default_minimum)
    }
}

/// Everything that one scan read.
#[derive(Debug)]
pub struct ScanFindings<'a> {
    /// Listed objects.
    pub inventory: &'a Inventory,
    /// Contents of the small files.
    pub files: &'a SmallFiles,
    /// Start of the scan that listed everything that can have changed.
    pub listed_at: DateTime<Utc>,
    /// Oldest moment at which any part of the inventory was listed.
    pub audited_at: DateTime<Utc>,
    /// Unfinished uploads, with keys relative to the destination path; `None` if the store does not
    /// list them.
    pub uploads: Option<&'a [UploadFinding]>,
    /// Bytes of the unfinished uploads to a backup, by its directory with a trailing slash, where
    /// the uploads to that backup are known although not all uploads are; `None` for bytes that the
    /// store does not report.
    pub uploads_of_backups: &'a BTreeMap<String, Option<u64>>,
    /// True if everything below the destination path was listed.
    pub is_whole: bool,
}

/// Report on an archive, and the listings that would complete it.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// The report.
    pub report: Report,
    /// WAL directories, each with its server, whose files must be listed again to compute sums that
    /// the report leaves out.
    pub wal_dirs_to_list: BTreeSet<(String, WalDir)>,
}

/// Builds the report from everything that a scan read.
#[must_use]
pub fn build(
    findings: &ScanFindings<'_>,
    expected: &Expectations,
    now: DateTime<Utc>,
) -> Assessment {
    let inventory = findings.inventory;
    let servers = server_names(inventory, expected);
    let empty = DirectoryInventory::default();
    let report_of = |(name, is_expected): (&String, &bool)| {
        let directory = inventory.directories.get(name).unwrap_or(&empty);
        let judge = ServerJudge { name, findings, expected, now };
        (name.clone(), judge.report(directory, *is_expected))
    };
    let reports: BTreeMap<String, (ServerReport, BTreeSet<WalDir>)> =
        servers.iter().map(report_of).collect();
    let wal_dirs_to_list = reports
        .iter()
        .flat_map(|(name, (_, wal_dirs))| wal_dirs.iter().map(|wal_dir| (name.clone(), *wal_dir)))
        .collect();
    let report = Report {
        audited_at: findings.audited_at,
        usage: inventory.total(),
        is_whole: findings.is_whole,
        prefixes: prefix_sums(findings, &servers, expected),
        ignored: ignored_servers(inventory, expected),
        uploads: findings.uploads.map(|uploads| uploads_by_server(uploads, &servers, expected)),
        servers: reports.into_iter().map(|(name, (report, _))| (name, report)).collect(),
    };
    Assessment { report, wal_dirs_to_list }
}

/// Names of the servers that exist but are ignored.
fn ignored_servers(inventory: &Inventory, expected: &Expectations) -> BTreeSet<String> {
    let found = inventory.directories.iter().filter(|(_, directory)| directory.is_server());
    found.map(|(name, _)| name).filter(|name| expected.is_ignored(name)).cloned().collect()
}

/// Names of the servers that exist or are expected, each with true if it is expected.
fn server_names(inventory: &Inventory, expected: &Expectations) -> BTreeMap<String, bool> {
    let found = inventory.directories.iter().filter(|(_, directory)| directory.is_server());
    let found = found.map(|(name, _)| name).filter(|name| !expected.is_ignored(name));
    match &expected.servers {
        None => found.map(|name| (name.clone(), true)).collect(),
        Some(named) => {
            found.chain(named).map(|name| (name.clone(), named.contains(name))).collect()
        }
    }
}

fn uploads_by_server(
    uploads: &[UploadFinding],
    servers: &BTreeMap<String, bool>,
    expected: &Expectations,
) -> BTreeMap<String, UploadSums> {
    let mut sums: BTreeMap<String, UploadSums> =
        servers.keys().map(|name| (name.clone(), UploadSums::default())).collect();
    let names = expected.nested_names();
    for finding in uploads {
        let server = match ObjectLocation::among(&finding.upload.key, &names) {
            ObjectLocation::Directory { directory, .. } if expected.is_ignored(directory) => {
                continue;
            }
            ObjectLocation::Directory { directory, key } => {
                // A first backup that was killed may have left nothing but its upload.
                let is_server = key != ServerKey::Other || servers.contains_key(directory);
                if is_server { directory } else { "" }
            }
            ObjectLocation::Loose => "",
        };
        sums.entry(server.to_owned()).or_default().add(finding);
    }
    sums
}
