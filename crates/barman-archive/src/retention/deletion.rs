//! Backups and WAL that are deleted when the obsolete backups are.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::catalog::by_id;
use super::{CatalogBackup, RetentionError, RetentionStatus, WalDeletion, WalRule};
use crate::barman::KeepTarget;
use crate::postgres::{SegmentName, TimelineId};

/// Backups and WAL that one run of `barman-cloud-backup-delete --retention-policy` deletes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// Ids of the deleted backups, in the order of their deletion: oldest first.
    ///
    /// Deletion covers `backup.info` and the data objects that belong to the backup, but neither
    /// its annotations nor keys that Barman does not know (`_delete_backup`).
    pub backups: Vec<String>,
    /// WAL that is deleted with them.
    pub wal: WalDeletion,
    /// Error with which Barman ends after the last of the backups, before its WAL and before any
    /// more backups; `None` if it gets through. Possible only if there is WAL to compare.
    pub interrupted_by: Option<RetentionError>,
}

/// Returns what is deleted with the backups that a [`retention_statuses`](super::retention_statuses) calls obsolete.
///
/// WAL is deleted only as a side effect: with each backup, if no copied backup is left before it or
/// all of those are kept as standalone.
#[must_use]
pub fn deletion(catalog: &[CatalogBackup], report: &BTreeMap<String, RetentionStatus>) -> Deletion {
    let mut left = by_id(catalog);
    let mut timelines = Timelines::of(catalog);
    let mut deletion = Deletion::default();
    for (id, status) in report {
        if *status != RetentionStatus::Obsolete {
            continue;
        }
        let Some(backup) = left.get(id.as_str()).copied() else {
            continue;
        };
        deletion.backups.push(id.clone());
        match wal_rule(&left, &timelines, backup) {
            Ok(Some(rule)) => deletion.wal.push(rule),
            Ok(None) => {}
            Err(error) => {
                deletion.interrupted_by = Some(error);
                break;
            }
        }
        // Removed only now: a backup that is being deleted still protects its timeline.
        left.remove(id.as_str());
        timelines.remove(backup);
    }
    deletion
}

/// Timelines of the backups that are left, each with the number of those backups: with a thousand
/// deletions, it matters that the timelines are not collected anew for each.
struct Timelines(BTreeMap<TimelineId, usize>);

impl Timelines {
    fn of(catalog: &[CatalogBackup]) -> Self {
        let mut backups = BTreeMap::new();
        for backup in by_id(catalog).into_values() {
            if let Some(timeline) = backup.timeline {
                *backups.entry(timeline).or_default() += 1;
            }
        }
        Self(backups)
    }

    fn remove(&mut self, backup: &CatalogBackup) {
        let Some(timeline) = backup.timeline else {
            return;
        };
        if let Some(backups) = self.0.get_mut(&timeline) {
            *backups -= 1;
            if *backups == 0 {
                self.0.remove(&timeline);
            }
        }
    }

    /// Returns all timelines but that of this backup.
    fn others_than(&self, backup: &CatalogBackup) -> BTreeSet<TimelineId> {
        let mut others: BTreeSet<TimelineId> = self.0.keys().copied().collect();
        if let Some(own) = backup.timeline {
            others.remove(&own);
        }
        others
    }
}

/// Returns the rule for the WAL that is deleted with this backup while the backups in `left` are
/// there (itself included); `None` if no WAL is deleted.
fn wal_rule(
    left: &BTreeMap<&str, &CatalogBackup>,
    timelines: &Timelines,
    deleted: &CatalogBackup,
) -> Result<Option<WalRule>, RetentionError> {
    let Some(kept_ranges) = kept_ranges(left, deleted)? else {
        return Ok(None);
    };
    let after = (Bound::Excluded(deleted.id.as_str()), Bound::Unbounded);
    let mut later = left.range::<str, _>(after);
    let until = match later.find(|(_, backup)| backup.is_copied()) {
        Some((_, next)) => *next,
        None => deleted,
    };
    let before = field(until, "begin_wal", until.begin_wal)?;
    let protected_timelines = timelines.others_than(until);
    Ok(Some(WalRule {
        before,
        protected_timelines,
        kept_ranges,
    }))
}

