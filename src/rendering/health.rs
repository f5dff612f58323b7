//! What is not as it should be: the rules of the health check, those on backups and WAL here.
//!
//! `docs/specification.md`, 19.

use barman_archive::inventory::UnreadableReason;
use barman_archive::postgres::{SegmentName, TimelineId};
use barman_archive::recovery::{BackupVerdict, Obstacle, Target, Verdict};
use chrono::{DateTime, Utc};

use super::human::{ago, count, duration, quoted};
use super::incomplete::what_is_missing;
use super::refusals::refusals;
use super::schedule::schedule;
use super::shape::{newest_shape, too_few_backups};
use super::storage_findings::{anomalies, obsolete_wal, old_uploads, orphan, retention};
use super::thresholds::{CRITICAL_WAIT, MAX_WAIT};
use super::{Evidence, Finding, FindingCode, Moment, ObstacleEntry, Severity};
use crate::report::{ArchiveStatus, BackupReport, BackupState, Report, ServerReport};

/// How many gaps of a server are told one by one: the page for people tells of them at each request.
const MOST_GAPS: usize = 100;

/// What an archive without any server's directory leads to.
const NO_SERVERS: &str =
    "No server's directory lies below the destination path: is it the right one?";

/// Message for credentials that may list only the directories of the configured servers.
const LISTED_IN_PART: &str = "Only the configured servers can be listed: what else lies below the \
                              destination path is not known";

/// What concerns no single server of an archive.
pub(super) fn archive_findings(status: &ArchiveStatus, now: DateTime<Utc>) -> Vec<Finding> {
    let Some(report) = status.report.as_deref() else {
        let why = status.last_failure.as_ref().map(|failure| failure.message.as_str());
        let message = format!("The scan failed: {}", why.unwrap_or("it did not end"));
        return vec![Finding::new(Severity::Unknown, FindingCode::ScanFailed, message)];
    };
    let mut findings = Vec::new();
    if report.servers.is_empty() && report.ignored.is_empty() {
        findings.push(Finding::new(
            Severity::Unknown,
            FindingCode::NoServers,
            NO_SERVERS.to_owned(),
        ));
    }
    if !report.is_whole {
        findings.push(Finding::new(
            Severity::Ok,
            FindingCode::ListedInPart,
            LISTED_IN_PART.to_owned(),
        ));
    }
    let outside = report.uploads.as_ref().and_then(|uploads| uploads.get(""));
    findings.extend(old_uploads(outside, now));
    findings
}

/// What is not as it should be with one server of the archive.
pub(super) fn server_findings(
    name: &str,
    server: &ServerReport,
    report: &Report,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if server.is_expected {
        findings.extend(newest_backup(server, report, now));
        findings.extend(refusals(server));
        findings.extend(newest_shape(server, now));
        findings.extend(too_few_backups(server));
        findings.extend(schedule(server, now));
        findings.extend(unreached_timeline(server));
        findings.extend(gaps(server));
        findings.extend(histories(server));
        findings.extend(other_backups(server, now));
        findings.extend(anomalies(server));
        findings.extend(obsolete_wal(server));
        findings.extend(
            server
                .retention
                .iter()
                .flat_map(|retention_report| retention(retention_report, server, now)),
        );
    } else {
        // Nobody relies on it; what it takes is the question, and not what can be restored.
        findings.push(orphan(server));
    }
    let uploads = report.uploads.as_ref().and_then(|uploads| uploads.get(name));
    findings.extend(old_uploads(uploads, now));
    findings
}

