//! Report on the effect of a server's retention policy on its backups.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::DirectoryInventory;
use barman_archive::postgres::WalDir;
use barman_archive::recovery::{BackupVerdict, Coverage, Span, Verdict};
use barman_archive::retention::{
    CatalogBackup, RetentionBlock, RetentionError, RetentionPolicy, RetentionStatus,
    obsolete_since, report, retention_blocks, unsupported,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::{BackupReport, DeletionReport, ServerReport};

/// Effect of a server's retention policy on its backups.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionReport {
    /// Retention policy of the server.
    pub policy: RetentionPolicy,
    /// Retention status of each backup, by id; `None` if Barman's rule leads to an error, and if a
    /// backup cannot be read. An incremental backup that no other backup names has no status.
    pub statuses: Option<BTreeMap<String, RetentionStatus>>,
    /// Error with which `barman-cloud-backup-delete` ends without deleting anything; `None` if it
    /// succeeds, and if a backup cannot be read, which is one of the `blocks`.
    ///
    /// With incremental backups the tool ends with an error but a Barman server does not: the
    /// statuses are known all the same.
    pub failure: Option<RetentionError>,
    /// Moment since which the backup that has been obsolete longest is obsolete; `None` without
    /// one.
    pub overdue_since: Option<DateTime<Utc>>,
    /// Conditions that can keep Barman from deleting, each true if it does; a condition whose state
    /// is unknown is missing.
    pub blocks: BTreeMap<RetentionBlock, bool>,
    /// Part of the recovery window that can be restored immediately; `None` with another kind of
    /// policy, and if unknown.
    pub coverage: Option<Coverage>,
    /// Part of the recovery window that can be restored once everything is brought back from cold
    /// storage.
    pub thawed_coverage: Option<Coverage>,
    /// Objects that `barman-cloud-backup-delete` would delete now; `None` if it would end with an
    /// error, and if unknown.
    pub deletion: Option<DeletionReport>,
}

impl RetentionReport {
    /// Builds the report. Adds to `lacking` the WAL directories whose files must be listed again to
    /// compute what would be deleted from them.
    pub(super) fn new(
        policy: RetentionPolicy,
        directory: &DirectoryInventory,
        server: &ServerReport,
        now: DateTime<Utc>,
        lacking: &mut BTreeSet<WalDir>,
    ) -> Self {
        let catalog: Vec<_> = server
            .backups
            .iter()
            .filter_map(|backup| {
                Some(CatalogBackup::new(backup.id.clone(), backup.info.as_ref()?, backup.keep))
            })
            .collect();
        // Barman may be able to read a file that is refused to the exporter; its content is
        // unknown.
        let unreadable = server.has_unreadable();
        let is_known = !unreadable && server.keeps_are_known && !server.refused_since(None);
        let minimum = server.minimum_redundancy.unwrap_or_default();
        let since = obsolete_since(policy, &catalog, minimum, now).unwrap_or_default();
        let (statuses, failure) = match report(policy, &catalog, minimum, now) {
            // An unreadable backup has a position among the others, and that position is unknown.
            _ if !is_known => (None, None),
            Ok(statuses) => (Some(statuses), unsupported(&catalog)),
            Err(error) => (None, Some(error)),
        };
        let deleting = statuses.as_ref().filter(|_| failure.is_none());
        let deletion = deleting.and_then(|statuses| {
            DeletionReport::new(directory, server, &catalog, statuses, lacking)
        });
        Self {
            policy,
            statuses,
            failure,
            deletion,
            overdue_since: since.into_values().min().filter(|_| is_known),
            blocks: blocks(server, &retention_blocks(unreadable, &catalog)),
            coverage: policy.window().and_then(|window| {
                coverage(server, window, now, |backup| &backup.verdict, &server.recovery.reached_at)
            }),
            thawed_coverage: policy.window().and_then(|window| {
                let reached_at = &server.recovery.thawed_reached_at;
                coverage(server, window, now, |backup| &backup.thawed, reached_at)
            }),
        }
    }

    /// Returns whether this is known to keep Barman from deleting.
    #[must_use]
    pub fn is_blocked(&self, block: RetentionBlock) -> bool {
        self.blocks.get(&block) == Some(&true)
    }

    /// Number of backups that the policy does not need; `None` if the statuses are unknown.
    #[must_use]
    pub fn obsolete(&self) -> Option<usize> {
        Some(self.obsolete_ids()?.len())
    }

    /// Ids of the backups that the policy does not need; `None` if the statuses are unknown.
    #[must_use]
    pub fn obsolete_ids(&self) -> Option<Vec<String>> {
        let statuses = self.statuses.as_ref()?.iter();
        let obsolete = statuses.filter(|(_, status)| **status == RetentionStatus::Obsolete);
        Some(obsolete.map(|(id, _)| id.clone()).collect())
    }
}

/// Conditions that keep Barman from deleting, without those on which a refused file may say
/// otherwise.
fn blocks(
    server: &ServerReport,
    found: &BTreeSet<RetentionBlock>,
) -> BTreeMap<RetentionBlock, bool> {
    let is_refused = server.refused_since(None);
    let is_known = |block: RetentionBlock| match block {
        RetentionBlock::UnreadableBackup => !is_refused || found.contains(&block),
        RetentionBlock::KeptBackup => !is_refused && server.keeps_are_known,
    };
    let known = RetentionBlock::ALL.into_iter().filter(|block| is_known(*block));
    known.map(|block| (block, found.contains(&block))).collect()
}

/// Part of the window that lies between the end of a backup and the arrival of the last segment
/// that it reaches; `None` if that arrival time is unknown, and if a refused file may cover more.
fn coverage(
    server: &ServerReport,
    window: TimeDelta,
    now: DateTime<Utc>,
    verdict_of: impl Fn(&BackupVerdict) -> &Verdict,
    reached_at: &BTreeMap<String, DateTime<Utc>>,
) -> Option<Coverage> {
    let span = |backup: &BackupReport| {
        let from = backup.done_at()?;
        match verdict_of(server.recovery.verdict.backups.get(&backup.id)?) {
            Verdict::Recoverable | Verdict::Consistent(_) => {
                let to = reached_at.get(&backup.id).copied();
                Some(to.map(|to| Span { from, to }))
            }
            Verdict::Blocked(_) | Verdict::Waiting(_) | Verdict::Broken(_) => None,
        }
    };
    let spans: Option<Vec<_>> = server.backups.iter().filter_map(span).collect();
    let coverage = Coverage::of(&spans?, window, now);
    let is_certain = server.refusals.kinds.is_empty() || coverage.shortfall().is_zero();
    is_certain.then_some(coverage)
}
