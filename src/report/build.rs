//! From an inventory and what was read to a report.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::barman::{NestedNames, Place, ServerKey, ServerPattern};
use crate::inventory::{DirectoryInventory, Files, Inventory};
use crate::postgres::{LogName, TimelineId};
use crate::recovery::retention::RetentionPolicy;

use super::build_server::ServerJudge;
use super::storage::prefix_sums;
use super::{Report, ScheduleExpectation, ServerReport, UploadFinding, UploadSums};

/// What an operator expects of an archive.
#[derive(Clone, Debug)]
pub struct Expectations {
    /// The servers that should be there; `None` expects every one that is.
    pub servers: Option<BTreeSet<String>>,
    /// The servers that are left out: neither judged nor orphans.
    pub ignored: Vec<ServerPattern>,
    /// What is to be kept.
    pub retention: RetentionPolicies,
    /// When backups should be taken, by server.
    pub schedules: BTreeMap<String, ScheduleExpectation>,
    /// The timeline that a server's database is on, by server, where an operator says so.
    pub living_timelines: BTreeMap<String, TimelineId>,
    /// How long a missing segment may be on its way while later ones are there.
    pub gap_grace_period: TimeDelta,
    /// After how long a backup that has not ended is taken for dead.
    pub max_running_time: TimeDelta,
}

impl Expectations {
    /// Whether a server is left out.
    #[must_use]
    pub fn is_ignored(&self, server: &str) -> bool {
        self.ignored.iter().any(|pattern| pattern.matches(server))
    }

    /// Names of servers that have a slash in them.
    #[must_use]
    pub fn nested_names(&self) -> NestedNames {
        NestedNames::among(self.servers.iter().flatten())
    }
}

/// The retention policies of an archive's servers.
#[derive(Clone, Debug, Default)]
pub struct RetentionPolicies {
    /// Of every server that has none of its own.
    pub default: Option<RetentionPolicy>,
    /// By server.
    pub by_server: BTreeMap<String, RetentionPolicy>,
    /// How many backups Barman is told to leave at the least, for every server that does not say so
    /// itself.
    pub default_minimum: Option<u32>,
    /// The same by server.
    pub minimum_by_server: BTreeMap<String, u32>,
}

impl RetentionPolicies {
    /// The policy of a server.
    #[must_use]
    pub fn of(&self, server: &str) -> Option<RetentionPolicy> {
        self.by_server.get(server).copied().or(self.default)
    }

    /// How many backups of a server Barman is told to leave at the least (`--minimum-redundancy`).
    #[must_use]
    pub fn minimum_of(&self, server: &str) -> Option<u32> {
        self.minimum_by_server.get(server).copied().or(self.default_minimum)
    }
}

/// What one scan read.
#[derive(Debug)]
pub struct ScanFindings<'a> {
    /// What was listed.
    pub inventory: &'a Inventory,
    /// What the small files say.
    pub files: &'a Files,
    /// When the scan began that listed what can have changed.
    pub listed_at: DateTime<Utc>,
    /// The oldest moment at which any part of the inventory was listed.
    pub audited_at: DateTime<Utc>,
    /// The unfinished uploads, with keys behind the destination path; `None` where the store does
    /// not list them.
    pub uploads: Option<&'a [UploadFinding]>,
    /// Bytes of the unfinished uploads to a backup, by its directory with a slash, where those are
    /// known though not all are; `None` for bytes that the store does not tell.
    pub uploads_of_backups: &'a BTreeMap<String, Option<u64>>,
    /// Whether everything below the destination path was listed.
    pub is_whole: bool,
}

/// Judges what a scan read.
#[must_use]
pub fn build(findings: &ScanFindings<'_>, expected: &Expectations, now: DateTime<Utc>) -> Report {
    let inventory = findings.inventory;
    let servers = server_names(inventory, expected);
    let empty = DirectoryInventory::default();
    let report_of = |(name, is_expected): (&String, &bool)| {
        let directory = inventory.directories.get(name).unwrap_or(&empty);
        let judge = ServerJudge { name, findings, expected, now };
        (name.clone(), judge.report(directory, *is_expected))
    };
    let reports: BTreeMap<String, (ServerReport, BTreeSet<LogName>)> =
        servers.iter().map(report_of).collect();
    let lacking =
        reports.iter().flat_map(|(name, (_, logs))| logs.iter().map(|log| (name.clone(), *log)));
    Report {
        audited_at: findings.audited_at,
        stock: inventory.total(),
        is_whole: findings.is_whole,
        prefixes: prefix_sums(findings, &servers, expected),
        ignored: ignored_servers(inventory, expected),
        uploads: findings.uploads.map(|uploads| uploads_by_server(uploads, &servers, expected)),
        lacking: lacking.collect(),
        servers: reports.into_iter().map(|(name, (report, _))| (name, report)).collect(),
    }
}

/// The servers that are there and left out.
fn ignored_servers(inventory: &Inventory, expected: &Expectations) -> BTreeSet<String> {
    let found = inventory.directories.iter().filter(|(_, directory)| directory.is_server());
    found.map(|(name, _)| name).filter(|name| expected.is_ignored(name)).cloned().collect()
}

/// The servers that are there or should be, and whether they should.
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
        let server = match Place::among(&finding.upload.key, &names) {
            Place::Directory { directory, .. } if expected.is_ignored(directory) => continue,
            Place::Directory { directory, key } => {
                // A first backup that was killed may have left nothing but its upload.
                let is_server = key != ServerKey::Other || servers.contains_key(directory);
                if is_server { directory } else { "" }
            }
            Place::Loose => "",
        };
        sums.entry(server.to_owned()).or_default().add(finding);
    }
    sums
}
