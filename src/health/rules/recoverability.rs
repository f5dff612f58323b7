//! Rules on the WAL between backups, and on the moments that can be restored.

use barman_archive::postgres::{SegmentName, TimelineId};
use barman_archive::recovery::Target;

use super::ScannedServer;
use crate::health::thresholds::WINDOW_COVERED;
use crate::health::{Evidence, Finding, Severity};
use crate::report::ServerReport;

/// Maximum number of gaps of a server that are reported one by one: the landing page judges them at
/// each request.
const MOST_GAPS: usize = 100;

/// Finding on a recovery window that is covered only in part.
///
/// A young archive is not a finding: its window starts with the oldest backup.
pub(super) fn recovery_window_short(subject: &ScannedServer<'_>) -> Option<Finding> {
    let server = subject.server;
    let retention = server.retention.as_ref()?;
    let coverage = retention.coverage?;
    let oldest_at = server.oldest_known_done_at()?;
    let window_start = server.recovery_window_start()?;
    if coverage.ratio() >= WINDOW_COVERED || window_start <= oldest_at {
        return None;
    }
    let policy = retention.policy;
    Some(Finding::warning(Evidence::RecoveryWindowShort {
        policy,
        coverage,
    }))
}

/// Finding on newest WAL that no backup can be replayed to.
pub(super) fn newest_wal_unreached(subject: &ScannedServer<'_>) -> Option<Finding> {
    let timeline = subject.server.recovery.verdict.unreached_timeline?;
    subject.server.newest_wal_is_unreached()?;
    Some(Finding::critical(Evidence::NewestWalUnreached { timeline }))
}

/// Findings on gaps: one for each of the first gaps, and one for all others.
pub(super) fn gaps(subject: &ScannedServer<'_>) -> Vec<Finding> {
    let recovery = &subject.server.recovery;
    let mut findings = Vec::new();
    let (mut gaps, mut segments) = (0_u64, 0_u64);
    for (first, last, missing) in recovery.named_gaps() {
        if findings.len() < MOST_GAPS {
            findings.push(gap(subject.server, first, last, missing));
        } else {
            gaps += 1;
            segments = segments.saturating_add(missing);
        }
    }
    if gaps > 0 {
        findings.push(Finding::critical(Evidence::FurtherGaps { gaps, segments }));
    }
    findings
}

fn gap(server: &ServerReport, first: SegmentName, last: SegmentName, missing: u64) -> Finding {
    let wrong_sizes = server.recovery.wrong_sizes(first, last);
    Finding::critical(Evidence::Gap {
        first,
        last,
        missing,
        wrong_sizes,
    })
}

/// Findings on missing and invalid history files.
///
/// WAL may continue on a timeline above the current one. The newest backup is restored without the
/// files of the other timelines, and older backups have verdicts of their own.
pub(super) fn histories(subject: &ScannedServer<'_>) -> Vec<Finding> {
    let missing = &subject.server.recovery.histories_missing;
    missing
        .iter()
        .map(|timeline| history(subject.server, *timeline))
        .collect()
}

fn history(server: &ServerReport, timeline: TimelineId) -> Finding {
    let current = server.recovery.verdict.current_timeline;
    let is_above = current.is_none_or(|current| timeline > current);
    let has_wal = server.wal.timelines.contains_key(&timeline);
    let severity = if is_above && has_wal {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let is_damaged = server.recovery.histories_damaged.contains(&timeline);
    let current_works = current_works(server, timeline);
    Finding {
        severity,
        evidence: Evidence::HistoryMissing {
            timeline,
            is_damaged,
            current_works,
        },
    }
}

/// Returns whether a backup that ended on a timeline can be restored with `current`.
fn current_works(server: &ServerReport, timeline: TimelineId) -> bool {
    let verdicts = server.recovery.verdict.backups.values();
    let mut followed = verdicts.flat_map(|verdict| &verdict.follow);
    followed.any(|followed| {
        followed.target == Target::Current && followed.timeline == timeline && followed.works()
    })
}
