//! What is stored that nobody needs, and why nobody does.

use serde::Serialize;

use crate::report::{BackupReport, BackupState, ReclaimReason, Report};

/// What nobody needs of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReclaimableEntry {
    /// Bytes, as far as they are known; those of unfinished uploads included, which are no part of
    /// the archive's.
    pub bytes: u64,
    /// The reasons, largest first; each is there, also where it has nothing.
    pub reasons: Vec<ReasonEntry>,
    /// Backups of expected servers whose `backup.info` cannot be read. They are in none of the
    /// reasons, as nobody knows whether they are needed.
    pub unreadable_backups: u64,
    /// What their objects take.
    pub unreadable_bytes: u64,
}

/// What nobody needs for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonEntry {
    /// The reason, as `barman_cloud_reclaimable_bytes` has it.
    pub reason: &'static str,
    /// Bytes.
    pub bytes: u64,
    /// For how many servers it is not known, such as obsolete backups without a retention policy.
    pub unknown_servers: u64,
}

impl ReclaimableEntry {
    pub(super) fn new(report: &Report) -> Self {
        let mut reasons: Vec<_> =
            ReclaimReason::ALL.into_iter().map(|reason| ReasonEntry::new(reason, report)).collect();
        reasons.sort_by_key(|entry| std::cmp::Reverse(entry.bytes));
        let bytes = reasons.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.bytes));
        let unreadable = unreadable_backups(report);
        let sizes = unreadable.iter().map(|backup| backup.stored.bytes);
        Self {
            bytes,
            reasons,
            unreadable_backups: unreadable.len() as u64,
            unreadable_bytes: sizes.fold(0, u64::saturating_add),
        }
    }

    /// What of it only unfinished uploads have stored.
    pub(super) fn in_uploads(&self) -> u64 {
        let label = ReclaimReason::IncompleteUpload.as_label();
        self.reasons.iter().find(|entry| entry.reason == label).map_or(0, |entry| entry.bytes)
    }
}

fn unreadable_backups(report: &Report) -> Vec<&BackupReport> {
    let expected = report.servers.values().filter(|server| server.is_expected);
    let backups = expected.flat_map(|server| &server.backups);
    backups.filter(|backup| matches!(backup.state, BackupState::Unreadable(_))).collect()
}

impl ReasonEntry {
    fn new(reason: ReclaimReason, report: &Report) -> Self {
        let of_servers = report.servers.values().filter_map(|server| {
            let applies = reason.applies_to(server);
            applies.then(|| server.reclaimable.get(&reason).copied())
        });
        let outside = report.reclaimable_loose_uploads();
        let outside = outside.filter(|_| reason == ReclaimReason::IncompleteUpload);
        let mut entry = Self { reason: reason.as_label(), bytes: 0, unknown_servers: 0 };
        for known in of_servers.chain(outside) {
            match known {
                Some(bytes) => entry.bytes = entry.bytes.saturating_add(bytes),
                None => entry.unknown_servers += 1,
            }
        }
        entry
    }
}

/// A reason in words, in the plural: `bytes in …`.
pub(super) fn in_words(label: &str) -> &'static str {
    let known = ReclaimReason::ALL.into_iter().find(|reason| reason.as_label() == label);
    match known {
        Some(ReclaimReason::ObsoleteWal) => "WAL that no done backup needs",
        Some(ReclaimReason::ObsoleteBackup) => "backups that are obsolete by the retention policy",
        Some(ReclaimReason::FailedBackup) => "failed backups",
        Some(ReclaimReason::IncompleteBackup) => "backups that are neither whole nor under way",
        Some(ReclaimReason::Orphan) => "servers that are not configured",
        Some(ReclaimReason::IncompleteUpload) => "multipart uploads that nobody finished",
        None => "unknown",
    }
}
