//! What a policy makes of each backup, and since when.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, TimeDelta, Utc};

use super::catalog::by_id;
use super::{CatalogBackup, RetentionError, RetentionPolicy, RetentionStatus};

/// What the policy makes of each backup, by id.
///
/// Barman goes back through the finished backups in the order of their ids
/// (`RetentionPolicy._backup_report`). The newest ones are needed: so many with a redundancy; with a
/// window up to and including the first that ended before the window. Kept backups count as any
/// other on the way. `minimum_redundancy` is the option of `barman-cloud-backup-delete`; 0, its
/// default, is what CloudNativePG leaves it at.
///
/// # Errors
/// When Barman would end with an error.
pub fn report(
    policy: RetentionPolicy,
    catalog: &[CatalogBackup],
    minimum_redundancy: u32,
    now: DateTime<Utc>,
) -> Result<BTreeMap<String, RetentionStatus>, RetentionError> {
    let backups = by_id(catalog);
    let done: Vec<&CatalogBackup> =
        backups.values().rev().copied().filter(|backup| backup.is_done()).collect();
    let needed = needed(policy, &done, now)?;
    let minimum = to_count(minimum_redundancy);
    let kept_by_minimum = match policy {
        RetentionPolicy::Redundancy(_) => RetentionStatus::Valid,
        RetentionPolicy::RecoveryWindow { .. } => RetentionStatus::PotentiallyObsolete,
    };
    let unfinished = backups.keys().map(|id| ((*id).to_owned(), RetentionStatus::None));
    let mut statuses: BTreeMap<_, _> = unfinished.collect();
    statuses.extend(done.iter().enumerate().map(|(rank, backup)| {
        let status = match backup.keep {
            Some(keep) => RetentionStatus::from(keep),
            None if rank < needed => RetentionStatus::Valid,
            None if rank < minimum => kept_by_minimum,
            None => RetentionStatus::Obsolete,
        };
        (backup.id.clone(), status)
    }));
    Ok(statuses)
}

/// How many of the finished backups, newest first, the policy itself needs.
fn needed(
    policy: RetentionPolicy,
    done: &[&CatalogBackup],
    now: DateTime<Utc>,
) -> Result<usize, RetentionError> {
    let window = match policy {
        RetentionPolicy::Redundancy(count) => return Ok(to_count(count)),
        RetentionPolicy::RecoveryWindow { days } => TimeDelta::days(days.into()),
    };
    for (newer, backup) in done.iter().enumerate() {
        // Barman's `_point_of_recoverability`, which it asks only when there is a backup.
        let begins_at = now
            .checked_sub_signed(window)
            .filter(|at| at.year() >= 1)
            .ok_or(RetentionError::WindowTooLong)?;
        let ended_at = backup
            .ended_at
            .ok_or_else(|| RetentionError::NoEndTime { backup: backup.id.clone() })?;
        if ended_at < begins_at {
            return Ok(newer + 1);
        }
    }
    Ok(done.len())
}

/// Since when each obsolete backup has been obsolete, by id.
///
/// The moment from which Barman's rule calls it so, going by the backups that are still there and
/// had ended at that moment: with a window, when one that follows it had passed out of the window;
/// with a redundancy, when as many as it asks for had followed; never before as many as the minimum
/// redundancy asks for had, nor before the backup itself was there. One whose moment is not known,
/// for want of an `end_time`, is absent.
///
/// # Errors
/// As [`report()`](super::report()).
pub fn obsolete_since(
    policy: RetentionPolicy,
    catalog: &[CatalogBackup],
    minimum_redundancy: u32,
    now: DateTime<Utc>,
) -> Result<BTreeMap<String, DateTime<Utc>>, RetentionError> {
    let statuses = report(policy, catalog, minimum_redundancy, now)?;
    let mut since = BTreeMap::new();
    let mut newer_ends: Vec<DateTime<Utc>> = Vec::new();
    for (id, backup) in by_id(catalog).into_iter().rev().filter(|(_, backup)| backup.is_done()) {
        if statuses.get(id) == Some(&RetentionStatus::Obsolete)
            && let Some(at) = obsolete_at(policy, minimum_redundancy, backup.ended_at, &newer_ends)
        {
            since.insert(id.to_owned(), at);
        }
        if let Some(ended_at) = backup.ended_at {
            let place = newer_ends.partition_point(|end| *end <= ended_at);
            newer_ends.insert(place, ended_at);
        }
    }
    Ok(since)
}

