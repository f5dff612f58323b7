//! What is not as it should be about what is stored beside backups and WAL that someone needs.

use chrono::{DateTime, TimeDelta, Utc};

use crate::recovery::retention::RetentionBlock;
use crate::report::{RetentionReport, ServerReport, UploadSums, WalAnomaly};

use super::human::{ago, bytes, count, duration};
use super::{Evidence, Finding, Moment, Severity};

/// How long a backup may be obsolete: retention runs once a day. As in the alerts.
const OBSOLETE_FOR: TimeDelta = TimeDelta::days(1);

/// How long an upload may be unfinished: a lifecycle rule that aborts after one day, which is as soon
/// as one can be told to, has done so by then. As in the alerts (`alerts/rules/thresholds.yaml`).
const UNFINISHED_FOR: TimeDelta = TimeDelta::days(2);

pub(super) fn orphan(server: &ServerReport) -> Finding {
    let total = bytes(server.stock.sums.bytes);
    let message = format!("Nobody expects this server: it is not configured, and takes {total}");
    Finding::new(Severity::Warning, "orphaned_server", message)
}

pub(super) fn anomalies(server: &ServerReport) -> Vec<Finding> {
    let clusters = server.system_identifiers().len() as u64;
    let sharing = (clusters > 1).then(|| {
        let message = format!("The backups are of {clusters} clusters, which share the directory");
        let evidence = Evidence { count: Some(clusters), ..Evidence::default() };
        Finding::new(Severity::Warning, "shared_directory", message).with(evidence)
    });
    let finding = |(kind, number): (&WalAnomaly, &u64)| {
        let (code, message) = match kind {
            WalAnomaly::StrayTimeline => {
                let timelines = server.recovery.stray.iter().map(ToString::to_string);
                let timelines = timelines.collect::<Vec<_>>().join(", ");
                ("stray_timeline", format!("Another cluster wrote timeline {timelines} here"))
            }
            WalAnomaly::Foreign => (
                "foreign_wal",
                format!("What is no WAL file lies below wals/: {}", count(*number, "object")),
            ),
            WalAnomaly::Misplaced => {
                let files = count(*number, "WAL file");
                ("misplaced_wal", format!("{files} in the wrong place, where nothing finds them"))
            }
            WalAnomaly::Size => {
                let segments = count(*number, "segment");
                ("wrong_size", format!("{segments} of a size that no segment has"))
            }
            // Replay takes either copy, and a second upload is no loss.
            WalAnomaly::Duplicate | WalAnomaly::Overwritten => return None,
        };
        let evidence = Evidence { count: Some(*number), ..Evidence::default() };
        (*number > 0).then(|| Finding::new(Severity::Warning, code, message).with(evidence))
    };
    sharing.into_iter().chain(server.wal.anomalies.iter().filter_map(finding)).collect()
}

pub(super) fn retention(
    retention: &RetentionReport,
    server: &ServerReport,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_blocked = retention.is_blocked(RetentionBlock::UnreadableBackup);
    if retention.fails && server.newest_done().is_some() {
        let message = format!("Barman's retention ends with an error for `{}`", retention.policy);
        findings.push(Finding::new(Severity::Warning, "retention_fails", message));
    }
    if is_blocked {
        let message = "Barman's retention deletes nothing as long as a backup.info cannot be read";
        findings.push(Finding::new(Severity::Warning, "retention_blocked", message.to_owned()));
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
        findings.push(Finding::new(Severity::Warning, "retention_overdue", message).with(evidence));
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
    Some(Finding::new(Severity::Warning, "unfinished_uploads", message).with(evidence))
}
