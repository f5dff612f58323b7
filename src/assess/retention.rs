//! Effect of a server's retention policy on its backups.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::DirectoryInventory;
use barman_archive::postgres::WalDir;
use barman_archive::recovery::{BackupVerdict, Coverage, Span, Verdict};
use barman_archive::retention::{
    CatalogBackup, RetentionBlock, RetentionPolicy, obsolete_since, retention_blocks,
    retention_statuses, unsupported,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::deletion::deletion_report;
use crate::report::{RetentionReport, ServerReport};

/// Builds the report. Adds to `to_list` the WAL directories whose files must be listed again to
/// compute what would be deleted from them.
pub(super) fn retention_report(
    policy: RetentionPolicy,
    directory: &DirectoryInventory,
    server: &ServerReport,
    now: DateTime<Utc>,
    to_list: &mut BTreeSet<WalDir>,
) -> RetentionReport {
    let catalog = catalog_of(server);
    // Barman may be able to read a file that is refused to the exporter; its content is unknown.
    let unreadable = server.has_unreadable();
    let is_known = !unreadable && server.keeps_are_known && !server.refused_since(None);
    let minimum = server.minimum_redundancy.unwrap_or_default();
    let (statuses, failure) = match retention_statuses(policy, &catalog, minimum, now) {
        // An unreadable backup has a position among the others, and that position is unknown.
        _ if !is_known => (None, None),
        Ok(statuses) => (Some(statuses), unsupported(&catalog)),
        Err(error) => (None, Some(error)),
    };
    let deletion = match &statuses {
        Some(statuses) if failure.is_none() => {
            deletion_report(directory, server, &catalog, statuses, to_list)
        }
        Some(_) | None => None,
    };
    let overdue_since = if is_known {
        let since = obsolete_since(policy, &catalog, minimum, now).unwrap_or_default();
        since.into_values().min()
    } else {
        None
    };
    RetentionReport {
        policy,
        statuses,
        failure,
        overdue_since,
        blocks: blocks(server, &retention_blocks(unreadable, &catalog)),
        coverage: policy
            .window()
            .and_then(|window| coverage(server, window, now, AT_ONCE)),
        thawed_coverage: policy
            .window()
            .and_then(|window| coverage(server, window, now, THAWED)),
        deletion,
    }
}

/// Backups of a server with a readable `backup.info`, as Barman's retention sees them.
fn catalog_of(server: &ServerReport) -> Vec<CatalogBackup> {
    let mut catalog = Vec::new();
    for backup in &server.backups {
        if let Some(info) = &backup.info {
            catalog.push(CatalogBackup::new(backup.id.clone(), info, backup.keep));
        }
    }
    catalog
}

/// Conditions that keep Barman from deleting, without those on which a refused file may say
/// otherwise.
fn blocks(
    server: &ServerReport,
    found: &BTreeSet<RetentionBlock>,
) -> BTreeMap<RetentionBlock, bool> {
    let is_refused = server.refused_since(None);
    let mut blocks = BTreeMap::new();
    for block in RetentionBlock::ALL {
        let is_found = found.contains(&block);
        let is_known = match block {
            RetentionBlock::UnreadableBackup => !is_refused || is_found,
            RetentionBlock::KeptBackup => !is_refused && server.keeps_are_known,
        };
        if is_known {
            blocks.insert(block, is_found);
        }
    }
    blocks
}

/// Selection of one of the two verdicts on every backup, with the arrival time of the last segment
/// that the backup reaches by it.
struct Basis {
    verdict_of: fn(&BackupVerdict) -> &Verdict,
    reached_at: fn(&ServerReport) -> &BTreeMap<String, DateTime<Utc>>,
}

/// Restores that can be started immediately.
const AT_ONCE: &Basis = &Basis {
    verdict_of: |backup| &backup.verdict,
    reached_at: |server| &server.recovery.reached_at,
};

/// Restores once everything has been retrieved from cold storage.
const THAWED: &Basis = &Basis {
    verdict_of: |backup| &backup.thawed,
    reached_at: |server| &server.recovery.thawed_reached_at,
};

/// Part of the window that lies between the end of a backup and the arrival of the last segment
/// that it reaches; `None` if that arrival time is unknown, and if a refused file may cover more.
fn coverage(
    server: &ServerReport,
    window: TimeDelta,
    now: DateTime<Utc>,
    basis: &Basis,
) -> Option<Coverage> {
    let reached_at = (basis.reached_at)(server);
    let mut spans = Vec::new();
    for backup in &server.backups {
        let Some(from) = backup.done_at() else {
            continue;
        };
        let Some(verdict) = server.recovery.verdict.backups.get(&backup.id) else {
            continue;
        };
        match (basis.verdict_of)(verdict) {
            Verdict::Recoverable | Verdict::Consistent(_) => {
                let to = *reached_at.get(&backup.id)?;
                spans.push(Span { from, to });
            }
            Verdict::Blocked(_) | Verdict::Waiting(_) | Verdict::Broken(_) => {}
        }
    }
    let coverage = Coverage::of(&spans, window, now);
    let is_certain = server.refusals.kinds.is_empty() || coverage.shortfall().is_zero();
    is_certain.then_some(coverage)
}
