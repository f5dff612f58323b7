//! Bytes of an archive that nobody needs, that a restore reads, and that Barman would delete.

use std::collections::BTreeMap;

use barman_archive::barman::BackupInfoText;
use barman_archive::inventory::{ListedObject, SomeObjects, StorageClass, Sums};

use super::recovery::{TO_TIMELINE_2_IN_6, backup, seg};
use super::{Archive, info, object};
use crate::report::{DeletionReport, ReclaimReason};

/// Segments of a WAL directory of timeline 1, by number. Each takes a hundred bytes plus its
/// number.
fn wal(archive: Archive, high: u32, numbers: impl IntoIterator<Item = u32>) -> Archive {
    numbers.into_iter().fold(archive, |archive, number| {
        let key = format!("s/wals/00000001{high:08X}/00000001{high:08X}{number:08X}.gz");
        archive.with(&key, 100 + u64::from(number))
    })
}

fn of_class(key: &str, size: u64, class: &str) -> ListedObject {
    let object = object(key, size, "2026-11-15T03:00:00Z");
    ListedObject {
        storage_class: Some(StorageClass::of(class)),
        ..object
    }
}

fn sums(sizes: impl IntoIterator<Item = u64>) -> Sums {
    sizes.into_iter().fold(Sums::default(), |sums, bytes| {
        sums.plus(Sums { objects: 1, bytes })
    })
}

fn obsolete(archive: &Archive) -> Option<Sums> {
    archive.server().recovery.obsolete_stored
}

fn deletion(archive: &Archive) -> DeletionReport {
    archive.server().retention.unwrap().deletion.unwrap()
}

/// Bytes that nobody needs, by the labels of the reasons.
fn reclaimable(archive: &Archive) -> BTreeMap<&'static str, u64> {
    let bytes = archive.server().reclaimable;
    bytes
        .into_iter()
        .map(|(reason, bytes)| (reason.as_label(), bytes))
        .collect()
}

fn restore(archive: &Archive) -> SomeObjects {
    archive.server().recovery.restore.unwrap().objects
}

/// Objects and bytes of a backup's directory.
fn stored(archive: &Archive, id: &str) -> Sums {
    let server = archive.server();
    server
        .backups
        .iter()
        .find(|backup| backup.id == id)
        .unwrap()
        .stored
}

const IN_WAL_DIR_0: &str = "s/wals/0000000100000000";

/// Two backups, starting in segments 4 and 8; retention requires one of them.
fn two_backups() -> Archive {
    let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)).retaining("REDUNDANCY 1");
    wal(backup(archive, 12, &seg(1, 8), &seg(1, 8)), 0, 1..=9)
}

#[test]
fn segments_that_nobody_needs_are_summed_one_by_one() {
    let archive = two_backups()
        // Neither is a segment.
        .with(
            &format!("{IN_WAL_DIR_0}/000000010000000000000002.partial.gz"),
            5000,
        )
        .with(
            &format!("{IN_WAL_DIR_0}/000000010000000000000003.00000028.backup.gz"),
            5000,
        );

    assert_eq!(obsolete(&archive), Some(sums([101, 102, 103])));
    assert_eq!(reclaimable(&archive)["obsolete_wal"], 306);
}

#[test]
fn a_segment_under_two_endings_takes_both() {
    let archive = two_backups()
        .with(&format!("{IN_WAL_DIR_0}/000000010000000000000002"), 1000)
        .with(&format!("{IN_WAL_DIR_0}/000000010000000000000005"), 5000);

    assert_eq!(obsolete(&archive), Some(sums([101, 102, 1000, 103])));
    assert_eq!(archive.server().recovery.obsolete_segments(), Some(3));
}

#[test]
fn barman_deletes_the_last_listed_of_two_copies_of_a_segment() {
    let archive = two_backups()
        .with(&format!("{IN_WAL_DIR_0}/000000010000000000000005"), 5000)
        .with(&format!("{IN_WAL_DIR_0}/000000010000000000000008"), 5000);

    assert_eq!(
        deletion(&archive).wal,
        sums([101, 102, 103, 104, 5000, 106, 107])
    );
}

#[test]
fn partial_segments_and_labels_go_with_their_segments() {
    let archive = two_backups()
        .with(
            &format!("{IN_WAL_DIR_0}/000000010000000000000006.partial.gz"),
            1000,
        )
        .with(
            &format!("{IN_WAL_DIR_0}/000000010000000000000008.partial.gz"),
            5000,
        )
        .with(
            &format!("{IN_WAL_DIR_0}/000000010000000000000004.00000028.backup.gz"),
            2000,
        )
        .with(
            &format!("{IN_WAL_DIR_0}/000000010000000000000008.00000028.backup.gz"),
            5000,
        );

    let deletion = deletion(&archive);

    assert_eq!(deletion.backups, ["20261110T020000"]);
    assert_eq!(deletion.wal, sums((101..=107).chain([1000, 2000])));
    assert_eq!(
        deletion.all,
        deletion.wal.plus(stored(&archive, "20261110T020000"))
    );
}

