//! Builds the document from reports.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::Intervals;
use barman_archive::postgres::{SegmentName, TimelineId};
use barman_archive::retention::{RetentionBlock, RetentionStatus};
use chrono::{DateTime, Utc};
use tls_certificates::x509::CertificateStatus;

use super::{
    ArchiveEntry, BackupEntry, CertificateEntry, CheckDocument, ContentsEntry, DeletionEntry,
    ErrorEntry, GapEntry, IntervalsEntry, PostgresqlEntry, RecoveryEntry, RefusedEntry,
    RestoreEntry, RetentionEntry, ScheduleEntry, ServerEntry, TimelineEntry, UploadsEntry,
    WalEntry,
};
use crate::health::{Severity, archive_findings, server_findings};
use crate::output::{AsLabel, FindingEntry, Label, Moment};
use crate::report::{
    ArchiveStatus, DeletionReport, Refused, RefusedKind, Report, RestoreReport, RetentionReport,
    ServerReport, TimelineWal, UploadSums, WalAnomaly, WalReport,
};

impl CheckDocument {
    /// Judges archives and certificates as of a moment, by their last scans and readings.
    #[must_use]
    pub fn new(
        archives: &[ArchiveStatus],
        certificates: &[CertificateStatus],
        now: DateTime<Utc>,
    ) -> Self {
        let archives: Vec<_> = archives
            .iter()
            .map(|status| ArchiveEntry::new(status, now))
            .collect();
        let certificates: Vec<_> = certificates
            .iter()
            .map(|status| CertificateEntry::new(status, now))
            .collect();
        let of_archives = archives.iter().map(|archive| archive.status.0);
        let of_certificates = certificates.iter().map(|certificate| certificate.status.0);
        Self {
            version: 1,
            generated_at: Moment(now),
            status: Label(Severity::worst(of_archives.chain(of_certificates))),
            archives,
            certificates,
        }
    }
}

impl ArchiveEntry {
    pub(in crate::output) fn new(status: &ArchiveStatus, now: DateTime<Utc>) -> Self {
        let findings = archive_findings(status, now);
        let report = status.report.as_deref();
        let mut servers = Vec::new();
        if let Some(report) = report {
            for (name, server) in &report.servers {
                servers.push(ServerEntry::new(name, server, report, now));
            }
        }
        let of_archive = findings.iter().map(|finding| finding.severity);
        let of_servers = servers.iter().map(|server| server.status.0);
        Self {
            name: status.name.clone(),
            destination: status.destination.clone(),
            status: Label(Severity::worst(of_archive.chain(of_servers))),
            error: status.last_failure.as_ref().map(|failure| ErrorEntry {
                kind: Label(failure.kind),
                message: failure.message.clone(),
            }),
            findings: FindingEntry::all(&findings, now),
            ignored_servers: report
                .map(|report| report.ignored.clone())
                .unwrap_or_default(),
            servers,
        }
    }
}

impl ServerEntry {
    fn new(name: &str, server: &ServerReport, report: &Report, now: DateTime<Utc>) -> Self {
        let uploads = report.uploads.as_ref().and_then(|all| all.get(name));
        let findings = server_findings(name, server, report, now);
        Self {
            name: name.to_owned(),
            expected: server.is_expected,
            status: Label(Severity::worst(
                findings.iter().map(|finding| finding.severity),
            )),
            findings: FindingEntry::all(&findings, now),
            backups: server
                .backups
                .iter()
                .map(|backup| BackupEntry::new(backup, server))
                .collect(),
            postgresql: postgresql(server),
            files_refused: files_refused(server),
            wal: wal(&server.wal, server),
            recovery: recovery(server),
            contents: server.contents.as_ref().map(ContentsEntry::from),
            schedule: server
                .schedule
                .as_ref()
                .map(|report| ScheduleEntry::new(report, now)),
            retention: server.retention.as_ref().map(retention),
            uploads: uploads.map(UploadsEntry::from),
            stored_bytes: server.usage.sums.bytes,
            reclaimable_bytes: labelled(&server.reclaimable),
        }
    }
}

/// Counts by label instead of by value.
fn labelled<T: AsLabel>(counts: &BTreeMap<T, u64>) -> BTreeMap<Label<T>, u64> {
    counts
        .iter()
        .map(|(value, count)| (Label(*value), *count))
        .collect()
}

fn postgresql(server: &ServerReport) -> Option<PostgresqlEntry> {
    let identity = server.postgresql()?;
    Some(PostgresqlEntry {
        system_identifier: identity.system_identifier.to_owned(),
        version: identity.version.map(str::to_owned),
    })
}

impl From<&UploadSums> for UploadsEntry {
    fn from(sums: &UploadSums) -> Self {
        Self {
            count: sums.count,
            bytes: sums.bytes,
            oldest_at: sums.oldest_at.map(Moment),
            keys: sums.oldest.iter().map(|(_, key)| key.clone()).collect(),
        }
    }
}

fn files_refused(server: &ServerReport) -> Vec<RefusedEntry> {
    let kinds = server.refusals.kinds.iter();
    kinds
        .map(|(kind, refused)| RefusedEntry::new(*kind, refused))
        .collect()
}

impl RefusedEntry {
    fn new(kind: RefusedKind, refused: &Refused) -> Self {
        Self {
            kind: Label(kind),
            count: refused.count,
            key: refused.newest_key.clone(),
            message: refused.message.clone(),
        }
    }
}

