//! Chains of incremental backups, and the effect of retention on them.

use barman_archive::retention::{RetentionError, RetentionStatus};

use super::{Archive, info, moment};
use crate::report::{ReclaimReason, RetentionReport};

/// A finished backup of a day, with additional fields in its `backup.info`; its data take a thousand
/// bytes plus the number of the day.
fn backup(archive: Archive, day: u64, fields: &[(&str, String)]) -> Archive {
    let text = info(
        "DONE",
        &format!("11-{day:02} 02:00:00"),
        &format!("11-{day:02} 02:10:00"),
    );
    let text = fields
        .iter()
        .fold(text, |text, (field, value)| text.with(field, value));
    archive
        .with_backup_info(&id(day), &text)
        .with(&format!("s/base/{}/data.tar", id(day)), 1000 + day)
}

fn id(day: u64) -> String {
    format!("202611{day:02}T020000")
}

/// A full backup of the first day with a chain of two on it, and full ones of the sixth and ninth.
/// If not `is_known`, the full backup of the first day does not know of the chain.
fn archive(is_known: bool) -> Archive {
    let children = |day| ("children_backup_ids", id(day));
    let parent = |day| ("parent_backup_id", id(day));
    let known = if is_known { vec![children(2)] } else { vec![] };
    let archive = backup(Archive::new(), 1, &known);
    let archive = backup(archive, 2, &[parent(1), children(3)]);
    let archive = backup(archive, 3, &[parent(2)]);
    backup(backup(archive, 6, &[]), 9, &[])
}

fn retention(archive: &Archive) -> RetentionReport {
    archive.server().retention.unwrap()
}

fn statuses(retention: &RetentionReport) -> Vec<&'static str> {
    retention
        .statuses
        .iter()
        .flatten()
        .map(|(_, status)| status.as_str())
        .collect()
}

/// Bytes of the backups of these days.
fn stored(archive: &Archive, days: &[u64]) -> u64 {
    let server = archive.server();
    let backups = server.backups.iter();
    let of_days = backups.filter(|backup| days.iter().any(|day| backup.id == id(*day)));
    of_days.map(|backup| backup.stored.bytes).sum()
}

fn obsolete_bytes(archive: &Archive) -> u64 {
    archive.server().reclaimable[&ReclaimReason::ObsoleteBackup]
}

#[test]
fn a_chain_is_obsolete_as_a_whole_or_not_at_all() {
    let obsolete = archive(true).retaining("REDUNDANCY 2");
    let valid = archive(true).retaining("REDUNDANCY 3");

    let report = retention(&obsolete);
    assert_eq!(
        statuses(&report),
        ["OBSOLETE", "OBSOLETE", "OBSOLETE", "VALID", "VALID"]
    );
    assert_eq!(report.overdue_since, Some(moment("2026-11-09T02:10:00Z")));
    assert_eq!(obsolete_bytes(&obsolete), stored(&obsolete, &[1, 2, 3]));
    assert_eq!(statuses(&retention(&valid)), ["VALID"; 5]);
    assert_eq!(obsolete_bytes(&valid), 0);
}

#[test]
fn barmans_tool_ends_with_an_error_at_a_chain() {
    let report = retention(&archive(true).retaining("REDUNDANCY 3"));

    assert_eq!(
        report.failure,
        Some(RetentionError::Incremental { backup: id(1) })
    );
    assert_eq!(report.deletion, None);
    assert!(report.statuses.is_some());
}

#[test]
fn barmans_tool_deletes_a_parent_unaware_of_its_children() {
    let archive = archive(false).retaining("REDUNDANCY 2");

    let report = retention(&archive);

    let found = report.statuses.unwrap();
    assert_eq!(found.keys().cloned().collect::<Vec<_>>(), [1, 6, 9].map(id));
    assert_eq!(found[&id(1)], RetentionStatus::Obsolete);
    assert_eq!(report.failure, None);
    assert_eq!(report.deletion.unwrap().backups, [id(1)]);
    // The children still need it, so it cannot be reclaimed.
    assert_eq!(obsolete_bytes(&archive), 0);
}

#[test]
fn a_parent_is_useless_if_the_chain_is_broken_elsewhere() {
    let whole = archive(false);
    let unknown_parent = ("parent_backup_id", "20261001T020000".to_owned());
    let torn = backup(whole.clone(), 2, &[unknown_parent]);

    let obsolete = torn.retaining("REDUNDANCY 2");

    assert_eq!(obsolete_bytes(&obsolete), stored(&obsolete, &[1]));
}

#[test]
fn the_error_of_a_circle_is_told_and_nothing_else() {
    let fields = [("children_backup_ids", id(2)), ("parent_backup_id", id(2))];
    let archive = backup(archive(true), 3, &fields);

    let report = retention(&archive.retaining("REDUNDANCY 2"));

    assert_eq!(
        report.failure,
        Some(RetentionError::Cycle { backup: id(2) })
    );
    assert_eq!(
        (report.statuses, report.overdue_since, report.deletion),
        (None, None, None)
    );
}
