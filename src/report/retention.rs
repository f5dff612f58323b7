//! Report on the effect of a server's retention policy on its backups.

use std::collections::BTreeMap;

use barman_archive::recovery::Coverage;
use barman_archive::retention::{RetentionBlock, RetentionError, RetentionPolicy, RetentionStatus};
use chrono::{DateTime, Utc};

use super::DeletionReport;

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
    /// Part of the recovery window that can be restored once everything has been retrieved from
    /// cold storage.
    pub thawed_coverage: Option<Coverage>,
    /// Objects that `barman-cloud-backup-delete` would delete now; `None` if it would end with an
    /// error, and if unknown.
    pub deletion: Option<DeletionReport>,
}

impl RetentionReport {
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
