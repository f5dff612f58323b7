//! Bytes in a server's directory that nobody needs.
//!
//! `docs/specification.md`, 13.3.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::recovery::{BackupChain, ChainLink};

use crate::report::{BackupReport, BackupState, IncompleteReason, ReclaimReason, ServerReport};

/// Bytes that nobody needs, by reason. A reason is missing if its bytes are unknown or it does not
/// apply: everything of a server that nobody expects is an orphan, and nothing is counted twice.
pub(super) fn reclaimable(
    server: &ServerReport,
    upload_bytes: Option<u64>,
) -> BTreeMap<ReclaimReason, u64> {
    let mut reclaimable = BTreeMap::new();
    for reason in ReclaimReason::ALL {
        if !reason.applies_to(server) {
            continue;
        }
        let bytes = match reason {
            ReclaimReason::IncompleteUpload => upload_bytes,
            ReclaimReason::Orphan => Some(server.usage.sums.bytes),
            ReclaimReason::ObsoleteWal => server.recovery.obsolete_stored.map(|sums| sums.bytes),
            ReclaimReason::ObsoleteBackup => obsolete_backups(server),
            ReclaimReason::FailedBackup => backups_in_state(server, BackupState::Failed),
            ReclaimReason::IncompleteBackup => backups_in_state(server, BackupState::Incomplete),
        };
        if let Some(bytes) = bytes {
            reclaimable.insert(reason, bytes);
        }
    }
    reclaimable
}

/// Bytes of the backups in a state; `None` if there are none and a `backup.info` is refused.
fn backups_in_state(server: &ServerReport, state: BackupState) -> Option<u64> {
    let mut count = 0;
    let mut bytes: u64 = 0;
    for backup in &server.backups {
        if backup.state == state {
            count += 1;
            bytes = bytes.saturating_add(backup.stored.bytes);
        }
    }
    server.known_count(count)?;
    Some(bytes)
}

/// Bytes of the backups that neither the policy nor any remaining backup needs.
fn obsolete_backups(server: &ServerReport) -> Option<u64> {
    let obsolete = server.retention.as_ref()?.obsolete_ids()?;
    let obsolete: BTreeSet<String> = obsolete.into_iter().collect();
    let needed = parents_of_others(server, &obsolete);
    let mut bytes: u64 = 0;
    for backup in &server.backups {
        if obsolete.contains(&backup.id) && !needed.contains(backup.id.as_str()) {
            bytes = bytes.saturating_add(backup.stored.bytes);
        }
    }
    Some(bytes)
}

/// Ids of the backups that finished, non-obsolete backups are based on.
///
/// Barman's policies do not keep a parent that does not name its children.
fn parents_of_others<'a>(
    server: &'a ServerReport,
    obsolete: &BTreeSet<String>,
) -> BTreeSet<&'a str> {
    let mut by_id: BTreeMap<&str, &BackupReport> = BTreeMap::new();
    for backup in &server.backups {
        by_id.insert(&backup.id, backup);
    }
    let mut parents = BTreeSet::new();
    for backup in &server.backups {
        let Some(info) = &backup.info else { continue };
        if backup.state != BackupState::Done || obsolete.contains(&backup.id) {
            continue;
        }
        let link = |id: &str| Some(chain_link(by_id.get(id)?));
        if let Ok(chain) = BackupChain::of(&backup.id, info.parent_id.as_deref(), link) {
            parents.extend(chain.parents);
        }
    }
    parents
}

fn chain_link(backup: &BackupReport) -> ChainLink<'_> {
    let is_whole = backup.incomplete_reason() != Some(IncompleteReason::MissingData);
    match &backup.info {
        Some(info) => ChainLink::of(info, is_whole),
        None => ChainLink::unreadable(),
    }
}