fn newest_backup(server: &ServerReport, report: &Report, now: DateTime<Utc>) -> Vec<Finding> {
    let Some(newest) = server.newest_done() else {
        if server.refused_since(None) {
            // Backups that cannot be read may well be done.
            return Vec::new();
        }
        let never = "This server has never been backed up: it has no directory";
        let message = match (server.is_found, report.servers_found()) {
            (true, _) => "No backup of this server is done".to_owned(),
            (false, 0) => format!("{never}. {NO_SERVERS}"),
            (false, _) => never.to_owned(),
        };
        return vec![Finding::new(no_backup_severity(server, now), FindingCode::NoBackup, message)];
    };
    let mut findings = Vec::new();
    if !server.newest_is_known() {
        // A newer one, which cannot be read, may be better: this one is judged like any older one.
        return older_backup(server, newest).into_iter().collect();
    }
    findings.extend(newest_verdict(server, newest, now).filter(|_| is_certain(server)));
    let window = server.retention.as_ref().and_then(|retention| retention.policy.window());
    if let (Some(ended_at), Some(window)) = (newest.done_at(), window)
        && now - ended_at > window
    {
        let message = format!(
            "The newest backup {} ended {}: before the recovery window of {} began",
            newest.id,
            ago(ended_at, now),
            duration(window)
        );
        let evidence = Evidence { since: Some(Moment(ended_at)), ..about(newest) };
        let finding = Finding::new(Severity::Critical, FindingCode::BackupTooOld, message);
        findings.push(finding.with(evidence));
    }
    findings
}

/// Severity of a missing backup: not critical while the first one is under way, nor before it is
/// due by a schedule.
fn no_backup_severity(server: &ServerReport, now: DateTime<Utc>) -> Severity {
    let overdue = server.schedule.as_ref().and_then(|schedule| schedule.overdue(now));
    let is_early = overdue.is_some_and(|overdue| overdue.is_zero());
    let is_coming = server.newest_running().is_some() || is_early;
    if is_coming { Severity::Warning } else { Severity::Critical }
}

/// Returns whether the problem of the newest backup exists whatever the refused files say.
fn is_certain(server: &ServerReport) -> bool {
    server.newest_verdict().is_none_or(|newest| match newest.verdict {
        Verdict::Recoverable => server.newest_is_recoverable_by_default().is_some(),
        Verdict::Consistent(_) | Verdict::Blocked(_) | Verdict::Waiting(_) | Verdict::Broken(_) => {
            server.is_certain(newest)
        }
    })
}

fn newest_verdict(
    server: &ServerReport,
    newest: &BackupReport,
    now: DateTime<Utc>,
) -> Option<Finding> {
    let id = &newest.id;
    let verdict = server.newest_verdict()?;
    match &verdict.verdict {
        Verdict::Broken(obstacle) => {
            Some(not_restorable(newest, &obstacle.into(), Severity::Critical))
        }
        Verdict::Blocked(obstacle) | Verdict::Consistent(obstacle @ Obstacle::ColdSegment(_)) => {
            Some(blocked(newest, &obstacle.into()))
        }
        Verdict::Consistent(obstacle) => {
            let obstacle = ObstacleEntry::from(obstacle);
            let message = format!(
                "The newest backup {id} can be restored, but not replayed to the newest WAL: {}",
                obstacle.in_words()
            );
            let finding = Finding::new(Severity::Critical, FindingCode::ReplayEndsEarly, message);
            Some(finding.with(with_obstacle(newest, &obstacle)))
        }
        Verdict::Waiting(segment) => {
            let since = server.waiting_since().filter(|since| now - *since > MAX_WAIT)?;
            let message = format!(
                "The newest backup {id} ended {} and cannot be restored yet: its segment {segment} \
                 has not arrived",
                ago(since, now)
            );
            let segment = Some(segment.to_string());
            let evidence = Evidence { segment, since: Some(Moment(since)), ..about(newest) };
            let is_late = now - since > CRITICAL_WAIT;
            let severity = if is_late { Severity::Critical } else { Severity::Warning };
            Some(Finding::new(severity, FindingCode::WaitingForWal, message).with(evidence))
        }
        Verdict::Recoverable if !verdict.default_target_works => {
            Some(default_target_fails(newest, verdict))
        }
        Verdict::Recoverable => None,
    }
}

fn default_target_fails(newest: &BackupReport, verdict: &BackupVerdict) -> Finding {
    let timeline = verdict.default_target;
    let target = verdict.works_with.map(|target| target.to_string()).unwrap_or_default();
    let message = format!(
        "With default settings, a restore of the newest backup {} targets timeline {timeline}, and \
         fails or ends early: set `recovery_target_timeline = '{target}'`",
        newest.id
    );
    let evidence = Evidence { timeline: Some(timeline.0), ..about(newest) };
    Finding::new(Severity::Warning, FindingCode::DefaultTargetFails, message).with(evidence)
}

