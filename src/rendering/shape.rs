//! Findings on the number of backups, their sizes, and the part of the past that they cover.

use chrono::{DateTime, TimeDelta, Utc};

use super::human::{count, duration};
use super::thresholds::{LEAST_RUN, LONG_RUN, SHRUNK_TO, WINDOW_COVERED};
use super::{Evidence, Finding, FindingCode, Moment, Severity};
use crate::report::{BackupReport, ServerReport};

/// Findings on the newest backups and on the period that backups cover.
pub(super) fn newest_shape(server: &ServerReport, now: DateTime<Utc>) -> Vec<Finding> {
    let findings = [shrank(server), stuck(server, now), window_short(server)];
    findings.into_iter().flatten().collect()
}

fn shrank(server: &ServerReport) -> Option<Finding> {
    let newest = server.newest_known_done()?;
    let ratio = server.size_change_ratio().filter(|ratio| *ratio < SHRUNK_TO)?;
    let message = format!(
        "The databases in the newest backup {} have {:.0} % of their usual size",
        newest.id,
        ratio * 100.0
    );
    let evidence = Evidence { backup: Some(newest.id.clone()), ..Evidence::default() };
    Some(Finding::new(Severity::Warning, FindingCode::BackupShrank, message).with(evidence))
}

/// Finding on a backup that has been under way for too long. A first backup has no usual duration:
/// it counts as incomplete after `backups.maxRunningTime`.
fn stuck(server: &ServerReport, now: DateTime<Utc>) -> Option<Finding> {
    let running = server.newest_running()?;
    let began_at = running.began_at?;
    let usual = server.newest_known_done().and_then(BackupReport::duration)?;
    let length = now - began_at;
    let is_stuck = length > LEAST_RUN && length > times(usual, LONG_RUN);
    let message = format!(
        "Backup {} has been under way for {}: the last one took {}",
        running.id,
        duration(length),
        duration(usual)
    );
    let since = Some(Moment(began_at));
    let evidence = Evidence { backup: Some(running.id.clone()), since, ..Evidence::default() };
    let finding = Finding::new(Severity::Warning, FindingCode::BackupStuck, message);
    is_stuck.then(|| finding.with(evidence))
}

fn times(length: TimeDelta, factor: i32) -> TimeDelta {
    length.checked_mul(factor).unwrap_or(TimeDelta::MAX)
}

/// Finding on a recovery window that is covered only in part. A young archive is not a finding: its
/// window starts with the oldest backup.
fn window_short(server: &ServerReport) -> Option<Finding> {
    let retention = server.retention.as_ref()?;
    let coverage = retention.coverage.filter(|coverage| coverage.ratio() < WINDOW_COVERED)?;
    let oldest_at = server.oldest_known_done_at()?;
    let begins_later = server.recovery_window_start().is_some_and(|start| start > oldest_at);
    let message = format!(
        "Only {:.1} % of the window that `{}` promises can be restored: {} of it cannot",
        coverage.ratio() * 100.0,
        retention.policy,
        duration(coverage.shortfall())
    );
    begins_later.then(|| Finding::new(Severity::Warning, FindingCode::RecoveryWindowShort, message))
}

/// Finding on too few backups. If there is no backup at all, another finding reports it.
pub(super) fn too_few_backups(server: &ServerReport) -> Option<Finding> {
    let required = u64::from(server.required_backups()?);
    let done = server.done().len() as u64;
    let is_too_few = done > 0 && done < required && !server.refused_since(None);
    let message = format!(
        "Only {} done: the retention policy or minimum redundancy asks for {required}",
        if done == 1 { "1 backup is".to_owned() } else { format!("{} are", count(done, "backup")) }
    );
    let evidence = Evidence { count: Some(done), ..Evidence::default() };
    let finding = Finding::new(Severity::Warning, FindingCode::TooFewBackups, message);
    is_too_few.then(|| finding.with(evidence))
}
