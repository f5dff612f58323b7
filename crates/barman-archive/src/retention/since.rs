//! Times since which backups have been obsolete.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::tree::{to_count, trees};
use super::{CatalogBackup, RetentionError, RetentionPolicy, RetentionStatus};

/// Returns the time since which each obsolete backup has been obsolete, by id.
///
/// A backup is obsolete from the moment at which Barman's rule calls it so, judged by the backups that
/// still exist and had ended at that moment. With a window, that is when a later backup has left the
/// window; with a redundancy, when that number of backups have followed. It is never before the
/// number of later backups reaches the minimum redundancy, nor before the end of the backup itself.
/// Only full backups count; an incremental one depends on the backup that it is built on. A backup
/// is absent if its moment is not known because an `end_time` is missing.
///
/// # Errors
/// Returns the same errors as [`retention_statuses`](super::retention_statuses).
pub fn obsolete_since(
    policy: RetentionPolicy,
    catalog: &[CatalogBackup],
    minimum_redundancy: u32,
    now: DateTime<Utc>,
) -> Result<BTreeMap<String, DateTime<Utc>>, RetentionError> {
    let mut since = BTreeMap::new();
    let mut walk = FullBackupWalk {
        policy,
        minimum_redundancy,
        newer_ends: Vec::new(),
    };
    for tree in trees(policy, catalog, minimum_redundancy, now)? {
        let root_at = walk.obsolete_at(tree.root.ended_at);
        note(&mut since, tree.root, tree.status, root_at);
        let below_at = match tree.root.keep {
            Some(_) => walk.left_at(tree.root.ended_at),
            None => root_at,
        };
        for backup in tree.descendants {
            let at = match below_at {
                Some(at) => Some(at).max(backup.ended_at),
                None => None,
            };
            note(&mut since, backup, tree.status_below, at);
        }
        walk.add(tree.root);
    }
    Ok(since)
}

/// Notes the time since which a backup has been obsolete, if it is. If several trees hold the
/// backup, the last one decides.
fn note(
    since: &mut BTreeMap<String, DateTime<Utc>>,
    backup: &CatalogBackup,
    status: RetentionStatus,
    at: Option<DateTime<Utc>>,
) {
    if let Some(at) = at
        && status == RetentionStatus::Obsolete
    {
        since.insert(backup.id.clone(), at);
    } else {
        since.remove(&backup.id);
    }
}

/// State of a walk back through the full backups.
struct FullBackupWalk {
    policy: RetentionPolicy,
    minimum_redundancy: u32,
    /// End times of the finished backups that were passed, in order of time.
    newer_ends: Vec<DateTime<Utc>>,
}

impl FullBackupWalk {
    fn add(&mut self, backup: &CatalogBackup) {
        if let Some(ended_at) = backup.ended_at
            && backup.is_done()
        {
            let index = self.newer_ends.partition_point(|end| *end <= ended_at);
            self.newer_ends.insert(index, ended_at);
        }
    }

    /// Returns the moment from which the policy and the minimum no longer needed a backup that
    /// ended at `ended_at`.
    fn obsolete_at(&self, ended_at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let (count, passed_at) = match self.policy {
            RetentionPolicy::Redundancy(count) => (count.max(self.minimum_redundancy), None),
            RetentionPolicy::RecoveryWindow { days } => {
                let window = TimeDelta::days(days.into());
                let first = self.newer_ends.first()?;
                (
                    self.minimum_redundancy,
                    Some(first.checked_add_signed(window)?),
                )
            }
        };
        let followed_at = match to_count(count).checked_sub(1) {
            Some(last) => Some(*self.newer_ends.get(last)?),
            None => None,
        };
        ended_at.max(passed_at).max(followed_at)
    }

