//! What is not as it should be about what is stored beside backups and WAL that someone needs.

use barman_archive::inventory::SomeNames;
use barman_archive::retention::RetentionBlock;
use chrono::{DateTime, Utc};

use super::human::{ago, bytes, count, duration};
use super::thresholds::{OBSOLETE_FOR, OBSOLETE_WAL_BYTES};
use super::{Evidence, Finding, FindingCode, Moment, Severity};
use crate::report::{RetentionReport, ServerReport, UNFINISHED_FOR, UploadSums, WalAnomaly};

pub(super) fn orphan(server: &ServerReport) -> Finding {
    let total = bytes(server.usage.sums.bytes);
    let message = format!("Nobody expects this server: it is not configured, and takes {total}");
    Finding::new(Severity::Warning, FindingCode::OrphanedServer, message)
}

pub(super) fn anomalies(server: &ServerReport) -> Vec<Finding> {
    let clusters = server.system_identifiers().len() as u64;
    let sharing = (clusters > 1).then(|| {
        let message = format!("The backups are of {clusters} clusters, which share the directory");
        let evidence = Evidence { count: Some(clusters), ..Evidence::default() };
        Finding::new(Severity::Warning, FindingCode::SharedDirectory, message).with(evidence)
    });
    let odd = server.wal.anomalies.iter().filter(|(_, number)| **number > 0);
    let odd = odd.map(|(kind, number)| odd_wal(*kind, *number, server));
    sharing.into_iter().chain(odd).collect()
}

fn odd_wal(kind: WalAnomaly, number: u64, server: &ServerReport) -> Finding {
    let (code, message) = odd_wal_in_words(kind, number, server);
    let names = server.wal.odd.get(&kind).into_iter().flat_map(SomeNames::iter);
    let message = match names.collect::<Vec<_>>().as_slice() {
        [] => message,
        [name] => format!("{message}: {name}"),
        [name, ..] => format!("{message}, such as {name}"),
    };
    let evidence = Evidence { count: Some(number), ..Evidence::default() };
    Finding::new(Severity::Warning, code, message).with(evidence)
}

fn odd_wal_in_words(kind: WalAnomaly, number: u64, server: &ServerReport) -> (FindingCode, String) {
    let of = |unit| count(number, unit);
    match kind {
        WalAnomaly::StrayTimeline => {
            let timelines = server.recovery.stray.iter().map(ToString::to_string);
            let timelines = timelines.collect::<Vec<_>>().join(", ");
            let message = format!(
                "Timeline {timelines} branched off this server's history before its newest backup \
                 ended: a restored copy may have written it"
            );
            (FindingCode::StrayTimeline, message)
        }
        WalAnomaly::Foreign => {
            let message = format!("Below wals/, but not a WAL file: {}", of("object"));
            (FindingCode::ForeignWal, message)
        }
        WalAnomaly::Misplaced => {
            let message =
                format!("{} in the wrong directory: no restore looks there", of("WAL file"));
            (FindingCode::MisplacedWal, message)
        }
        WalAnomaly::Size => {
            (FindingCode::WrongSize, format!("{} with an impossible size", of("segment")))
        }
        WalAnomaly::Duplicate => {
            let message = format!("{} stored once more under another ending", of("segment"));
            (FindingCode::DuplicateWal, message)
        }
        WalAnomaly::Overwritten => {
            let message = format!("{} uploaded again long after the next one", of("segment"));
            (FindingCode::OverwrittenWal, message)
        }
    }
}

pub(super) fn obsolete_wal(server: &ServerReport) -> Option<Finding> {
    let obsolete = server.recovery.obsolete_stored?;
    let message = format!(
        "{} of WAL in {} still stored, although no backup needs it",
        bytes(obsolete.bytes),
        count(obsolete.objects, "object")
    );
    let evidence = Evidence { count: Some(obsolete.objects), ..Evidence::default() };
    let finding = Finding::new(Severity::Warning, FindingCode::ObsoleteWal, message);
    (obsolete.bytes > OBSOLETE_WAL_BYTES).then(|| finding.with(evidence))
}

pub(super) fn retention(
    retention: &RetentionReport,
    server: &ServerReport,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_blocked = retention.is_blocked(RetentionBlock::UnreadableBackup);
    let failure = retention.failure.as_ref();
    if let Some(failure) = failure.filter(|_| server.retention_fails() == Some(true)) {
        let message =
            format!("Barman's retention ends with an error for `{}`: {failure}", retention.policy);
        findings.push(Finding::new(Severity::Warning, FindingCode::RetentionFails, message));
    }
    if is_blocked {
        let message = "Barman's retention deletes nothing as long as a backup.info cannot be read";
        findings.push(Finding::new(
            Severity::Warning,
            FindingCode::RetentionBlocked,
            message.to_owned(),
        ));
    }
    if let Some(since) = retention.overdue_since.filter(|since| now - *since > OBSOLETE_FOR) {
        let obsolete = retention.obsolete().unwrap_or_default();
        let message = format!(
            "Retention is overdue by {}: {} obsolete by `{}` and still there",
            duration(now - since),
            count(obsolete, "backup"),
            retention.policy
        );
        let since = Some(Moment(since));
        let evidence = Evidence { count: Some(obsolete as u64), since, ..Evidence::default() };
        findings.push(
            Finding::new(Severity::Warning, FindingCode::RetentionOverdue, message).with(evidence),
        );
    }
    findings
}

pub(super) fn old_uploads(uploads: Option<&UploadSums>, now: DateTime<Utc>) -> Option<Finding> {
    let sums = uploads?;
    let oldest = sums.oldest_at.filter(|oldest| now - *oldest > UNFINISHED_FOR)?;
    let taken =
        sums.bytes.map_or_else(String::new, |taken| format!(", which take {}", bytes(taken)));
    let message = format!(
        "{} unfinished{taken}; the oldest was begun {}",
        count(sums.count, "multipart upload"),
        ago(oldest, now)
    );
    let since = Some(Moment(oldest));
    let evidence = Evidence { count: Some(sums.count), since, ..Evidence::default() };
    Some(Finding::new(Severity::Warning, FindingCode::UnfinishedUploads, message).with(evidence))
}