/// Returns the WAL ranges of the copied backups before this one; `None` if one of them is not kept
/// as standalone (`BackupManager.should_remove_wals`).
fn kept_ranges(
    left: &BTreeMap<&str, &CatalogBackup>,
    deleted: &CatalogBackup,
) -> Result<Option<Vec<(SegmentName, SegmentName)>>, RetentionError> {
    let before = (Bound::Unbounded, Bound::Excluded(deleted.id.as_str()));
    let mut older = Vec::new();
    for (_, backup) in left.range::<str, _>(before) {
        if !backup.is_copied() {
            continue;
        }
        if backup.keep != Some(KeepTarget::Standalone) {
            return Ok(None);
        }
        older.push(*backup);
    }
    let mut ranges = Vec::new();
    for backup in older {
        let first = field(backup, "begin_wal", backup.begin_wal)?;
        let last = field(backup, "end_wal", backup.end_wal)?;
        ranges.push((first, last));
    }
    Ok(Some(ranges))
}

fn field(
    backup: &CatalogBackup,
    field: &'static str,
    value: Option<SegmentName>,
) -> Result<SegmentName, RetentionError> {
    let Some(value) = value else {
        return Err(RetentionError::NoWal {
            backup: backup.id.clone(),
            field,
        });
    };
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Sketch, segment};
    use super::*;
    use crate::barman::{BackupStatus, UnfinishedStatus};

    /// Returns what is deleted when these of the backups are obsolete.
    fn delete(catalog: &[CatalogBackup], obsolete: &[&str]) -> Deletion {
        let report = obsolete
            .iter()
            .map(|id| ((*id).to_owned(), RetentionStatus::Obsolete));
        deletion(catalog, &report.collect())
    }

    /// Returns the rules as their `before`, their protected timelines and the number of their kept
    /// ranges.
    fn rules(deletion: &Deletion) -> Vec<(String, Vec<u32>, usize)> {
        let rules = deletion.wal.rules().iter();
        let show = |rule: &WalRule| {
            let timelines = rule
                .protected_timelines
                .iter()
                .map(|timeline| timeline.0)
                .collect();
            let SegmentName {
                timeline: TimelineId(timeline),
                high,
                low: segment,
            } = rule.before;
            (
                format!("{timeline}/{high:X}/{segment:X}"),
                timelines,
                rule.kept_ranges.len(),
            )
        };
        rules.map(show).collect()
    }

    fn rule(before: &str, protected: &[u32], kept: usize) -> (String, Vec<u32>, usize) {
        (before.to_owned(), protected.to_vec(), kept)
    }

    fn backup(id: &str, wal: &str) -> CatalogBackup {
        Sketch::done(id).wal(wal).backup()
    }

    #[test]
    fn backups_go_oldest_first_and_wal_up_to_the_next_one() {
        let catalog = [
            backup("c", "1/0/9"),
            backup("a", "1/0/2"),
            backup("b", "1/0/5"),
        ];

        let deletion = delete(&catalog, &["b", "a"]);

        assert_eq!(deletion.backups, ["a", "b"]);
        assert_eq!(rules(&deletion), [rule("1/0/9", &[], 0)]);
    }

    #[test]
    fn without_a_next_backup_wal_goes_up_to_the_deleted_one() {
        assert_eq!(
            rules(&delete(&[backup("a", "1/0/2")], &["a"])),
            [rule("1/0/2", &[], 0)]
        );
    }

    #[test]
    fn a_backup_left_before_the_deleted_one_keeps_all_wal() {
        let mut catalog = [
            backup("a", "1/0/2"),
            backup("b", "1/0/5"),
            backup("c", "1/0/9"),
        ];
        for (status, keep) in [
            (BackupStatus::Done, None),
            (BackupStatus::Done, Some(KeepTarget::Full)),
            (UnfinishedStatus::WaitingForWals.into(), None),
        ] {
            (catalog[0].status, catalog[0].keep) = (status, keep);
            assert_eq!(rules(&delete(&catalog, &["b"])), []);
        }
        catalog[0].status = UnfinishedStatus::Failed.into();
        assert_eq!(rules(&delete(&catalog, &["b"])), [rule("1/0/9", &[], 0)]);
    }

    #[test]
    fn earlier_backups_kept_alone_keep_their_own_wal() {
        let kept = Sketch {
            keep: Some(KeepTarget::Standalone),
            ..Sketch::done("a")
        }
        .wal("1/0/2");
        let catalog = [kept.backup(), backup("b", "1/0/5"), backup("c", "1/0/9")];

        let deletion = delete(&catalog, &["b"]);

        assert_eq!(rules(&deletion), [rule("1/0/9", &[], 1)]);
        let range = (segment("1/0/2"), segment("1/0/2"));
        assert_eq!(deletion.wal.rules()[0].kept_ranges, [range]);
    }

    #[test]
    fn the_next_backup_need_only_be_copied() {
        let copied = Sketch {
            status: UnfinishedStatus::WaitingForWals.into(),
            ..Sketch::done("c")
        };
        let failed = Sketch {
            status: UnfinishedStatus::Failed.into(),
            ..Sketch::done("b")
        };
        let catalog = [
            backup("a", "1/0/2"),
            failed.wal("1/0/4").backup(),
            copied.wal("1/0/6").backup(),
        ];

        assert_eq!(rules(&delete(&catalog, &["a"])), [rule("1/0/6", &[], 0)]);
    }

    #[test]
    fn the_deleted_backup_still_protects_its_timeline() {
        let catalog = [
            backup("a", "1/0/2"),
            backup("b", "2/0/5"),
            backup("c", "2/0/9"),
        ];

        assert_eq!(rules(&delete(&catalog, &["a"])), [rule("2/0/5", &[1], 0)]);
        // The next deletion of any backup catches up.
        let both = delete(&catalog, &["a", "b"]);
        assert_eq!(rules(&both), [rule("2/0/9", &[], 0)]);
    }

    #[test]
    fn unfinished_backups_protect_their_timeline() {
        for status in [UnfinishedStatus::Started, UnfinishedStatus::Failed] {
            let unfinished = Sketch {
                status: status.into(),
                ..Sketch::done("b")
            }
            .wal("1/0/4")
            .backup();
            let catalog = [
                backup("a", "1/0/2"),
                unfinished,
                backup("c", "2/0/5"),
                backup("d", "2/0/9"),
            ];

            let deletion = delete(&catalog, &["a", "c"]);

            assert_eq!(rules(&deletion), [rule("2/0/9", &[1], 0)]);
        }
    }

    #[test]
    fn a_kept_backup_stops_wal_from_where_it_stands() {
        let kept = Sketch {
            keep: Some(KeepTarget::Full),
            ..Sketch::done("b")
        }
        .wal("1/0/4");
        let catalog = [
            backup("a", "1/0/2"),
            kept.backup(),
            backup("c", "1/0/6"),
            backup("d", "1/0/9"),
        ];

        let deletion = delete(&catalog, &["a", "c"]);

        assert_eq!(deletion.backups, ["a", "c"]);
        assert_eq!(rules(&deletion), [rule("1/0/4", &[], 0)]);
    }

    #[test]
    fn a_next_backup_without_wal_interrupts() {
        let mut catalog = [
            backup("a", "1/0/2"),
            backup("b", "1/0/4"),
            backup("c", "1/0/6"),
        ];
        catalog[1].status = UnfinishedStatus::WaitingForWals.into();
        catalog[1].begin_wal = None;

        let deletion = delete(&catalog, &["a", "c"]);

        assert_eq!(deletion.backups, ["a"]);
        let error = RetentionError::NoWal {
            backup: "b".to_owned(),
            field: "begin_wal",
        };
        assert_eq!(deletion.interrupted_by, Some(error));
        assert_eq!(rules(&deletion), []);
    }
}
