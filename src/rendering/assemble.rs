//! From reports to the document.

use std::collections::BTreeSet;

use barman_archive::inventory::Intervals;
use barman_archive::postgres::SegmentName;
use barman_archive::retention::RetentionBlock;
use chrono::{DateTime, Utc};
use tls_certificates::x509::CertificateStatus;

use super::health::{archive_findings, server_findings};
use super::json::{
    ArchiveEntry, CheckDocument, DeletionEntry, ErrorEntry, GapEntry, IntervalsEntry, Moment,
    PostgresqlEntry, RecoveryEntry, RefusedEntry, RestoreEntry, RetentionEntry, ServerEntry,
    TimelineEntry, UploadsEntry, WalEntry,
};
use super::{BackupEntry, CertificateEntry, ScheduleEntry, Severity};
use crate::report::{
    ArchiveStatus, Refused, RefusedKind, Report, RetentionReport, ServerReport, UploadSums,
    WalAnomaly, WalReport,
};

impl CheckDocument {
    /// Judges archives and certificates as of a moment, by their last scans and readings.
    #[must_use]
    pub fn new(
        archives: &[ArchiveStatus],
        certificates: &[CertificateStatus],
        now: DateTime<Utc>,
    ) -> Self {
        let archives: Vec<_> =
            archives.iter().map(|report| ArchiveEntry::new(report, now)).collect();
        let entry = |status| CertificateEntry::new(status, now);
        let certificates: Vec<_> = certificates.iter().map(entry).collect();
        let of_archives = archives.iter().map(|archive| archive.status);
        let of_certificates = certificates.iter().map(|certificate| certificate.status);
        Self {
            version: 1,
            generated_at: Moment(now),
            status: Severity::worst(of_archives.chain(of_certificates)),
            archives,
            certificates,
        }
    }
}

impl ArchiveEntry {
    pub(super) fn new(status: &ArchiveStatus, now: DateTime<Utc>) -> Self {
        let findings = archive_findings(status, now);
        let report = status.report.as_deref();
        let mut servers = Vec::new();
        if let Some(report) = report {
            for (name, server) in &report.servers {
                servers.push(ServerEntry::new(name, server, report, now));
            }
        }
        let own = findings.iter().map(|finding| finding.severity);
        Self {
            name: status.name.clone(),
            destination: status.destination.clone(),
            status: Severity::worst(own.chain(servers.iter().map(|server| server.status))),
            error: status.last_failure.as_ref().map(|failure| ErrorEntry {
                kind: failure.kind.as_label(),
                message: failure.message.clone(),
            }),
            findings,
            ignored_servers: report.map(|report| report.ignored.clone()).unwrap_or_default(),
            servers,
        }
    }
}

impl ServerEntry {
    fn new(name: &str, server: &ServerReport, report: &Report, now: DateTime<Utc>) -> Self {
        let uploads = report.uploads.as_ref().and_then(|all| all.get(name));
        let mut findings = server_findings(name, server, report, now);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Self {
            name: name.to_owned(),
            expected: server.is_expected,
            status: Severity::worst(findings.iter().map(|finding| finding.severity)),
            findings,
            backups: server.backups.iter().map(|report| BackupEntry::new(report, server)).collect(),
            postgresql: server.postgresql().map(|identity| PostgresqlEntry {
                system_identifier: identity.system_identifier.to_owned(),
                version: identity.version.map(str::to_owned),
            }),
            files_refused: files_refused(server),
            wal: wal(&server.wal, server),
            recovery: recovery(server),
            schedule: server.schedule.as_ref().map(|report| ScheduleEntry::new(report, now)),
            retention: server.retention.as_ref().map(retention),
            uploads: uploads.map(UploadsEntry::from),
            stored_bytes: server.usage.sums.bytes,
            reclaimable_bytes: server
                .reclaimable
                .iter()
                .map(|(reason, bytes)| (reason.as_label(), *bytes))
                .collect(),
        }
    }
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
    let entry = |(kind, refused): (&RefusedKind, &Refused)| RefusedEntry {
        kind: kind.as_label(),
        count: refused.count,
        key: refused.newest_key.clone(),
        message: refused.message.clone(),
    };
    server.refusals.kinds.iter().map(entry).collect()
}

