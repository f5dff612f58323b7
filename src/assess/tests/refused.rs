//! Small files that the store refuses to return: the report says nothing that they may contradict.

use barman_archive::inventory::{FileReading, UnreadableReason};
use barman_archive::retention::RetentionBlock;

use super::recovery::{TO_TIMELINE_2_IN_6, backup, seg, wal};
use super::{Archive, moment};
use crate::report::{ReclaimReason, ServerReport};

fn refusal() -> FileReading {
    FileReading::Unreadable {
        reason: UnreadableReason::Access,
        message: "status 403, AccessDenied: no kms:Decrypt".to_owned(),
    }
}

/// A backup whose `backup.info` is refused, written at three o'clock on the day of the report.
fn refused(archive: Archive) -> Archive {
    archive
        .with_reading("s/base/20261115T020000/backup.info", refusal())
        .with("s/base/20261115T020000/data.tar", 5)
}

fn lacking_history(archive: Archive) -> ServerReport {
    let archive = wal(archive, 2, 6..=8);
    archive
        .with_reading("s/wals/00000002.history", refusal())
        .server()
}

#[test]
fn without_a_file_that_can_be_read_nothing_is_counted() {
    let server = refused(wal(Archive::new(), 1, 4..=9)).server();

    assert_eq!(server.recoverable(), None);
    assert_eq!(server.newest_is_recoverable(), None);
    assert_eq!(server.recovery.gaps(), None);
    assert_eq!(server.known_count(0), None);
    assert_eq!(server.known_count(1), Some(1));
    assert_eq!(server.reclaimable.get(&ReclaimReason::FailedBackup), None);
}

#[test]
fn a_newer_refused_backup_leaves_open_which_is_the_newest() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
        1,
        [5, 6],
    );
    assert_eq!(
        archive.server().newest_is_recoverable(),
        Some(false),
        "its own WAL is missing"
    );

    let server = refused(archive).server();

    assert_eq!(server.newest_is_recoverable(), None);
    assert_eq!(server.newest_known_done(), None);
    assert_eq!(server.size_change_ratio(), None);
}

#[test]
fn an_older_refused_backup_does_not_matter_to_the_newest() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=6).with_at(
        "s/base/20261101T020000/data.tar",
        5,
        "2026-11-01T03:00:00Z",
    );
    let key = "s/base/20261101T020000/backup.info";
    let mut archive = archive.with_at(key, 10, "2026-11-01T03:00:00Z");
    let file = archive.small_file(key);
    archive.files.insert(file, refusal());

    let server = archive.server();

    assert_eq!(server.newest_is_recoverable(), Some(true));
    assert!(server.newest_known_done().is_some());
    assert!(server.refused_since(Some(moment("2026-10-31T00:00:00Z"))));
}

#[test]
fn where_a_history_file_is_refused_only_good_news_is_certain() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=6);
    let known = wal(archive.clone(), 2, 6..=8)
        .with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6)
        .server();
    assert_eq!(known.newest_is_recoverable(), Some(true));

    let server = lacking_history(archive);

    assert_eq!(server.newest_is_recoverable(), None);
    assert_eq!(server.newest_is_recoverable_by_default(), None);
    assert_eq!(server.histories_missing(), None);
    assert_eq!(server.recovery.obsolete_segments(), None);
    assert_eq!(server.current_timeline(), None);
}

#[test]
fn what_another_reads_may_block_nothing() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=6);
    let server = refused(archive.retaining("7d")).server();

    let retention = server.retention.as_ref().unwrap();
    assert_eq!(retention.failure, None);
    assert_eq!(retention.statuses, None);
    assert_eq!(
        retention.blocks.get(&RetentionBlock::UnreadableBackup),
        None
    );
    assert_eq!(retention.blocks.get(&RetentionBlock::KeptBackup), None);
}