fn wal(wal: &WalReport, server: &ServerReport) -> WalEntry {
    let timelines = wal.timelines.iter();
    WalEntry {
        timelines: timelines
            .map(|(id, timeline)| TimelineEntry::new(*id, timeline))
            .collect(),
        newest_segment: wal.newest.map(|newest| newest.name.to_string()),
        newest_at: wal.newest.map(|newest| Moment(newest.arrived_at)),
        arrival_intervals: intervals(&wal.intervals),
        anomalies: labelled(&wal.anomalies),
        odd: odd(wal),
        stray_timelines: stray_timelines(wal, server),
    }
}

impl TimelineEntry {
    fn new(id: TimelineId, timeline: &TimelineWal) -> Self {
        let parent = timeline.parent;
        Self {
            timeline: id.0,
            parent: parent.map(|parent| parent.timeline.0),
            switched_at: parent.map(|parent| parent.switched_at.to_string()),
            first: timeline.first.as_ref().map(ToString::to_string),
            last: timeline.last.as_ref().map(ToString::to_string),
            segments: timeline.segments,
            bytes: timeline.stored.bytes,
        }
    }
}

fn odd(wal: &WalReport) -> BTreeMap<Label<WalAnomaly>, Vec<String>> {
    let mut odd = BTreeMap::new();
    for (anomaly, names) in &wal.odd {
        odd.insert(Label(*anomaly), names.iter().map(str::to_owned).collect());
    }
    odd
}

fn stray_timelines(wal: &WalReport, server: &ServerReport) -> Option<Vec<u32>> {
    wal.anomalies.get(&WalAnomaly::StrayTimeline)?;
    Some(numbers(&server.recovery.stray))
}

fn numbers(timelines: &BTreeSet<TimelineId>) -> Vec<u32> {
    timelines.iter().copied().map(number).collect()
}

const fn number(timeline: TimelineId) -> u32 {
    timeline.0
}

fn intervals(intervals: &Intervals) -> Option<IntervalsEntry> {
    let seconds = |share| Some(intervals.quantile(share)?.as_seconds_f64());
    Some(IntervalsEntry {
        median_seconds: seconds(0.5)?,
        p99_seconds: seconds(0.99)?,
        longest_seconds: seconds(1.0)?,
    })
}

fn recovery(server: &ServerReport) -> RecoveryEntry {
    let recovery = &server.recovery;
    let histories_missing = server.histories_missing();
    RecoveryEntry {
        current_timeline: server.current_timeline().map(number),
        unreached_timeline: recovery.verdict.unreached_timeline.map(number),
        gaps: recovery.gaps().map(|_| entries(recovery.named_gaps())),
        pending_gaps: entries(recovery.named(&recovery.pending)),
        obsolete: recovery
            .obsolete
            .as_ref()
            .map(|obsolete| entries(recovery.named(obsolete))),
        window_start: server.recovery_window_start().map(Moment),
        window_end: server.recovery_window_end().map(Moment),
        window_last_commit_at: server.recovery_window_last_commit_at().map(Moment),
        histories_missing: histories_missing.map(|_| numbers(&recovery.histories_missing)),
        obsolete_segments: recovery.obsolete_segments(),
        obsolete_bytes: recovery.obsolete_stored.map(|sums| sums.bytes),
        restore: recovery.restore.as_ref().map(RestoreEntry::from),
    }
}

impl From<&RestoreReport> for RestoreEntry {
    fn from(restore: &RestoreReport) -> Self {
        Self {
            backup: restore.backup.clone(),
            objects: restore.objects.sums.objects,
            bytes: restore.objects.sums.bytes,
            blocked_objects: restore.objects.blocked,
        }
    }
}

/// Entries for runs of segments.
fn entries(runs: impl Iterator<Item = (SegmentName, SegmentName, u64)>) -> Vec<GapEntry> {
    let mut entries = Vec::new();
    for (first, last, count) in runs {
        entries.push(GapEntry {
            timeline: first.timeline.0,
            first: first.to_string(),
            last: last.to_string(),
            count,
        });
    }
    entries
}

fn retention(retention: &RetentionReport) -> RetentionEntry {
    let coverage = retention.coverage;
    RetentionEntry {
        policy: retention.policy.to_string(),
        statuses: statuses(retention),
        obsolete: retention.obsolete_ids(),
        overdue_since: retention.overdue_since.map(Moment),
        blocked: blocked(retention),
        coverage_ratio_after_thaw: retention.thawed_coverage.map(|coverage| coverage.ratio()),
        coverage_ratio: coverage.map(|coverage| coverage.ratio()),
        shortfall_seconds: coverage.map(|coverage| coverage.shortfall().as_seconds_f64()),
        deletion: retention.deletion.as_ref().map(DeletionEntry::from),
    }
}

fn statuses(retention: &RetentionReport) -> Option<BTreeMap<String, Label<RetentionStatus>>> {
    let statuses = retention.statuses.as_ref()?.iter();
    Some(
        statuses
            .map(|(id, status)| (id.clone(), Label(*status)))
            .collect(),
    )
}

/// Reasons that keep Barman from deleting; `None` if none is known, but there may be one.
fn blocked(retention: &RetentionReport) -> Option<BTreeSet<Label<RetentionBlock>>> {
    let mut holding = BTreeSet::new();
    for (block, holds) in &retention.blocks {
        if *holds {
            holding.insert(Label(*block));
        }
    }
    let all_are_known = retention.blocks.len() == RetentionBlock::ALL.len();
    (all_are_known || !holding.is_empty()).then_some(holding)
}

impl From<&DeletionReport> for DeletionEntry {
    fn from(deletion: &DeletionReport) -> Self {
        Self {
            backups: deletion.backups.clone(),
            objects: deletion.all.objects,
            bytes: deletion.all.bytes,
            wal_objects: deletion.wal.objects,
            wal_bytes: deletion.wal.bytes,
        }
    }
}
