//! Every rule of the health check, and the lists in which they are applied.
//!
//! A rule looks at one subject as of one moment and returns what is wrong with it. The order of a
//! list is the order of findings of the same severity.

mod archive;
mod backups;
mod certificates;
mod contents;
mod recoverability;
mod restore;
mod retention;
mod schedule;
mod storage;
#[cfg(test)]
mod tests;
mod wal;

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use tls_certificates::x509::CertificateStatus;

use super::Finding;
use crate::report::{ArchiveStatus, BackupReport, Report, ServerReport};

/// One rule on a subject.
enum Rule<S> {
    /// Rule that finds at most one thing.
    One(fn(&S) -> Option<Finding>),
    /// Rule that may find several things.
    Several(fn(&S) -> Vec<Finding>),
}

/// One rule on each backup of a server.
type BackupRule = fn(&ScannedServer<'_>, &BackupReport) -> Option<Finding>;

/// Rules on an archive that was scanned at least once.
const fn archive_rules<'a>() -> [Rule<ScannedArchive<'a>>; 4] {
    [
        Rule::One(archive::no_servers),
        Rule::One(archive::listed_in_part),
        Rule::One(contents::verification_behind),
        Rule::One(archive::unfinished_uploads),
    ]
}

/// Rules on an expected server.
const fn server_rules<'a>() -> [Rule<ScannedServer<'a>>; 35] {
    [
        Rule::One(restore::no_backup),
        Rule::One(restore::older_than_unreadable),
        Rule::One(restore::newest_is_not_restorable),
        Rule::One(restore::newest_is_blocked),
        Rule::One(restore::replay_ends_early),
        Rule::One(restore::waiting_for_wal),
        Rule::One(restore::default_target_fails),
        Rule::One(restore::backup_too_old),
        Rule::Several(backups::refused_files),
        Rule::One(backups::backup_shrank),
        Rule::One(backups::backup_stuck),
        Rule::One(recoverability::recovery_window_short),
        Rule::One(backups::too_few_backups),
        Rule::One(schedule::backup_overdue),
        Rule::One(schedule::schedule_misread),
        Rule::One(schedule::schedule_contradicted),
        Rule::One(recoverability::newest_wal_unreached),
        Rule::Several(recoverability::gaps),
        Rule::Several(recoverability::histories),
        Rule::Several(each_backup),
        Rule::One(wal::shared_directory),
        Rule::Several(wal::anomalies),
        Rule::One(contents::corrupt_wal),
        Rule::Several(contents::corrupt_backups),
        Rule::One(contents::suspect_wal),
        Rule::Several(contents::suspect_backups),
        Rule::One(contents::unreadable_contents),
        Rule::One(contents::recovery_unproven),
        Rule::One(contents::verification_stalled),
        Rule::One(contents::verification_unaffordable),
        Rule::One(wal::obsolete_wal),
        Rule::One(retention::retention_fails),
        Rule::One(retention::retention_blocked),
        Rule::One(retention::retention_overdue),
        Rule::One(storage::unfinished_uploads),
    ]
}

/// Rules on a server that is not configured: nobody relies on its backups, so only its size matters.
const fn orphan_rules<'a>() -> [Rule<ScannedServer<'a>>; 2] {
    [
        Rule::One(storage::orphaned_server),
        Rule::One(storage::unfinished_uploads),
    ]
}

/// Rules on each backup of an expected server.
const BACKUP_RULES: [BackupRule; 4] = [
    restore::older_backup,
    backups::backup_failed,
    backups::backup_incomplete,
    backups::backup_unreadable,
];

/// Rules on a certificate.
const fn certificate_rules<'a>() -> [Rule<WatchedCertificate<'a>>; 6] {
    [
        Rule::One(certificates::unreadable),
        Rule::One(certificates::ending),
        Rule::One(certificates::expired),
        Rule::One(certificates::not_yet_valid),
        Rule::One(certificates::invalid),
        Rule::One(certificates::unverified),
    ]
}

/// Archive as of a moment, by its last good scan.
struct ScannedArchive<'a> {
    report: &'a Report,
    now: DateTime<Utc>,
}

/// Server as of a moment, by the last good scan of its archive.
struct ScannedServer<'a> {
    name: &'a str,
    server: &'a ServerReport,
    report: &'a Report,
    now: DateTime<Utc>,
}

/// Certificate as of a moment, by its last reading.
struct WatchedCertificate<'a> {
    status: &'a CertificateStatus,
    now: DateTime<Utc>,
}

/// Judges an archive as a whole, without its servers.
#[must_use]
pub fn archive_findings(status: &ArchiveStatus, now: DateTime<Utc>) -> Vec<Finding> {
    let Some(report) = status.report.as_deref() else {
        return vec![archive::scan_failed(status)];
    };
    apply(&archive_rules(), &ScannedArchive { report, now })
}

/// Judges a server of an archive; worst findings first.
#[must_use]
pub fn server_findings(
    name: &str,
    server: &ServerReport,
    report: &Report,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let subject = ScannedServer {
        name,
        server,
        report,
        now,
    };
    let findings = if server.is_expected {
        apply(&server_rules(), &subject)
    } else {
        apply(&orphan_rules(), &subject)
    };
    worst_first(findings)
}

/// Judges a certificate; worst findings first.
#[must_use]
pub fn certificate_findings(status: &CertificateStatus, now: DateTime<Utc>) -> Vec<Finding> {
    worst_first(apply(
        &certificate_rules(),
        &WatchedCertificate { status, now },
    ))
}

fn apply<S>(rules: &[Rule<S>], subject: &S) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in rules {
        match rule {
            Rule::One(rule) => findings.extend(rule(subject)),
            Rule::Several(rule) => findings.extend(rule(subject)),
        }
    }
    findings
}

fn worst_first(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| Reverse(finding.severity));
    findings
}

/// Applies the rules on single backups, in the order of the backups.
fn each_backup(subject: &ScannedServer<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for backup in &subject.server.backups {
        findings.extend(BACKUP_RULES.iter().filter_map(|rule| rule(subject, backup)));
    }
    findings
}
