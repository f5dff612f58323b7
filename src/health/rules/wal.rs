//! Rules on stored WAL.

use super::ScannedServer;
use crate::health::thresholds::OBSOLETE_WAL_BYTES;
use crate::health::{Evidence, Finding, OddObjects};
use crate::report::{ServerReport, WalAnomaly};

/// Finding on several clusters that archive to one directory.
pub(super) fn shared_directory(subject: &ScannedServer<'_>) -> Option<Finding> {
    let clusters = subject.server.system_identifiers().len() as u64;
    (clusters > 1).then_some(Finding::warning(Evidence::SharedDirectory { clusters }))
}

/// Findings on the anomalies of WAL, one for each kind.
pub(super) fn anomalies(subject: &ScannedServer<'_>) -> Vec<Finding> {
    let server = subject.server;
    let mut findings = Vec::new();
    for (anomaly, count) in &server.wal.anomalies {
        if *count > 0 {
            findings.push(Finding::warning(evidence(*anomaly, *count, server)));
        }
    }
    findings
}

fn evidence(anomaly: WalAnomaly, count: u64, server: &ServerReport) -> Evidence {
    let names = server.wal.odd.get(&anomaly).cloned().unwrap_or_default();
    let objects = OddObjects { count, names };
    match anomaly {
        WalAnomaly::Size => Evidence::WrongSize(objects),
        WalAnomaly::Duplicate => Evidence::DuplicateWal(objects),
        WalAnomaly::Misplaced => Evidence::MisplacedWal(objects),
        WalAnomaly::Overwritten => Evidence::OverwrittenWal(objects),
        WalAnomaly::Foreign => Evidence::ForeignWal(objects),
        WalAnomaly::StrayTimeline => Evidence::StrayTimeline {
            timelines: server.recovery.stray.clone(),
        },
    }
}

pub(super) fn obsolete_wal(subject: &ScannedServer<'_>) -> Option<Finding> {
    let stored = subject.server.recovery.obsolete_stored?;
    let is_much = stored.bytes > OBSOLETE_WAL_BYTES;
    is_much.then_some(Finding::warning(Evidence::ObsoleteWal { stored }))
}
