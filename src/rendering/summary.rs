//! An archive's servers in a few words each, by the rules of the health check.

use std::cmp::Reverse;

use barman_archive::recovery::{Obstacle, Verdict};
use chrono::{DateTime, Utc};

use super::Severity;
use super::health::server_findings;
use crate::report::{BackupReport, Report, ServerReport};

/// One server: whether it can be restored, and what is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSummary {
    /// Name of its directory.
    pub name: String,
    /// What the newest finished backup is good for; `None` of an orphan, which nobody judges.
    pub verdict: Option<RestoreVerdict>,
    /// The worst of what is not as it should be.
    pub status: Severity,
    /// End of the newest finished backup; `None` if there is none, or if one that cannot be read
    /// may be newer.
    pub newest_backup_at: Option<DateTime<Utc>>,
    /// What is not as it should be, worst first: sentences.
    pub problems: Vec<String>,
}

/// What a server's newest finished backup is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreVerdict {
    /// It can be restored and replayed to the newest WAL.
    Restorable,
    /// It can be restored, but not replayed to the newest WAL.
    EndsEarly,
    /// It can be restored once objects are brought back from cold storage.
    Blocked,
    /// It can be restored once its own WAL has arrived.
    Waiting,
    /// It cannot be restored, or there is none.
    NotRestorable,
    /// It depends on a file that cannot be read.
    Unknown,
}

impl RestoreVerdict {
    /// The verdict in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restorable => "restorable",
            Self::EndsEarly => "restorable, not to the newest WAL",
            Self::Blocked => "restorable, after objects are brought back from cold storage",
            Self::Waiting => "waiting for WAL",
            Self::NotRestorable => "not restorable",
            Self::Unknown => "not known",
        }
    }

    fn of(server: &ServerReport) -> Self {
        match (
            server.newest_is_recoverable(),
            server.newest_verdict().map(|server| &server.verdict),
        ) {
            (None, _) => Self::Unknown,
            (_, Some(Verdict::Blocked(_) | Verdict::Consistent(Obstacle::ColdSegment(_)))) => {
                Self::Blocked
            }
            (Some(true), _) => Self::Restorable,
            (Some(false), Some(Verdict::Consistent(_))) => Self::EndsEarly,
            (Some(false), Some(Verdict::Waiting(_))) => Self::Waiting,
            (Some(false), Some(Verdict::Broken(_) | Verdict::Recoverable) | None) => {
                Self::NotRestorable
            }
        }
    }
}

/// The servers found and the servers expected, worst first.
#[must_use]
pub fn server_glances(report: &Report, now: DateTime<Utc>) -> Vec<ServerSummary> {
    let summary = |(name, server): (&String, &ServerReport)| {
        let mut findings = server_findings(name, server, report, now);
        findings.sort_by_key(|finding| Reverse(finding.severity));
        ServerSummary {
            name: name.clone(),
            verdict: server.is_expected.then(|| RestoreVerdict::of(server)),
            status: Severity::worst(findings.iter().map(|finding| finding.severity)),
            newest_backup_at: server.newest_known_done().and_then(BackupReport::done_at),
            problems: findings.into_iter().map(|finding| finding.message).collect(),
        }
    };
    let mut glances: Vec<_> = report.servers.iter().map(summary).collect();
    glances.sort_by_key(|server| (Reverse(server.status), server.verdict.is_none()));
    glances
}