#[test]
fn annotations_and_keys_that_barman_does_not_know_stay() {
    let archive = two_backups();
    let before = deletion(&archive);

    let archive = archive
        .with("s/base/20261110T020000/annotations/other", 5000)
        .with("s/base/20261110T020000/notes.txt", 5000);

    assert_eq!(deletion(&archive), before);
    assert_eq!(
        reclaimable(&archive)["obsolete_backup"],
        stored(&archive, "20261110T020000").bytes
    );
}

#[test]
fn a_wal_dir_that_is_swept_takes_with_it_whatever_lies_in_it() {
    let second = "000000010000000100000004";
    let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)).retaining("REDUNDANCY 1");
    let archive = wal(
        wal(backup(archive, 12, second, second), 0, 4..=255),
        1,
        0..=5,
    )
    .with(&format!("{IN_WAL_DIR_0}/notes.txt"), 1000)
    .with(&format!("{IN_WAL_DIR_0}/000000010000000000000004"), 2000)
    .with(
        &format!("{IN_WAL_DIR_0}/deep/000000010000000000000009.gz"),
        3000,
    )
    .with("s/wals/0000000100000001/notes.txt", 5000)
    .with("s/wals/notes.txt", 5000);

    let swept = (104..=355).chain([1000, 2000, 3000]);
    assert_eq!(
        deletion(&archive).wal,
        sums(swept.chain([100, 101, 102, 103]))
    );
    assert_eq!(obsolete(&archive), Some(Sums::default()));
}

#[test]
fn a_wal_dir_of_an_older_timeline_goes_file_by_file() {
    // Two backups of timeline 2: the second deletion removes the rest of timeline 1.
    let archive = backup(Archive::new(), 10, &seg(2, 7), &seg(2, 7)).retaining("REDUNDANCY 1");
    let archive = wal(backup(archive, 12, &seg(2, 8), &seg(2, 8)), 0, 1..=5)
        .with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6)
        .with("s/wals/0000000200000000/000000020000000000000007.gz", 207)
        .with("s/wals/0000000200000000/000000020000000000000008.gz", 208)
        .with(
            &format!("{IN_WAL_DIR_0}/000000010000000000000006.partial.gz"),
            1000,
        )
        .with(&format!("{IN_WAL_DIR_0}/notes.txt"), 5000);

    assert_eq!(deletion(&archive).wal, sums((101..=105).chain([1000, 207])));
    assert_eq!(obsolete(&archive), Some(sums(101..=105)));
    let archive = archive.with(&format!("{IN_WAL_DIR_0}/000000010000000000000003"), 3000);
    assert_eq!(
        deletion(&archive).wal,
        sums([101, 102, 3000, 104, 105, 1000, 207])
    );
    assert_eq!(obsolete(&archive), Some(sums((101..=105).chain([3000]))));
}

#[test]
fn a_standalone_backup_keeps_its_own_wal_in_the_middle() {
    let archive = backup(Archive::new(), 8, &seg(1, 2), &seg(1, 3))
        .with_file("s/base/20261108T020000/annotations/keep", "standalone")
        .retaining("REDUNDANCY 1");
    let archive = backup(archive, 10, &seg(1, 6), &seg(1, 6));
    let archive = wal(backup(archive, 12, &seg(1, 8), &seg(1, 8)), 0, 1..=9);

    assert_eq!(obsolete(&archive), Some(sums([101, 104, 105])));
    assert_eq!(deletion(&archive).backups, ["20261110T020000"]);
    assert_eq!(deletion(&archive).wal, sums([101, 104, 105, 106, 107]));
}

#[test]
fn a_restore_reads_the_newest_backup_and_wal_since_its_start() {
    let archive = two_backups()
        .with_object(&of_class(
            &format!("{IN_WAL_DIR_0}/000000010000000000000008.snappy"),
            1000,
            "GLACIER",
        ))
        .with_object(&of_class(
            &format!("{IN_WAL_DIR_0}/00000001000000000000000A.gz"),
            110,
            "GLACIER",
        ))
        .with_object(&of_class(
            &format!("{IN_WAL_DIR_0}/000000010000000000000003"),
            1,
            "GLACIER",
        ))
        .with("s/base/20261112T020000/annotations/keep", 10);

    let read = sums([108, 1000, 109, 110]);
    let backup = stored(&archive, "20261112T020000");
    let backup = Sums {
        objects: backup.objects - 1,
        bytes: backup.bytes - 10,
    };
    assert_eq!(
        restore(&archive),
        SomeObjects {
            sums: read.plus(backup),
            blocked: 2
        }
    );
}

