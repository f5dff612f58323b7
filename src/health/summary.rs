//! Summaries of an archive's servers, by the rules of the health check.

use std::cmp::Reverse;

use barman_archive::recovery::{Obstacle, Verdict};
use chrono::{DateTime, Utc};

use super::{Finding, Severity, server_findings};
use crate::report::{BackupReport, Report, ServerReport};

/// Summary of one server: whether it can be restored, and its findings.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSummary {
    /// Name of its directory.
    pub name: String,
    /// Verdict on its newest finished backup; `None` for a server that is not configured, which is
    /// not judged.
    pub verdict: Option<RestoreVerdict>,
    /// Worst severity of its findings.
    pub status: Severity,
    /// End of the newest finished backup; `None` if there is none, or if one that cannot be read
    /// may be newer.
    pub newest_backup_at: Option<DateTime<Utc>>,
    /// Findings, worst first.
    pub findings: Vec<Finding>,
}

/// Verdict on a server's newest finished backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreVerdict {
    /// Backup that can be restored and replayed to the newest WAL.
    Restorable,
    /// Backup that can be restored, but not replayed to the newest WAL.
    EndsEarly,
    /// Backup that can be restored once objects are retrieved from cold storage.
    Blocked,
    /// Backup that can be restored once its own WAL has arrived.
    Waiting,
    /// Backup that cannot be restored, or no backup at all.
    NotRestorable,
    /// Backup that depends on a file that cannot be read.
    Unknown,
}

impl RestoreVerdict {
    fn of(server: &ServerReport) -> Self {
        let Some(is_recoverable) = server.newest_is_recoverable() else {
            return Self::Unknown;
        };
        let verdict = server.newest_verdict().map(|newest| &newest.verdict);
        match verdict {
            Some(Verdict::Blocked(_) | Verdict::Consistent(Obstacle::ColdSegment(_))) => {
                Self::Blocked
            }
            Some(_) | None if is_recoverable => Self::Restorable,
            Some(Verdict::Consistent(_)) => Self::EndsEarly,
            Some(Verdict::Waiting(_)) => Self::Waiting,
            Some(Verdict::Broken(_) | Verdict::Recoverable) | None => Self::NotRestorable,
        }
    }
}

/// Summarises the servers found and the servers expected, worst first.
#[must_use]
pub fn server_summaries(report: &Report, now: DateTime<Utc>) -> Vec<ServerSummary> {
    let mut summaries = Vec::new();
    for (name, server) in &report.servers {
        let findings = server_findings(name, server, report, now);
        summaries.push(ServerSummary {
            name: name.clone(),
            verdict: server.is_expected.then(|| RestoreVerdict::of(server)),
            status: Severity::worst(findings.iter().map(|finding| finding.severity)),
            newest_backup_at: server.newest_known_done().and_then(BackupReport::done_at),
            findings,
        });
    }
    summaries.sort_by_key(|server| (Reverse(server.status), server.verdict.is_none()));
    summaries
}
