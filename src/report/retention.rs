//! The report on what a server's retention policy makes of its backups.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::recovery::retention::{
    CatalogBackup, RetentionBlock, RetentionPolicy, RetentionStatus, obsolete_since, report,
    retention_blocks,
};
use crate::recovery::{Coverage, Span, Verdict};

use super::{BackupState, ServerReport};

/// What a server's retention policy makes of its backups.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionReport {
    /// The policy.
    pub policy: RetentionPolicy,
    /// What it makes of each backup, by id; `None` where Barman would end with an error.
    pub statuses: Option<BTreeMap<String, RetentionStatus>>,
    /// Since when the backup has been obsolete that is so for longest; `None` without one.
    pub overdue_since: Option<DateTime<Utc>>,
    /// What keeps Barman from deleting.
    pub blocks: BTreeSet<RetentionBlock>,
    /// How much of a recovery window can really be restored; `None` with another policy.
    pub coverage: Option<Coverage>,
}

impl RetentionReport {
    pub(super) fn new(policy: RetentionPolicy, server: &ServerReport, now: DateTime<Utc>) -> Self {
        let catalog: Vec<_> = server
            .backups
            .iter()
            .filter_map(|backup| {
                Some(CatalogBackup::new(backup.id.clone(), backup.info.as_ref()?, backup.keep))
            })
            .collect();
        let is_unreadable = |state| matches!(state, BackupState::Unreadable(_));
        let unreadable = server.backups.iter().any(|backup| is_unreadable(backup.state));
        let since = obsolete_since(policy, &catalog, 0, now).unwrap_or_default();
        Self {
            policy,
            statuses: report(policy, &catalog, 0, now).ok(),
            overdue_since: since.into_values().min(),
            blocks: retention_blocks(unreadable, &catalog),
            coverage: policy.window().map(|window| coverage(server, window, now)),
        }
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

/// What of the window lies between the end of a backup and the arrival of the last segment that it
/// reaches. To one that reaches the newest there is, everything up to now counts: how long WAL has
/// not arrived is another question, and on an idle database none at all.
fn coverage(server: &ServerReport, window: TimeDelta, now: DateTime<Utc>) -> Coverage {
    let spans: Vec<_> = server
        .backups
        .iter()
        .filter_map(|backup| {
            let from = backup.done_at()?;
            let verdict = server.recovery.verdict.backups.get(&backup.id)?;
            let to = match verdict.verdict {
                Verdict::Recoverable => now,
                Verdict::Consistent(_) => *server.recovery.reached_at.get(&backup.id)?,
                Verdict::Waiting(_) | Verdict::Broken(_) => return None,
            };
            Some(Span { from, to })
        })
        .collect();
    Coverage::of(&spans, window, now)
}