    /// Returns the moment from which the policy no longer needed what is built on a standalone
    /// backup: with a window, once the backup itself or a newer one has left it, whatever the
    /// minimum.
    fn left_at(&self, ended_at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let RetentionPolicy::RecoveryWindow { days } = self.policy else {
            return self.obsolete_at(ended_at);
        };
        let first = match self.newer_ends.first() {
            Some(newer) => ended_at.map_or(*newer, |own| own.min(*newer)),
            None => ended_at?,
        };
        let passed_at = first.checked_add_signed(TimeDelta::days(days.into()))?;
        Some(passed_at).max(ended_at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Sketch, day, done};
    use super::*;
    use crate::barman::KeepTarget;

    fn since(policy: &str, minimum: u32, catalog: &[CatalogBackup]) -> Vec<(String, f64)> {
        let since = obsolete_since(policy.parse().unwrap(), catalog, minimum, day(20.0)).unwrap();
        let days = |at: DateTime<Utc>| (at - day(0.0)).as_seconds_f64() / 86400.0;
        since.into_iter().map(|(id, at)| (id, days(at))).collect()
    }

    #[test]
    fn with_a_window_a_newer_backup_leaving_it_makes_one_obsolete() {
        let catalog = done(&[1.0, 2.0, 12.0, 16.0]);

        let expected = [("a".to_owned(), 7.0), ("b".to_owned(), 17.0)];
        assert_eq!(since("5d", 0, &catalog), expected);
    }

    #[test]
    fn with_a_redundancy_enough_newer_backups_make_one_obsolete() {
        let catalog = done(&[1.0, 2.0, 3.0, 4.0]);

        let expected = [("a".to_owned(), 3.0), ("b".to_owned(), 4.0)];
        assert_eq!(since("REDUNDANCY 2", 0, &catalog), expected);
    }

    #[test]
    fn the_minimum_must_have_followed_as_well() {
        let catalog = done(&[1.0, 2.0, 3.0, 9.0]);

        assert_eq!(since("2d", 3, &catalog), [("a".to_owned(), 9.0)]);
    }

    #[test]
    fn no_backup_was_obsolete_before_it_was_there() {
        let catalog = done(&[3.0, 2.0]);

        assert_eq!(since("REDUNDANCY 1", 0, &catalog), [("a".to_owned(), 3.0)]);
        let alone = done(&[3.0]);
        assert_eq!(since("REDUNDANCY 0", 0, &alone), [("a".to_owned(), 3.0)]);
    }

    #[test]
    fn what_is_not_known_is_absent() {
        let mut catalog = done(&[1.0, 2.0]);
        catalog[1].ended_at = None;

        assert_eq!(since("REDUNDANCY 1", 0, &catalog), []);
    }

    fn at(id: &str, days: f64) -> (String, f64) {
        (id.to_owned(), days)
    }

    #[test]
    fn incremental_backups_are_obsolete_with_their_full_one() {
        let catalog = [
            Sketch::done("a").with_children(&["b"]).ended(1.0).backup(),
            Sketch::done("b").built_on("a").ended(4.0).backup(),
            Sketch::done("c").ended(3.0).backup(),
        ];

        assert_eq!(
            since("REDUNDANCY 1", 0, &catalog),
            [at("a", 3.0), at("b", 4.0)]
        );
        assert_eq!(since("5d", 0, &catalog), [at("a", 8.0), at("b", 8.0)]);
        assert_eq!(since("REDUNDANCY 1", 2, &catalog), []);
    }

    #[test]
    fn children_of_a_backup_kept_alone_go_when_the_policy_says() {
        let mut catalog = [
            Sketch::done("a").with_children(&["b"]).ended(1.0).backup(),
            Sketch::done("b").built_on("a").ended(2.0).backup(),
            Sketch::done("c").ended(9.0).backup(),
        ];
        catalog[0].keep = Some(KeepTarget::Standalone);

        assert_eq!(since("REDUNDANCY 1", 0, &catalog), [at("b", 9.0)]);
        assert_eq!(since("5d", 3, &catalog), [at("b", 6.0)]);
        catalog[0].keep = Some(KeepTarget::Full);
        assert_eq!(since("5d", 0, &catalog), []);
    }
}