/// Since when a backup is obsolete, given when those that follow it ended, in order of time.
fn obsolete_at(
    policy: RetentionPolicy,
    minimum_redundancy: u32,
    ended_at: Option<DateTime<Utc>>,
    newer_ends: &[DateTime<Utc>],
) -> Option<DateTime<Utc>> {
    let (count, passed_at) = match policy {
        RetentionPolicy::Redundancy(count) => (count.max(minimum_redundancy), None),
        RetentionPolicy::RecoveryWindow { days } => {
            let window = TimeDelta::days(days.into());
            (minimum_redundancy, Some(newer_ends.first()?.checked_add_signed(window)?))
        }
    };
    let followed_at = match to_count(count).checked_sub(1) {
        Some(last) => Some(*newer_ends.get(last)?),
        None => None,
    };
    ended_at.max(passed_at).max(followed_at)
}

fn to_count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Sketch, day};
    use super::*;
    use crate::barman::{BackupStatus, KeepTarget};

    fn words(policy: &str, minimum: u32, catalog: &[CatalogBackup]) -> Vec<&'static str> {
        let report = report(policy.parse().unwrap(), catalog, minimum, day(20.0)).unwrap();
        report.into_values().map(RetentionStatus::as_str).collect()
    }

    fn since(policy: &str, minimum: u32, catalog: &[CatalogBackup]) -> Vec<(String, f64)> {
        let since = obsolete_since(policy.parse().unwrap(), catalog, minimum, day(20.0)).unwrap();
        let days = |at: DateTime<Utc>| (at - day(0.0)).as_seconds_f64() / 86400.0;
        since.into_iter().map(|(id, at)| (id, days(at))).collect()
    }

    /// Finished backups that ended at the ends of these days, in order of their ids.
    fn done(days: &[f64]) -> Vec<CatalogBackup> {
        let ids = ('a'..='z').map(String::from);
        ids.zip(days).map(|(id, end)| Sketch::done(&id).ended(*end).backup()).collect()
    }

    #[test]
    fn a_redundancy_needs_the_newest_finished_backups() {
        let catalog = done(&[1.0, 2.0, 3.0]);

        assert_eq!(words("REDUNDANCY 2", 0, &catalog), ["OBSOLETE", "VALID", "VALID"]);
        assert_eq!(words("REDUNDANCY 0", 0, &catalog), ["OBSOLETE"; 3]);
        assert_eq!(words("REDUNDANCY 4", 0, &catalog), ["VALID"; 3]);
    }

    #[test]
    fn unfinished_backups_count_for_nothing() {
        let mut catalog = done(&[1.0, 2.0]);
        for (id, status) in [
            ("m", BackupStatus::Started),
            ("n", BackupStatus::Failed),
            ("o", BackupStatus::WaitingForWals),
            ("p", BackupStatus::Empty),
        ] {
            catalog.push(Sketch { status, ..Sketch::done(id) }.backup());
        }

        let expected = ["OBSOLETE", "VALID", "-", "-", "-", "-"];
        assert_eq!(words("REDUNDANCY 1", 0, &catalog), expected);
        assert_eq!(words("1d", 0, &catalog), expected);
    }

    #[test]
    fn a_kept_backup_uses_up_one_of_the_redundancy_where_it_stands() {
        let mut catalog = done(&[1.0, 2.0, 3.0]);
        catalog[1].keep = Some(KeepTarget::Full);
        assert_eq!(words("REDUNDANCY 2", 0, &catalog), ["OBSOLETE", "KEEP:FULL", "VALID"]);

        catalog[1].keep = None;
        catalog[0].keep = Some(KeepTarget::Standalone);
        assert_eq!(words("REDUNDANCY 1", 0, &catalog), ["KEEP:STANDALONE", "OBSOLETE", "VALID"]);
    }

    #[test]
    fn a_window_needs_one_backup_from_before_it() {
        let catalog = done(&[1.0, 12.0, 14.0, 16.0]);

        assert_eq!(words("5d", 0, &catalog), ["OBSOLETE", "OBSOLETE", "VALID", "VALID"]);
        assert_eq!(words("1m", 0, &catalog), ["VALID"; 4]);
    }

    #[test]
    fn a_backup_that_ended_when_the_window_begins_does_not_close_it() {
        let catalog = done(&[13.0, 15.0, 16.0]);

        assert_eq!(words("5d", 0, &catalog), ["VALID"; 3]);
    }

    #[test]
    fn the_newest_backup_is_needed_even_with_no_window() {
        let catalog = done(&[1.0, 2.0]);

        assert_eq!(words("RECOVERY WINDOW OF 0 DAYS", 0, &catalog), ["OBSOLETE", "VALID"]);
    }

    #[test]
    fn a_kept_backup_closes_the_window_as_any_other() {
        let mut catalog = done(&[1.0, 2.0, 18.0]);
        catalog[1].keep = Some(KeepTarget::Standalone);

        assert_eq!(words("5d", 0, &catalog), ["OBSOLETE", "KEEP:STANDALONE", "VALID"]);
    }

    #[test]
    fn the_minimum_raises_a_redundancy_and_tops_up_a_window() {
        let catalog = done(&[1.0, 2.0, 3.0, 4.0]);

        assert_eq!(words("REDUNDANCY 1", 2, &catalog), ["OBSOLETE", "OBSOLETE", "VALID", "VALID"]);
        assert_eq!(words("3d", 3, &catalog), ["OBSOLETE", "OBSOLETE*", "OBSOLETE*", "VALID"]);
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

        assert_eq!(words("REDUNDANCY 1", 0, &catalog), ["OBSOLETE", "OBSOLETE", "VALID"]);
    }

    #[test]
    fn a_window_fails_at_a_finished_backup_without_an_end() {
        let mut catalog = done(&[1.0, 2.0, 18.0]);
        let fails = |catalog: &[CatalogBackup]| {
            report("3d".parse().unwrap(), catalog, 0, day(20.0)).unwrap_err()
        };

        catalog[1].ended_at = None;
        assert_eq!(fails(&catalog), RetentionError::NoEndTime { backup: "b".to_owned() });
        assert_eq!(words("REDUNDANCY 1", 0, &catalog), ["OBSOLETE", "OBSOLETE", "VALID"]);

        // Unless the window is closed before.
        catalog[1].ended_at = Some(day(2.0));
        catalog[0].ended_at = None;
        assert_eq!(words("3d", 0, &catalog), ["OBSOLETE", "VALID", "VALID"]);
    }

    #[test]
    fn a_window_from_before_the_calendar_fails_if_there_is_a_backup() {
        let policy = "999999999d".parse().unwrap();

        let error = report(policy, &done(&[1.0]), 0, day(20.0)).unwrap_err();

        assert_eq!(error, RetentionError::WindowTooLong);
        assert_eq!(report(policy, &[], 0, day(20.0)), Ok(BTreeMap::new()));
    }

    #[test]
    fn with_a_window_a_backup_is_obsolete_once_a_newer_one_has_left_it() {
        let catalog = done(&[1.0, 2.0, 12.0, 16.0]);

        let expected = [("a".to_owned(), 7.0), ("b".to_owned(), 17.0)];
        assert_eq!(since("5d", 0, &catalog), expected);
    }

    #[test]
    fn with_a_redundancy_a_backup_is_obsolete_once_enough_have_followed() {
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
}