/// Finding on a backup that can be restored once its objects are brought back.
fn blocked(backup: &BackupReport, obstacle: &ObstacleEntry) -> Finding {
    let message = format!(
        "A restore of backup {} needs objects to be brought back from cold storage first: {}",
        backup.id,
        obstacle.in_words()
    );
    let finding = Finding::new(Severity::Warning, FindingCode::RestoreBlocked, message);
    finding.with(with_obstacle(backup, obstacle))
}

fn not_restorable(backup: &BackupReport, obstacle: &ObstacleEntry, severity: Severity) -> Finding {
    let message = format!("Backup {} cannot be restored: {}", backup.id, obstacle.in_words());
    Finding::new(severity, FindingCode::NotRestorable, message)
        .with(with_obstacle(backup, obstacle))
}

fn about(backup: &BackupReport) -> Evidence {
    Evidence { backup: Some(backup.id.clone()), ..Evidence::default() }
}

fn with_obstacle(backup: &BackupReport, obstacle: &ObstacleEntry) -> Evidence {
    match obstacle {
        ObstacleEntry::MissingSegment { segment }
        | ObstacleEntry::WrongSize { segment }
        | ObstacleEntry::ForeignSegment { segment }
        | ObstacleEntry::ColdSegment { segment } => {
            Evidence { segment: Some(segment.clone()), ..about(backup) }
        }
        ObstacleEntry::MissingHistory { timeline }
        | ObstacleEntry::InvalidHistory { timeline }
        | ObstacleEntry::UnknownHistory { timeline } => {
            Evidence { timeline: Some(*timeline), ..about(backup) }
        }
        ObstacleEntry::DeadBranch
        | ObstacleEntry::ImpossibleSegments
        | ObstacleEntry::ColdData
        | ObstacleEntry::Parent { .. } => about(backup),
    }
}

/// Each gap, as long as there are few enough to be read, and the others in one.
fn gaps(server: &ServerReport) -> Vec<Finding> {
    let gap = |(first, last, missing): (SegmentName, SegmentName, u64)| {
        let message = gap_in_words(first, last, missing, server.recovery.wrong_sizes(first, last));
        let evidence = Evidence {
            timeline: Some(first.timeline.0),
            segment: Some(first.to_string()),
            last_segment: Some(last.to_string()),
            count: Some(missing),
            ..Evidence::default()
        };
        Finding::new(Severity::Critical, FindingCode::Gap, message).with(evidence)
    };
    let mut all = server.recovery.named_gaps();
    let mut findings: Vec<_> = all.by_ref().take(MOST_GAPS).map(gap).collect();
    let (gaps, segments) = all.fold((0_u64, 0_u64), |(gaps, sum), (_, _, missing)| {
        (gaps + 1, sum.saturating_add(missing))
    });
    if gaps > 0 {
        let message = format!("{} more, of {}", count(gaps, "gap"), count(segments, "segment"));
        let evidence = Evidence { count: Some(segments), ..Evidence::default() };
        findings.push(Finding::new(Severity::Critical, FindingCode::Gap, message).with(evidence));
    }
    findings
}

fn gap_in_words(first: SegmentName, last: SegmentName, missing: u64, wrong_sizes: u64) -> String {
    if missing == 1 && wrong_sizes == 1 {
        return format!(
            "Segment {first} has an impossible size: a restore that reaches it does not come up"
        );
    }
    if missing == 1 {
        return format!("Segment {first} is missing: replay ends before it");
    }
    let segments = count(missing, "segment");
    match wrong_sizes {
        0 => format!("{segments} are missing, {first} to {last}: replay ends before them"),
        of_wrong_size => format!(
            "{segments} are missing or unusable, {first} to {last} ({of_wrong_size} with an \
             impossible size): replay cannot get past them"
        ),
    }
}