#[test]
fn data_in_an_archive_class_keep_a_restore_waiting() {
    let data = "s/base/20261110T020000/data_0001.tar";
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 0, 4..=6);
    assert_eq!(restore(&archive).blocked, 0);

    for (class, blocked) in [("DEEP_ARCHIVE", 1), ("GLACIER_IR", 0), ("STANDARD_IA", 0)] {
        let archive = archive.clone().with_object(&of_class(data, 5, class));
        assert_eq!(restore(&archive).blocked, blocked, "{class}");
    }
}

#[test]
fn a_restore_reads_the_histories_from_its_own_to_the_target() {
    let second = "s/wals/00000002.history";
    let third = "1\t0/6000080\tfailover\n2\t0/8000080\tfailover\n";
    let archive = wal(backup(Archive::new(), 10, &seg(2, 7), &seg(2, 7)), 0, 4..=5)
        .with_file(second, TO_TIMELINE_2_IN_6)
        .with_file("s/wals/00000003.history", third)
        .with("s/wals/0000000200000000/000000020000000000000007.gz", 207)
        .with("s/wals/0000000300000000/000000030000000000000008.gz", 308);

    let files = sums([TO_TIMELINE_2_IN_6.len() as u64, third.len() as u64]);
    let read = sums([207, 308])
        .plus(files)
        .plus(stored(&archive, "20261110T020000"));
    assert_eq!(restore(&archive).sums, read);
    // Earlier history files are not read: a restore requests none below the backup's own timeline.
    let newer = backup(archive, 12, &seg(3, 8), &seg(3, 8));
    let read = sums([308, third.len() as u64]).plus(stored(&newer, "20261112T020000"));
    assert_eq!(restore(&newer).sums, read);
}

#[test]
fn an_unexpected_server_is_an_orphan_and_nothing_counts_twice() {
    let archive = two_backups()
        .with_backup_info("20261109T020000", &BackupInfoText::new("FAILED"))
        .with_upload("s/base/20261109T020000/data.tar", 7)
        .expecting(&["other"]);

    let all = archive.server().usage.sums.bytes;
    assert_eq!(
        reclaimable(&archive),
        BTreeMap::from([("orphan", all), ("incomplete_upload", 7)])
    );
}

#[test]
fn uploads_of_a_backup_under_way_are_not_to_be_reclaimed() {
    let running = info("STARTED", "11-15 11:00:00", "11-15 11:00:00");
    let archive = two_backups()
        .with_backup_info("20261115T110000", &running)
        .with_upload("s/base/20261115T110000/data.tar", 7)
        .with_upload("s/base/20261113T110000/data.tar", 9)
        .with_upload("s/wals/0000000100000000/00000001000000000000000A.gz", 11)
        .with_upload("other/base/1/data.tar", 13);

    let reclaimable = archive.server().reclaimable;

    assert_eq!(reclaimable[&ReclaimReason::IncompleteUpload], 20);
    assert_eq!(reclaimable[&ReclaimReason::IncompleteBackup], 0);
}

#[test]
fn what_is_left_of_failed_and_killed_backups_can_be_reclaimed() {
    let archive = two_backups()
        .with_backup_info("20261109T020000", &BackupInfoText::new("FAILED"))
        .with("s/base/20261109T020000/data.tar", 1000)
        .with("s/base/20261111T020000/data.tar", 3000);

    assert_eq!(reclaimable(&archive)["failed_backup"], 1014);
    assert_eq!(reclaimable(&archive)["incomplete_backup"], 3000);
}

#[test]
fn what_an_unreadable_backup_may_need_is_not_to_be_reclaimed() {
    let archive = two_backups().with_file("s/base/20261101T020000/backup.info", "no backup.info");

    let known = ["failed_backup", "incomplete_backup", "incomplete_upload"];
    assert_eq!(reclaimable(&archive).into_keys().collect::<Vec<_>>(), known);
    assert_eq!(archive.server().retention.unwrap().deletion, None);
    // Neither all of Barman's backups nor the obsolete ones are known, but the objects that a
    // restore reads are.
    assert!(archive.server().recovery.restore.is_some());
}

#[test]
fn before_the_first_backup_no_wal_is_to_be_reclaimed() {
    let archive = wal(Archive::new(), 0, 1..=9);

    assert!(!reclaimable(&archive).contains_key("obsolete_wal"));
}
