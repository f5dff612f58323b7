//! Full backups with the incremental ones that are built on them, and the status that a policy
//! gives both.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, TimeDelta, Utc};

use super::catalog::by_id;
use super::{CatalogBackup, RetentionError, RetentionPolicy, RetentionStatus};
use crate::barman::KeepTarget;

/// Full backup, and everything that is built on it.
pub(super) struct Tree<'a> {
    /// Full backup.
    pub(super) root: &'a CatalogBackup,
    /// Status of the full backup.
    pub(super) status: RetentionStatus,
    /// Incremental backups that are built on it, directly or indirectly.
    pub(super) descendants: Vec<&'a CatalogBackup>,
    /// Status of the incremental backups.
    pub(super) status_below: RetentionStatus,
}

/// Returns the full backups in Barman's order, newest first, with the status that the policy gives
/// them.
///
/// If two trees share a backup, which takes someone who edits a `backup.info`, the later tree
/// decides (`_backup_report` overwrites what it had).
pub(super) fn trees(
    policy: RetentionPolicy,
    catalog: &[CatalogBackup],
    minimum_redundancy: u32,
    now: DateTime<Utc>,
) -> Result<Vec<Tree<'_>>, RetentionError> {
    let backups = by_id(catalog);
    let mut full = Vec::new();
    let mut done = Vec::new();
    for backup in backups.values().rev().copied() {
        if backup.is_incremental() {
            continue;
        }
        full.push(backup);
        if backup.is_done() {
            done.push(backup);
        }
    }
    let rule = PolicyCounts::new(policy, &done, minimum_redundancy, now)?;
    let mut newer = 0;
    let mut trees = Vec::new();
    for root in full {
        let descendants = descendants(root, &backups)?;
        let (status, status_below) = rule.statuses(root, newer);
        trees.push(Tree {
            root,
            status,
            descendants,
            status_below,
        });
        newer += usize::from(root.is_done());
    }
    Ok(trees)
}

/// Policy, as numbers of finished full backups.
struct PolicyCounts {
    /// Number of backups that the policy needs, from the newest on.
    needed: usize,
    /// Number of backups within the policy: with a window, the one that closes it is not.
    within: usize,
    /// Number of backups that stay whatever the policy says.
    minimum: usize,
}

impl PolicyCounts {
    fn new(
        policy: RetentionPolicy,
        done: &[&CatalogBackup],
        minimum_redundancy: u32,
        now: DateTime<Utc>,
    ) -> Result<Self, RetentionError> {
        let minimum = to_count(minimum_redundancy);
        match policy {
            RetentionPolicy::Redundancy(count) => {
                let needed = to_count(count).max(minimum);
                Ok(Self {
                    needed,
                    within: needed,
                    minimum,
                })
            }
            RetentionPolicy::RecoveryWindow { days } => {
                let window = TimeDelta::days(days.into());
                match closing(window, done, now)? {
                    Some(within) => {
                        let needed = within.saturating_add(1);
                        Ok(Self {
                            needed,
                            within,
                            minimum,
                        })
                    }
                    None => Ok(Self {
                        needed: usize::MAX,
                        within: usize::MAX,
                        minimum,
                    }),
                }
            }
        }
    }

    /// Returns the statuses of a full backup and of what is built on it, given the number of newer
    /// finished full backups.
    fn statuses(&self, root: &CatalogBackup, newer: usize) -> (RetentionStatus, RetentionStatus) {
        if !root.is_done() {
            return (RetentionStatus::None, RetentionStatus::None);
        }
        match root.keep {
            Some(KeepTarget::Full) => (RetentionStatus::KeepFull, RetentionStatus::Valid),
            Some(KeepTarget::Standalone) if newer < self.within => {
                (RetentionStatus::KeepStandalone, RetentionStatus::Valid)
            }
            Some(KeepTarget::Standalone) => {
                (RetentionStatus::KeepStandalone, RetentionStatus::Obsolete)
            }
            None if newer < self.needed => (RetentionStatus::Valid, RetentionStatus::Valid),
            None if newer < self.minimum => (
                RetentionStatus::PotentiallyObsolete,
                RetentionStatus::PotentiallyObsolete,
            ),
            None => (RetentionStatus::Obsolete, RetentionStatus::Obsolete),
        }
    }
}

/// Returns the index of the first finished backup, newest first, that ended before the window;
/// `None` if there is none.
fn closing(
    window: TimeDelta,
    done: &[&CatalogBackup],
    now: DateTime<Utc>,
) -> Result<Option<usize>, RetentionError> {
    for (newer, backup) in done.iter().enumerate() {
        // Barman's `_point_of_recoverability`, which Barman evaluates only if there is a backup.
        let Some(starts_at) = now.checked_sub_signed(window) else {
            return Err(RetentionError::WindowTooLong);
        };
        if starts_at.year() < 1 {
            return Err(RetentionError::WindowTooLong);
        }
        let Some(ended_at) = backup.ended_at else {
            return Err(RetentionError::NoEndTime {
                backup: backup.id.clone(),
            });
        };
        if ended_at < starts_at {
            return Ok(Some(newer));
        }
    }
    Ok(None)
}

/// Returns the backups that are built on this one (`LocalBackupInfo.walk_backups_tree`), each once.
///
/// Relies on what parents say about their children. A child that is not there does not have any.
fn descendants<'a>(
    root: &'a CatalogBackup,
    backups: &BTreeMap<&str, &'a CatalogBackup>,
) -> Result<Vec<&'a CatalogBackup>, RetentionError> {
    let mut found = Vec::new();
    let mut walked = BTreeSet::new();
    let mut above = BTreeSet::from([root.id.as_str()]);
    let mut open = vec![(root, root.children_ids.iter())];
    while let Some((backup, children)) = open.last_mut() {
        let Some(id) = children.next() else {
            above.remove(backup.id.as_str());
            open.pop();
            continue;
        };
        if above.contains(id.as_str()) {
            return Err(RetentionError::Cycle { backup: id.clone() });
        }
        let Some(child) = backups.get(id.as_str()).copied() else {
            continue;
        };
        if walked.insert(id.as_str()) {
            above.insert(id.as_str());
            found.push(child);
            open.push((child, child.children_ids.iter()));
        }
    }
    Ok(found)
}

/// Returns the error with which `barman-cloud-backup-delete --retention-policy` ends because of
/// incremental backups, whatever the policy, and before it deletes anything; `None` if it gets
/// through.
///
/// The tool's `BackupInfo` does not have `walk_backups_tree`, which its report calls for each full
/// backup that knows of any built on it (seen with 3.17.0 to 3.20.1). A Barman server has the
/// function, and deletes according to [`retention_statuses`](super::retention_statuses).
#[must_use]
pub fn unsupported(catalog: &[CatalogBackup]) -> Option<RetentionError> {
    let mut full = catalog.iter().filter(|backup| !backup.is_incremental());
    let parent = full.find(|backup| !backup.children_ids.is_empty())?;
    Some(RetentionError::Incremental {
        backup: parent.id.clone(),
    })
}

pub(super) fn to_count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sketch;
    use super::*;

    #[test]
    fn barmans_tool_does_not_support_full_backups_with_children() {
        let incremental = Sketch::done("b")
            .built_on("a")
            .with_children(&["c"])
            .backup();
        let unaware = Sketch::done("a").backup();
        let aware = Sketch::done("a").with_children(&["b"]).backup();

        assert_eq!(unsupported(&[unaware, incremental.clone()]), None);
        let error = RetentionError::Incremental {
            backup: "a".to_owned(),
        };
        assert_eq!(unsupported(&[incremental, aware]), Some(error));
    }
}
