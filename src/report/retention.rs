//! The report on what a server's retention policy makes of its backups.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::inventory::DirectoryInventory;
use crate::postgres::LogName;
use crate::recovery::retention::{
    CatalogBackup, RetentionBlock, RetentionError, RetentionPolicy, RetentionStatus,
    obsolete_since, report, retention_blocks, unsupported,
};
use crate::recovery::{BackupVerdict, Coverage, Span, Verdict};

use super::{BackupReport, DeletionReport, ServerReport};

/// What a server's retention policy makes of its backups.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionReport {
    /// The policy.
    pub policy: RetentionPolicy,
    /// What it makes of each backup, by id; `None` where Barman's rule leads to an error, and with a
    /// backup that cannot be read. An incremental backup that no other one names has none.
    pub statuses: Option<BTreeMap<String, RetentionStatus>>,
    /// Error with which `barman-cloud-backup-delete` ends, and deletes nothing; `None` if it gets
    /// through, and with a backup that cannot be read, which is among the `blocks`.
    ///
    /// With incremental backups the tool ends so, and a Barman server does not: the statuses are
    /// known all the same.
    pub failure: Option<RetentionError>,
    /// Since when the backup has been obsolete that is so for longest; `None` without one.
    pub overdue_since: Option<DateTime<Utc>>,
    /// Whether each of what can keep Barman from deleting does; one that is not known is missing.
    pub blocks: BTreeMap<RetentionBlock, bool>,
    /// How much of a recovery window can be restored at once; `None` with another policy, and where
    /// that is not known.
    pub coverage: Option<Coverage>,
    /// The same once everything is brought back from cold storage.
    pub thawed_coverage: Option<Coverage>,
    /// What `barman-cloud-backup-delete` would delete now; `None` where it would end with an error,
    /// and where that is not known.
    pub deletion: Option<DeletionReport>,
}

impl RetentionReport {
    /// What is `lacking` are logs whose files must be listed once more to tell what goes of them.
    pub(super) fn new(
        policy: RetentionPolicy,
        (directory, server): (&DirectoryInventory, &ServerReport),
        now: DateTime<Utc>,
        lacking: &mut BTreeSet<LogName>,
    ) -> Self {
        let catalog: Vec<_> = server
            .backups
            .iter()
            .filter_map(|backup| {
                Some(CatalogBackup::new(backup.id.clone(), backup.info.as_ref()?, backup.keep))
            })
            .collect();
        // What is refused to the exporter, Barman may well read; what it says is not known.
        let unreadable = server.has_unreadable();
        let is_known = !unreadable && server.keeps_are_known && !server.refused_since(None);
        let minimum = server.minimum_redundancy.unwrap_or_default();
        let since = obsolete_since(policy, &catalog, minimum, now).unwrap_or_default();
        let (statuses, failure) = match report(policy, &catalog, minimum, now) {
            // A backup that cannot be read has a place among the others, and nobody knows which.
            _ if !is_known => (None, None),
            Ok(statuses) => (Some(statuses), unsupported(&catalog)),
            Err(error) => (None, Some(error)),
        };
        let deleting = statuses.as_ref().filter(|_| failure.is_none());
        let deletion = deleting.and_then(|statuses| {
            DeletionReport::new(directory, server, (&catalog, statuses), lacking)
        });
        Self {
            policy,
            statuses,
            failure,
            deletion,
            overdue_since: since.into_values().min().filter(|_| is_known),
            blocks: blocks(server, &retention_blocks(unreadable, &catalog)),
            coverage: policy.window().and_then(|window| {
                coverage(server, (window, now), |one| &one.verdict, &server.recovery.reached_at)
            }),
            thawed_coverage: policy.window().and_then(|window| {
                let reached_at = &server.recovery.thawed_reached_at;
                coverage(server, (window, now), |one| &one.thawed, reached_at)
            }),
        }
    }

    /// Whether this is known to keep Barman from deleting.
    #[must_use]
    pub fn is_blocked(&self, block: RetentionBlock) -> bool {
        self.blocks.get(&block) == Some(&true)
    }

    /// How many backups the policy does not need; `None` where Barman would end with an error.
    #[must_use]
    pub fn obsolete(&self) -> Option<usize> {
        Some(self.obsolete_ids()?.len())
    }

    /// The ids of those backups.
    #[must_use]
    pub fn obsolete_ids(&self) -> Option<Vec<String>> {
        let statuses = self.statuses.as_ref()?.iter();
        let obsolete = statuses.filter(|(_, status)| **status == RetentionStatus::Obsolete);
        Some(obsolete.map(|(id, _)| id.clone()).collect())
    }
}

/// What keeps Barman from deleting, as far as no refused file may say otherwise.
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

/// What of the window lies between the end of a backup and the arrival of the last segment that it
/// reaches; `None` where it is not known when that was, and where a refused file may cover more.
fn coverage(
    server: &ServerReport,
    (window, now): (TimeDelta, DateTime<Utc>),
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
