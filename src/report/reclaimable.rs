//! Bytes in an archive that nobody needs.
//!
//! `docs/specification.md`, 13.3.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::recovery::{BackupChain, ChainLink};

use super::{BackupReport, BackupState, IncompleteReason, ServerReport};

/// Reason why nobody needs some of an archive's bytes, as `barman_cloud_reclaimable_bytes`
/// distinguishes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReclaimReason {
    /// WAL that no finished backup needs.
    ObsoleteWal,
    /// Backups that neither the retention policy nor any remaining backup needs.
    ObsoleteBackup,
    /// Backups that failed.
    FailedBackup,
    /// Backups that are neither complete nor running.
    IncompleteBackup,
    /// A server that nobody expects.
    Orphan,
    /// Multipart uploads that were started but not completed, except those of a running backup.
    IncompleteUpload,
}

impl ReclaimReason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::ObsoleteWal,
        Self::ObsoleteBackup,
        Self::FailedBackup,
        Self::IncompleteBackup,
        Self::Orphan,
        Self::IncompleteUpload,
    ];

    /// The reason as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::ObsoleteWal => "obsolete_wal",
            Self::ObsoleteBackup => "obsolete_backup",
            Self::FailedBackup => "failed_backup",
            Self::IncompleteBackup => "incomplete_backup",
            Self::Orphan => "orphan",
            Self::IncompleteUpload => "incomplete_upload",
        }
    }
}

/// Bytes that nobody needs, by reason. A reason is missing if its bytes are unknown or it does not
/// apply: everything of a server that nobody expects is an orphan, and nothing is counted twice.
pub(super) fn reclaimable(
    server: &ServerReport,
    upload_bytes: Option<u64>,
) -> BTreeMap<ReclaimReason, u64> {
    let in_state = |state| {
        let backups: Vec<_> =
            server.backups.iter().filter(|backup| backup.state == state).collect();
        server.known_count(backups.len())?;
        Some(backups.iter().fold(0, |sum: u64, backup| sum.saturating_add(backup.stored.bytes)))
    };
    let bytes = |reason| match reason {
        ReclaimReason::IncompleteUpload => upload_bytes,
        ReclaimReason::Orphan => (!server.is_expected).then_some(server.usage.sums.bytes),
        _ if !server.is_expected => None,
        ReclaimReason::ObsoleteWal => server.recovery.obsolete_stored.map(|sums| sums.bytes),
        ReclaimReason::ObsoleteBackup => obsolete_backups(server),
        ReclaimReason::FailedBackup => in_state(BackupState::Failed),
        ReclaimReason::IncompleteBackup => in_state(BackupState::Incomplete),
    };
    ReclaimReason::ALL.into_iter().filter_map(|reason| Some((reason, bytes(reason)?))).collect()
}

/// Bytes of the backups that neither the policy nor any remaining backup needs.
fn obsolete_backups(server: &ServerReport) -> Option<u64> {
    let obsolete: BTreeSet<String> =
        server.retention.as_ref()?.obsolete_ids()?.into_iter().collect();
    let needed = parents_of_others(server, &obsolete);
    let backups = server.backups.iter();
    let reclaimable = backups
        .filter(|backup| obsolete.contains(&backup.id) && !needed.contains(backup.id.as_str()));
    Some(reclaimable.fold(0, |sum: u64, backup| sum.saturating_add(backup.stored.bytes)))
}

/// Ids of the backups that finished, non-obsolete backups are based on.
///
/// Barman's policies do not keep a parent that does not name its children.
fn parents_of_others<'a>(
    server: &'a ServerReport,
    obsolete: &BTreeSet<String>,
) -> BTreeSet<&'a str> {
    let by_id: BTreeMap<&str, &BackupReport> =
        server.backups.iter().map(|backup| (backup.id.as_str(), backup)).collect();
    let link = |id: &str| {
        let backup = by_id.get(id)?;
        let is_whole = backup.incomplete_reason() != Some(IncompleteReason::MissingData);
        Some(
            backup
                .info
                .as_ref()
                .map_or(ChainLink::unreadable(), |info| ChainLink::of(info, is_whole)),
        )
    };
    let staying = server
        .backups
        .iter()
        .filter(|backup| backup.state == BackupState::Done && !obsolete.contains(&backup.id));
    let chains = staying.filter_map(|backup| {
        let parent = backup.info.as_ref()?.parent_id.as_deref();
        BackupChain::of(&backup.id, parent, link).ok()
    });
    chains.flat_map(|chain| chain.parents).collect()
}