fn wal(wal: &WalReport, server: &ServerReport) -> WalEntry {
    let timelines = wal.timelines.iter().map(|(timeline, sums)| TimelineEntry {
        timeline: timeline.0,
        parent: sums.parent.map(|parent| parent.timeline.0),
        switched_at: sums.parent.map(|parent| parent.switched_at.to_string()),
        first: sums.first.map(|segment| segment.to_string()),
        last: sums.last.map(|segment| segment.to_string()),
        segments: sums.segments,
        bytes: sums.stored.bytes,
    });
    WalEntry {
        timelines: timelines.collect(),
        newest_segment: wal.newest.map(|newest| newest.name.to_string()),
        newest_at: wal.newest.map(|newest| Moment(newest.arrived_at)),
        arrival_intervals: intervals(&wal.intervals),
        anomalies: wal.anomalies.iter().map(|(kind, count)| (kind.as_label(), *count)).collect(),
        odd: wal
            .odd
            .iter()
            .map(|(kind, names)| (kind.as_label(), names.iter().map(str::to_owned).collect()))
            .collect(),
        stray_timelines: wal
            .anomalies
            .contains_key(&WalAnomaly::StrayTimeline)
            .then(|| server.recovery.stray.iter().map(|timeline| timeline.0).collect()),
    }
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
    let obsolete = recovery.obsolete.as_ref().map(|obsolete| recovery.named(obsolete));
    RecoveryEntry {
        current_timeline: server.current_timeline().map(|timeline| timeline.0),
        unreached_timeline: recovery.verdict.unreached_timeline.map(|timeline| timeline.0),
        gaps: recovery.gaps().map(|_| recovery.named_gaps().map(GapEntry::of).collect()),
        pending_gaps: recovery.named(&recovery.pending).map(GapEntry::of).collect(),
        obsolete: obsolete.map(|runs| runs.map(GapEntry::of).collect()),
        window_start: server.recovery_window_start().map(Moment),
        window_end: server.recovery_window_end().map(Moment),
        histories_missing: server
            .histories_missing()
            .map(|_| recovery.histories_missing.iter().map(|timeline| timeline.0).collect()),
        obsolete_segments: recovery.obsolete_segments(),
        obsolete_bytes: recovery.obsolete_stored.map(|sums| sums.bytes),
        restore: recovery.restore.as_ref().map(|restore| RestoreEntry {
            backup: restore.backup.clone(),
            objects: restore.objects.sums.objects,
            bytes: restore.objects.sums.bytes,
            blocked_objects: restore.objects.blocked,
        }),
    }
}

/// Reasons that keep Barman from deleting; `None` if none is known, but there may be one.
fn blocked(retention: &RetentionReport) -> Option<BTreeSet<&'static str>> {
    let holding = retention.blocks.iter().filter(|(_, holds)| **holds);
    let holding: BTreeSet<_> = holding.map(|(block, _)| block.as_label()).collect();
    let all_are_known = retention.blocks.len() == RetentionBlock::ALL.len();
    (all_are_known || !holding.is_empty()).then_some(holding)
}

impl GapEntry {
    fn of(gap: (SegmentName, SegmentName, u64)) -> Self {
        let (first, last, count) = gap;
        Self { timeline: first.timeline.0, first: first.to_string(), last: last.to_string(), count }
    }
}

fn retention(retention: &RetentionReport) -> RetentionEntry {
    let statuses = retention.statuses.as_ref().map(|statuses| {
        statuses.iter().map(|(id, status)| (id.clone(), status.as_str())).collect()
    });
    RetentionEntry {
        policy: retention.policy.to_string(),
        statuses,
        obsolete: retention.obsolete_ids(),
        overdue_since: retention.overdue_since.map(Moment),
        blocked: blocked(retention),
        coverage_ratio_after_thaw: retention.thawed_coverage.map(|coverage| coverage.ratio()),
        coverage_ratio: retention.coverage.map(|coverage| coverage.ratio()),
        shortfall_seconds: retention.coverage.map(|coverage| coverage.shortfall().as_seconds_f64()),
        deletion: retention.deletion.as_ref().map(|deletion| DeletionEntry {
            backups: deletion.backups.clone(),
            objects: deletion.all.objects,
            bytes: deletion.all.bytes,
            wal_objects: deletion.wal.objects,
            wal_bytes: deletion.wal.bytes,
        }),
    }
}