/// A timeline above the current one may be where WAL goes on. The newest backup is restored without
/// the files of the others, and older ones have verdicts of their own.
fn histories(server: &ServerReport) -> Vec<Finding> {
    let current = server.recovery.verdict.current_timeline;
    let finding = |timeline: &TimelineId| {
        let is_above = current.is_none_or(|current| *timeline > current);
        let has_wal = server.wal.timelines.contains_key(timeline);
        let severity = if is_above && has_wal { Severity::Critical } else { Severity::Warning };
        let (state, cure) = if server.recovery.histories_damaged.contains(timeline) {
            ("is damaged", "replace it with")
        } else {
            ("is missing", "archive")
        };
        let own = if restores_with_current(server, *timeline) {
            "; backups of that timeline can be restored with `recovery_target_timeline = 'current'`"
        } else {
            ""
        };
        let message = format!(
            "The history file of timeline {timeline} {state}: \
             `recovery_target_timeline = '{timeline}'` does not work{own}; {cure} the copy in \
             `pg_wal` of a primary or replica on that timeline"
        );
        let evidence = Evidence { timeline: Some(timeline.0), ..Evidence::default() };
        Finding::new(severity, FindingCode::HistoryMissing, message).with(evidence)
    };
    server.recovery.histories_missing.iter().map(finding).collect()
}

/// Returns whether a backup that ended on a timeline is restored with `current`.
fn restores_with_current(server: &ServerReport, timeline: TimelineId) -> bool {
    let verdicts = server.recovery.verdict.backups.values();
    let mut followed = verdicts.flat_map(|verdict| &verdict.follow);
    followed.any(|followed| {
        followed.target == Target::Current && followed.timeline == timeline && followed.works()
    })
}

/// Finding on newest WAL that no backup can be replayed to.
fn unreached_timeline(server: &ServerReport) -> Option<Finding> {
    let timeline = server.recovery.verdict.unreached_timeline?;
    server.newest_wal_is_unreached()?;
    let message = format!(
        "The newest WAL is on timeline {timeline}, and no backup can be replayed to it: take a \
         backup now. If a restored copy wrote that timeline, set `currentTimeline` to the \
         database's own timeline"
    );
    let evidence = Evidence { timeline: Some(timeline.0), ..Evidence::default() };
    Some(Finding::new(Severity::Critical, FindingCode::NewestWalUnreached, message).with(evidence))
}

fn other_backups(server: &ServerReport, now: DateTime<Utc>) -> Vec<Finding> {
    let newest = server.newest_done();
    let last_success = newest.and_then(BackupReport::done_at);
    let finding = |backup: &BackupReport| {
        let id = &backup.id;
        let (code, message) = match backup.state {
            BackupState::Done => {
                let is_newest = newest.is_some_and(|newest| newest.id == *id);
                return if is_newest { None } else { older_backup(server, backup) };
            }
            BackupState::Failed if server.refused_since(backup.began_at) => return None,
            BackupState::Failed if backup.began_at > last_success => {
                let error = backup.info.as_ref().and_then(|info| info.error.as_deref());
                let error = quoted(error.unwrap_or("Barman does not say why"));
                let message = format!("Backup {id} failed, and none is done since: {error}");
                (FindingCode::BackupFailed, message)
            }
            // All refused files are reported together.
            BackupState::Failed
            | BackupState::Running
            | BackupState::Unreadable(UnreadableReason::Access) => return None,
            BackupState::Incomplete => {
                let why = what_is_missing(backup, now);
                (
                    FindingCode::BackupIncomplete,
                    format!("Backup {id} is not whole and not under way{why}"),
                )
            }
            BackupState::Unreadable(reason) => {
                let reason = reason.as_label();
                (
                    FindingCode::BackupUnreadable,
                    format!("The backup.info of {id} cannot be read: {reason}"),
                )
            }
        };
        Some(Finding::new(Severity::Warning, code, message).with(about(backup)))
    };
    server.backups.iter().filter_map(finding).collect()
}

/// A newer one can be restored, if not this one.
fn older_backup(server: &ServerReport, backup: &BackupReport) -> Option<Finding> {
    let verdict = server.recovery.verdict.backups.get(&backup.id)?;
    match &verdict.verdict {
        Verdict::Broken(_) if !server.is_certain(verdict) => None,
        Verdict::Broken(obstacle) => {
            Some(not_restorable(backup, &obstacle.into(), Severity::Warning))
        }
        Verdict::Blocked(obstacle) | Verdict::Consistent(obstacle @ Obstacle::ColdSegment(_)) => {
            Some(blocked(backup, &obstacle.into()))
        }
        Verdict::Recoverable | Verdict::Consistent(_) | Verdict::Waiting(_) => None,
    }
}
