//! Objects that nobody needs, by reason.

use serde::Serialize;

use crate::output::Label;
use crate::report::{BackupReport, BackupState, ReclaimReason, Report};

/// Bytes of an archive that nobody needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReclaimableEntry {
    /// Bytes, as far as known; those of unfinished uploads are included, although they are not part
    /// of the archive's bytes.
    pub bytes: u64,
    /// Bytes by reason, largest first; reasons without bytes are included.
    pub reasons: Vec<ReasonEntry>,
    /// Number of backups of expected servers whose `backup.info` cannot be read. They are not counted
    /// under any reason, because they may be needed.
    pub unreadable_backups: u64,
    /// Bytes of the objects of those backups.
    pub unreadable_bytes: u64,
}

/// Bytes that nobody needs for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReasonEntry {
    /// Reason, as in `barman_cloud_reclaimable_bytes`.
    pub reason: Label<ReclaimReason>,
    /// Bytes, as far as known.
    pub bytes: u64,
    /// Number of servers for which it is unknown, for example obsolete backups without a retention
    /// policy.
    pub unknown_servers: u64,
}

impl ReclaimableEntry {
    pub(super) fn new(report: &Report) -> Self {
        let mut reasons: Vec<_> = ReclaimReason::ALL
            .into_iter()
            .map(|reason| ReasonEntry::new(reason, report))
            .collect();
        reasons.sort_by_key(|entry| std::cmp::Reverse(entry.bytes));
        let bytes = reasons
            .iter()
            .fold(0, |sum: u64, entry| sum.saturating_add(entry.bytes));
        let unreadable = unreadable_backups(report);
        let sizes = unreadable.iter().map(|backup| backup.stored.bytes);
        Self {
            bytes,
            reasons,
            unreadable_backups: unreadable.len() as u64,
            unreadable_bytes: sizes.fold(0, u64::saturating_add),
        }
    }

    /// Bytes that only unfinished uploads have stored.
    pub(super) fn in_uploads(&self) -> u64 {
        let mut reasons = self.reasons.iter();
        let uploads = reasons.find(|entry| entry.reason.0 == ReclaimReason::IncompleteUpload);
        uploads.map_or(0, |entry| entry.bytes)
    }
}

fn unreadable_backups(report: &Report) -> Vec<&BackupReport> {
    let expected = report.servers.values().filter(|server| server.is_expected);
    let backups = expected.flat_map(|server| &server.backups);
    backups
        .filter(|backup| matches!(backup.state, BackupState::Unreadable(_)))
        .collect()
}

impl ReasonEntry {
    fn new(reason: ReclaimReason, report: &Report) -> Self {
        let mut entry = Self {
            reason: Label(reason),
            bytes: 0,
            unknown_servers: 0,
        };
        for server in report.servers.values() {
            if reason.applies_to(server) {
                entry.add(server.reclaimable.get(&reason).copied());
            }
        }
        if reason == ReclaimReason::IncompleteUpload
            && let Some(sums) = report.uploads_outside_servers()
        {
            entry.add(sums.bytes);
        }
        entry
    }

    fn add(&mut self, bytes: Option<u64>) {
        match bytes {
            Some(bytes) => self.bytes = self.bytes.saturating_add(bytes),
            None => self.unknown_servers += 1,
        }
    }
}

/// Describes the objects that a reason applies to, in the plural.
pub(super) const fn in_words(reason: ReclaimReason) -> &'static str {
    match reason {
        ReclaimReason::ObsoleteWal => "WAL that no finished backup needs",
        ReclaimReason::ObsoleteBackup => "backups that are obsolete under the retention policy",
        ReclaimReason::FailedBackup => "failed backups",
        ReclaimReason::IncompleteBackup => "backups that are neither complete nor running",
        ReclaimReason::Orphan => "servers that are not configured",
        ReclaimReason::IncompleteUpload => "unfinished multipart uploads",
    }
}
