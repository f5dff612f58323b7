//! Report on the status that a policy gives each backup.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::tree::trees;
use super::{CatalogBackup, RetentionError, RetentionPolicy, RetentionStatus};

/// Returns the status that the policy gives each backup, by id.
///
/// Barman goes back through the finished full backups in the order of their ids
/// (`RetentionPolicy._backup_report`). The newest ones are needed: with a redundancy, that many;
/// with a window, those up to and including the first that ended before the window. Kept backups
/// count like any other on the way. `minimum_redundancy` is the option of
/// `barman-cloud-backup-delete`; CloudNativePG leaves it at its default, 0.
///
/// Incremental backups do not count, and get their status from the full backup that they are built
/// on, finished or not (`_propagate_retention_status_to_children`). An incremental backup that no
/// backup names among its children is absent: Barman says nothing about it.
///
/// # Errors
/// Returns an error if Barman would end with one.
pub fn retention_statuses(
    policy: RetentionPolicy,
    catalog: &[CatalogBackup],
    minimum_redundancy: u32,
    now: DateTime<Utc>,
) -> Result<BTreeMap<String, RetentionStatus>, RetentionError> {
    let mut statuses = BTreeMap::new();
    for tree in trees(policy, catalog, minimum_redundancy, now)? {
        statuses.insert(tree.root.id.clone(), tree.status);
        for backup in tree.descendants {
            statuses.insert(backup.id.clone(), tree.status_below);
        }
    }
    Ok(statuses)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Sketch, day, done};
    use super::*;
    use crate::barman::{KeepTarget, UnfinishedStatus};

    fn words(policy: &str, minimum: u32, catalog: &[CatalogBackup]) -> Vec<&'static str> {
        let statuses =
            retention_statuses(policy.parse().unwrap(), catalog, minimum, day(20.0)).unwrap();
        statuses
            .into_values()
            .map(RetentionStatus::as_str)
            .collect()
    }

    #[test]
    fn a_redundancy_needs_the_newest_finished_backups() {
        let catalog = done(&[1.0, 2.0, 3.0]);

        assert_eq!(
            words("REDUNDANCY 2", 0, &catalog),
            ["OBSOLETE", "VALID", "VALID"]
        );
        assert_eq!(words("REDUNDANCY 0", 0, &catalog), ["OBSOLETE"; 3]);
        assert_eq!(words("REDUNDANCY 4", 0, &catalog), ["VALID"; 3]);
    }

    #[test]
    fn unfinished_backups_count_for_nothing() {
        let mut catalog = done(&[1.0, 2.0]);
        for (id, status) in [
            ("m", UnfinishedStatus::Started),
            ("n", UnfinishedStatus::Failed),
            ("o", UnfinishedStatus::WaitingForWals),
            ("p", UnfinishedStatus::Empty),
        ] {
            catalog.push(
                Sketch {
                    status: status.into(),
                    ..Sketch::done(id)
                }
                .backup(),
            );
        }

        let expected = ["OBSOLETE", "VALID", "-", "-", "-", "-"];
        assert_eq!(words("REDUNDANCY 1", 0, &catalog), expected);
        assert_eq!(words("1d", 0, &catalog), expected);
    }

    #[test]
    fn a_kept_backup_uses_up_one_of_the_redundancy_where_it_stands() {
        let mut catalog = done(&[1.0, 2.0, 3.0]);
        catalog[1].keep = Some(KeepTarget::Full);
        assert_eq!(
            words("REDUNDANCY 2", 0, &catalog),
            ["OBSOLETE", "KEEP:FULL", "VALID"]
        );

        catalog[1].keep = None;
        catalog[0].keep = Some(KeepTarget::Standalone);
        assert_eq!(
            words("REDUNDANCY 1", 0, &catalog),
            ["KEEP:STANDALONE", "OBSOLETE", "VALID"]
        );
    }

    #[test]
    fn a_window_needs_one_backup_from_before_it() {
        let catalog = done(&[1.0, 12.0, 14.0, 16.0]);

        assert_eq!(
            words("5d", 0, &catalog),
            ["OBSOLETE", "OBSOLETE", "VALID", "VALID"]
        );
        assert_eq!(words("1m", 0, &catalog), ["VALID"; 4]);
    }

    #[test]
    fn a_backup_that_ended_at_the_window_start_does_not_close_it() {
        let catalog = done(&[13.0, 15.0, 16.0]);

        assert_eq!(words("5d", 0, &catalog), ["VALID"; 3]);
    }

    #[test]
    fn the_newest_backup_is_needed_even_with_no_window() {
        let catalog = done(&[1.0, 2.0]);

        assert_eq!(
            words("RECOVERY WINDOW OF 0 DAYS", 0, &catalog),
            ["OBSOLETE", "VALID"]
        );
    }

    #[test]
    fn a_kept_backup_closes_the_window_as_any_other() {
        let mut catalog = done(&[1.0, 2.0, 18.0]);
        catalog[1].keep = Some(KeepTarget::Standalone);

        assert_eq!(
            words("5d", 0, &catalog),
            ["OBSOLETE", "KEEP:STANDALONE", "VALID"]
        );
    }

    #[test]
    fn the_minimum_raises_a_redundancy_and_tops_up_a_window() {
        let catalog = done(&[1.0, 2.0, 3.0, 4.0]);

        assert_eq!(
            words("REDUNDANCY 1", 2, &catalog),
            ["OBSOLETE", "OBSOLETE", "VALID", "VALID"]
        );
        assert_eq!(
            words("3d", 3, &catalog),
            ["OBSOLETE", "OBSOLETE*", "OBSOLETE*", "VALID"]
        );
    }

    #[test]
    fn the_order_is_that_of_the_ids_and_not_of_the_times() {
        let catalog = done(&[3.0, 2.0]);

        assert_eq!(words("REDUNDANCY 1", 0, &catalog), ["OBSOLETE", "VALID"]);
        assert_eq!(words("3d", 0, &catalog), ["OBSOLETE", "VALID"]);
    }

    #[test]
    fn a_directory_that_is_no_backup_id_is_the_newest() {
        let ids = ["20261101T030000", "20261102T030000", "latest"];
        let catalog: Vec<_> = ids.map(|id| Sketch::done(id).ended(1.0).backup()).into();

        assert_eq!(
            words("REDUNDANCY 1", 0, &catalog),
            ["OBSOLETE", "OBSOLETE", "VALID"]
        );
    }

    #[test]
    fn a_window_fails_at_a_finished_backup_without_an_end() {
        let mut catalog = done(&[1.0, 2.0, 18.0]);
        let fails = |catalog: &[CatalogBackup]| {
            retention_statuses("3d".parse().unwrap(), catalog, 0, day(20.0)).unwrap_err()
        };

        catalog[1].ended_at = None;
        assert_eq!(
            fails(&catalog),
            RetentionError::NoEndTime {
                backup: "b".to_owned()
            }
        );
        assert_eq!(
            words("REDUNDANCY 1", 0, &catalog),
            ["OBSOLETE", "OBSOLETE", "VALID"]
        );

        // Unless the window is closed before.
        catalog[1].ended_at = Some(day(2.0));
        catalog[0].ended_at = None;
        assert_eq!(words("3d", 0, &catalog), ["OBSOLETE", "VALID", "VALID"]);
    }

    #[test]
    fn a_window_from_before_the_calendar_fails_with_a_backup() {
        let policy = "999999999d".parse().unwrap();

        let error = retention_statuses(policy, &done(&[1.0]), 0, day(20.0)).unwrap_err();

        assert_eq!(error, RetentionError::WindowTooLong);
        assert_eq!(
            retention_statuses(policy, &[], 0, day(20.0)),
            Ok(BTreeMap::new())
        );
    }

    /// Returns a full backup `a` with a chain of two on it and another backup on it alone, and the
    /// full backups `e` and `f`.
    fn with_chain() -> Vec<CatalogBackup> {
        let sketches = [
            Sketch::done("a").with_children(&["b", "d"]).ended(1.0),
            Sketch::done("b")
                .built_on("a")
                .with_children(&["c"])
                .ended(2.0),
            Sketch::done("c").built_on("b").ended(3.0),
            Sketch::done("d").built_on("a").ended(4.0),
            Sketch::done("e").ended(14.0),
            Sketch::done("f").ended(17.0),
        ];
        sketches.map(Sketch::backup).into()
    }

    #[test]
    fn incremental_backups_get_the_status_of_their_full_one() {
        let catalog = with_chain();

        let obsolete = [
            "OBSOLETE", "OBSOLETE", "OBSOLETE", "OBSOLETE", "VALID", "VALID",
        ];
        assert_eq!(words("REDUNDANCY 2", 0, &catalog), obsolete);
        assert_eq!(words("4d", 0, &catalog), obsolete);
        assert_eq!(words("REDUNDANCY 3", 0, &catalog), ["VALID"; 6]);
        assert_eq!(words("7d", 0, &catalog), ["VALID"; 6]);
    }

    #[test]
    fn incremental_backups_use_up_nothing_of_a_redundancy() {
        let catalog = &with_chain()[..4];

        assert_eq!(words("REDUNDANCY 1", 0, catalog), ["VALID"; 4]);
        assert_eq!(words("REDUNDANCY 0", 1, catalog), ["VALID"; 4]);
        assert_eq!(words("RECOVERY WINDOW OF 0 DAYS", 0, catalog), ["VALID"; 4]);
    }

    #[test]
    fn the_minimum_keeps_chains_as_wholes() {
        let expected = [
            "OBSOLETE*",
            "OBSOLETE*",
            "OBSOLETE*",
            "OBSOLETE*",
            "VALID",
            "VALID",
        ];

        assert_eq!(words("4d", 3, &with_chain()), expected);
    }

    #[test]
    fn what_is_built_on_a_kept_backup_is_valid_or_obsolete() {
        let mut catalog = with_chain();
        catalog[0].keep = Some(KeepTarget::Full);
        let expected = ["KEEP:FULL", "VALID", "VALID", "VALID", "VALID", "VALID"];
        assert_eq!(words("REDUNDANCY 2", 0, &catalog), expected);
        assert_eq!(words("4d", 0, &catalog), expected);

        catalog[0].keep = Some(KeepTarget::Standalone);
        let within = [
            "KEEP:STANDALONE",
            "VALID",
            "VALID",
            "VALID",
            "VALID",
            "VALID",
        ];
        let beyond = [
            "KEEP:STANDALONE",
            "OBSOLETE",
            "OBSOLETE",
            "OBSOLETE",
            "VALID",
            "VALID",
        ];
        assert_eq!(words("REDUNDANCY 3", 0, &catalog), within);
        assert_eq!(words("REDUNDANCY 2", 0, &catalog), beyond);
        assert_eq!(words("20d", 0, &catalog), within);
        // The kept backup closes the window.
        assert_eq!(words("7d", 0, &catalog), beyond);
    }

    #[test]
    fn keep_and_status_of_an_incremental_backup_make_no_difference() {
        let mut catalog = with_chain();
        catalog[1].keep = Some(KeepTarget::Full);
        catalog[2].status = UnfinishedStatus::Failed.into();

        assert_eq!(words("REDUNDANCY 2", 0, &catalog)[..4], ["OBSOLETE"; 4]);
        catalog[0].status = UnfinishedStatus::Failed.into();
        assert_eq!(words("REDUNDANCY 2", 0, &catalog)[..4], ["-"; 4]);
    }

    #[test]
    fn an_incremental_backup_that_no_other_names_is_absent() {
        let mut catalog = with_chain();
        catalog[1].children_ids.clear();
        let expected = ["a", "b", "d", "e", "f"];
        let ids = |catalog: &[CatalogBackup]| {
            let policy = RetentionPolicy::Redundancy(1);
            let statuses = retention_statuses(policy, catalog, 0, day(20.0)).unwrap();
            statuses.into_keys().collect::<Vec<_>>()
        };

        assert_eq!(ids(&catalog), expected);
        // Children that are not there are absent as well.
        catalog[0].children_ids.push("gone".to_owned());
        assert_eq!(ids(&catalog), expected);
        assert_eq!(ids(&catalog[1..]), ["e", "f"]);
    }

    #[test]
    fn a_circle_of_children_ends_with_an_error() {
        let mut catalog = with_chain();
        catalog[2].children_ids = vec!["b".to_owned()];
        let policy = RetentionPolicy::Redundancy(1);

        let error = retention_statuses(policy, &catalog, 0, day(20.0)).unwrap_err();

        assert_eq!(
            error,
            RetentionError::Cycle {
                backup: "b".to_owned()
            }
        );
        // A circle that no full backup leads to is never walked.
        catalog[0].children_ids.clear();
        assert_eq!(
            words("REDUNDANCY 1", 0, &catalog),
            ["OBSOLETE", "OBSOLETE", "VALID"]
        );
    }
}
