//! Two clusters in one directory, and objects that cannot be what their names say.

use super::recovery::{backup, judgement, seg, wal};
use super::{Archive, ListedObject, object};
use crate::inventory::StorageClass;
use crate::postgres::SegmentName;
use crate::recovery::{Obstacle, Verdict};

/// System identifier of a cluster that was created at this moment.
fn identifier(moment: &str) -> String {
    let seconds = u64::try_from(super::moment(moment).timestamp()).unwrap();
    (seconds << 32).to_string()
}

/// Backup of this day, of a cluster that was created at this moment.
fn of_cluster(day: u32, created: &str) -> String {
    super::info("DONE", &format!("11-{day:02} 02:00:00"), &format!("11-{day:02} 02:10:00"))
        .replace("systemid=7", &format!("systemid={}", identifier(created)))
}

fn wal_at(archive: Archive, timeline: u32, numbers: &[u32], at: &str) -> Archive {
    numbers.iter().fold(archive, |archive, number| {
        let key = format!("s/wals/{timeline:08X}00000000/{}.gz", seg(timeline, *number));
        archive.with_at(&key, 9, at)
    })
}

fn segment(timeline: u32, number: u32) -> SegmentName {
    SegmentName::parse(&seg(timeline, number)).unwrap()
}

/// Backup of the 1st, and one of another cluster of the 12th.
fn two_clusters(old: &str, new: &str) -> Archive {
    Archive::new()
        .with_file("s/base/20261101T020000/backup.info", old)
        .with("s/base/20261101T020000/data.tar", 5)
        .with_file("s/base/20261112T020000/backup.info", new)
        .with("s/base/20261112T020000/data.tar", 5)
}

/// Backup of the old cluster at segment 4, and one of the new cluster at segment 8.
fn old_at_four_and_new_at_eight() -> Archive {
    let old = of_cluster(1, "2026-01-01T00:00:00Z");
    let new = of_cluster(12, "2026-11-11T12:00:00Z")
        .replace(&seg(1, 4), &seg(1, 8))
        .replace("0/4000100", "0/8000100");
    two_clusters(&old, &new)
}

/// A cluster on timeline 3, and its successor after a major upgrade in place: timeline 1, further on.
fn upgraded() -> Archive {
    let old = of_cluster(1, "2026-01-01T00:00:00Z")
        .replace(&seg(1, 4), &seg(3, 4))
        .replace("timeline=1", "timeline=3");
    let new = of_cluster(12, "2026-11-11T12:00:00Z")
        .replace(&seg(1, 4), &seg(1, 0x14))
        .replace("0/4000100", "0/14000100");
    let archive = two_clusters(&old, &new)
        .with_file("s/wals/00000003.history", "1\t0/2000000\ta\n2\t0/3000000\tb\n");
    let archive = wal_at(archive, 3, &[4, 5, 6], "2026-11-05T00:00:00Z");
    wal_at(archive, 1, &[0x12, 0x13, 0x14, 0x15], "2026-11-13T00:00:00Z")
}

#[test]
fn wal_after_a_major_upgrade_is_no_gap_of_the_backups_before() {
    insta::assert_snapshot!(judgement(&upgraded()), @r"
    20261101T020000: Recoverable, reaches 000000030000000000000006
    20261112T020000: Recoverable, reaches 000000010000000000000015
    timeline Some(1), 0 gaps of 0, obsolete Some(2), histories missing []
    ");
}

#[test]
fn what_the_new_cluster_needs_is_a_gap_where_it_is_missing() {
    let archive = wal_at(upgraded(), 1, &[0x17], "2026-11-13T01:00:00Z");

    insta::assert_snapshot!(judgement(&archive), @r"
    20261101T020000: Recoverable, reaches 000000030000000000000006
    20261112T020000: Consistent(MissingSegment(SegmentName { timeline: TimelineId(1), log: 0, segment: 22 })), reaches 000000010000000000000015
    timeline Some(1), 1 gaps of 1, obsolete Some(2), histories missing []
    ");
}

#[test]
fn what_a_cluster_archives_after_pg_upgrade_created_the_next_one_is_its_own() {
    let archive = wal_at(upgraded(), 3, &[7, 8], "2026-11-11T13:00:00Z");
    let later = wal_at(archive.clone(), 3, &[9], "2026-11-13T00:00:00Z");

    let reach = |archive: &Archive| {
        let server = archive.server();
        server.recovery.verdict.backups["20261101T020000"].reach
    };
    assert_eq!(reach(&archive), Some(segment(3, 8)));
    assert_eq!(reach(&later), Some(segment(3, 6)));
    let obsolete = archive.server().recovery.obsolete.unwrap();
    assert!(!obsolete.contains_key(&crate::postgres::TimelineId(3)), "{obsolete:?}");
}

#[test]
fn where_the_next_cluster_goes_on_from_there_its_segments_are_its_own() {
    let archive = wal_at(old_at_four_and_new_at_eight(), 1, &[4, 5, 6], "2026-11-05T00:00:00Z");
    let archive = wal_at(archive, 1, &[7, 8, 9], "2026-11-11T13:00:00Z");

    let server = archive.server();
    let reach = |id: &str| server.recovery.verdict.backups[id].reach;
    assert_eq!(reach("20261101T020000"), Some(segment(1, 6)));
    assert_eq!(reach("20261112T020000"), Some(segment(1, 9)));
}

#[test]
fn in_a_copy_arrivals_tell_no_cluster_from_the_next() {
    let copied_at = "2026-11-14T00:00:00Z";
    let archive = wal_at(old_at_four_and_new_at_eight(), 1, &[4, 5, 6, 7, 8, 9], copied_at);

    let server = archive.server();
    let old = &server.recovery.verdict.backups["20261101T020000"];
    assert_eq!((&old.verdict, old.reach), (&Verdict::Recoverable, Some(segment(1, 7))));
    let new = &server.recovery.verdict.backups["20261112T020000"];
    assert_eq!((&new.verdict, new.reach), (&Verdict::Recoverable, Some(segment(1, 9))));
}

#[test]
fn each_cluster_is_judged_with_segments_of_its_own_size() {
    let old = of_cluster(1, "2026-01-01T00:00:00Z")
        .replace("xlog_segment_size=16777216", "xlog_segment_size=67108864");
    assert!(old.contains("67108864"), "{old}");
    let new = of_cluster(12, "2026-11-11T12:00:00Z");
    let archive = two_clusters(&old, &new);
    let old_log = |archive: Archive, log: u32, number: u32| {
        let name = format!("00000001{log:08X}{number:08X}");
        archive.with_at(&format!("s/wals/00000001{log:08X}/{name}.gz"), 9, "2026-11-02T00:00:00Z")
    };
    let archive = (4..64).fold(archive, |archive, number| old_log(archive, 0, number));
    let archive = old_log(old_log(archive, 1, 0), 1, 1);

    let server = archive.server();
    let reach = server.recovery.verdict.backups["20261101T020000"].reach;
    assert_eq!(reach, SegmentName::parse("000000010000000100000001"));
    assert_eq!(server.recovery.obsolete, None);
}

#[test]
fn a_directory_with_more_clusters_than_anybody_has_is_judged_as_one() {
    let archive = (0..40).fold(Archive::new(), |archive, number| {
        let id = format!("20261101T02{number:02}00");
        let info = of_cluster(1, &format!("2026-01-01T00:{number:02}:00Z"));
        archive
            .with_file(&format!("s/base/{id}/backup.info"), &info)
            .with(&format!("s/base/{id}/data.tar"), 5)
    });

    let server = wal(archive, 1, [4, 5]).server();
    assert_eq!(server.recovery.of_newest_cluster.len(), 40);
    assert_eq!(server.recovery.recoverable(), 40);
}

#[test]
fn wal_of_a_cluster_that_is_gone_is_not_replayed_by_the_new_one() {
    let new = of_cluster(12, "2026-11-11T12:00:00Z");
    let archive = Archive::new()
        .with_file("s/base/20261112T020000/backup.info", &new)
        .with("s/base/20261112T020000/data.tar", 5);
    let archive = wal_at(archive, 1, &[3, 4, 5], "2026-11-13T00:00:00Z");
    let archive = wal_at(archive, 1, &[6, 7, 8, 9], "2026-10-01T00:00:00Z");

    insta::assert_snapshot!(judgement(&archive), @r"
    20261112T020000: Recoverable, reaches 000000010000000000000005
    timeline Some(1), 0 gaps of 0, obsolete Some(5), histories missing []
    ");
}

#[test]
fn a_segment_of_an_impossible_size_counts_as_missing() {
    let whole = || backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4));
    let key = |number| format!("s/wals/0000000100000000/{}", seg(1, number));
    for (ending, bytes) in [("", 0), ("", 100), ("", 1 << 20), (".gz", 0), (".zst", 0)] {
        let later = wal(whole(), 1, [4, 6, 7]).with(&format!("{}{ending}", key(5)), bytes);
        let own = wal(whole(), 1, [5, 6]).with(&format!("{}{ending}", key(4)), bytes);

        let server = later.server();
        let verdict = &server.recovery.verdict.backups["20261110T020000"];
        let obstacle = Obstacle::WrongSize(segment(1, 5));
        assert_eq!(verdict.verdict, Verdict::Consistent(obstacle), "{ending} {bytes}");
        assert!(!verdict.default_target_works);
        assert_eq!(server.recovery.gaps(), Some((1, 1)));
        let server = own.server();
        let verdict = &server.recovery.verdict.backups["20261110T020000"].verdict;
        assert_eq!(verdict, &Verdict::Broken(Obstacle::WrongSize(segment(1, 4))));
    }
}

#[test]
fn an_empty_object_that_barman_cannot_decompress_is_not_there_at_all() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, [4, 6])
        .with(&format!("s/wals/0000000100000000/{}.bz2", seg(1, 5)), 0);

    let verdict = &archive.server().recovery.verdict.backups["20261110T020000"];
    let missing = Obstacle::MissingSegment(segment(1, 5));
    assert_eq!(verdict.verdict, Verdict::Consistent(missing));
    assert!(verdict.default_target_works);
}

fn cold(key: &str) -> ListedObject {
    let class = Some(StorageClass::of("GLACIER"));
    ListedObject { storage_class: class, ..object(key, 9, "2026-11-15T03:00:00Z") }
}

#[test]
fn what_lies_in_cold_storage_blocks_a_restore_and_covers_nothing() {
    let two = || {
        let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)).retaining("30d");
        backup(archive, 12, &seg(1, 8), &seg(1, 8))
    };
    let data = wal(two(), 1, 4..=9).with_object(&cold("s/base/20261110T020000/data_0001.tar"));
    let own = wal(two(), 1, 5..=9)
        .with_object(&cold(&format!("s/wals/0000000100000000/{}.gz", seg(1, 4))));
    let later = wal(wal_at(two(), 1, &[4, 5], "2026-11-11T00:00:00Z"), 1, 7..=9)
        .with_object(&cold(&format!("s/wals/0000000100000000/{}.gz", seg(1, 6))));

    let expected = [
        (data, Verdict::Blocked(Obstacle::ColdData)),
        (own, Verdict::Blocked(Obstacle::ColdSegment(segment(1, 4)))),
        (later, Verdict::Consistent(Obstacle::ColdSegment(segment(1, 6)))),
    ];
    for (archive, verdict) in expected {
        let server = wal_at(archive, 1, &[10], "2026-11-15T09:00:00Z").server();
        let older = &server.recovery.verdict.backups["20261110T020000"];
        assert_eq!(older.verdict, verdict);
        assert_eq!(older.thawed, Verdict::Recoverable);
        assert_eq!(
            server.recovery.verdict.backups["20261112T020000"].verdict,
            Verdict::Recoverable
        );
        let retention = server.retention.unwrap();
        let at_once = retention.coverage.unwrap().ratio();
        let thawed = retention.thawed_coverage.unwrap().ratio();
        assert!(at_once < thawed, "{at_once} {thawed}");
    }
}

#[test]
fn an_incremental_backup_needs_its_whole_chain() {
    let parent = |archive: Archive, id: &str| {
        let text = super::done() + &format!("parent_backup_id={id}\n");
        archive
            .with_file("s/base/20261115T020000/backup.info", &text)
            .with("s/base/20261115T020000/data.tar", 5)
    };
    let full = backup(Archive::new(), 10, &seg(1, 2), &seg(1, 2));
    let whole = wal(parent(full.clone(), "20261110T020000"), 1, 2..=5);
    let broken = wal(parent(full, "20261109T020000"), 1, 2..=5);

    let verdict = |archive: &Archive| {
        archive.server().recovery.verdict.backups["20261115T020000"].verdict.clone()
    };
    assert_eq!(verdict(&whole), Verdict::Recoverable);
    let missing = Obstacle::Parent { backup: "20261109T020000".to_owned() };
    assert_eq!(verdict(&broken), Verdict::Broken(missing));
    let objects = whole.server().recovery.restore.unwrap().objects.sums.objects;
    assert_eq!(objects, 2 + 2 + 2, "both backups and two segments");
}

#[test]
fn of_a_segment_under_two_endings_a_restore_is_given_the_first() {
    let whole = || wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, [4, 6]);
    let key = format!("s/wals/0000000100000000/{}", seg(1, 5));
    let bad_first = whole().with(&key, 100).with(&format!("{key}.gz"), 9);
    let bad_last = whole().with(&format!("{key}.gz"), 9).with(&format!("{key}.zst"), 0);

    let verdict = |archive: &Archive| {
        archive.server().recovery.verdict.backups["20261110T020000"].verdict.clone()
    };
    assert_eq!(verdict(&bad_first), Verdict::Consistent(Obstacle::WrongSize(segment(1, 5))));
    assert_eq!(verdict(&bad_last), Verdict::Recoverable);
}

#[test]
fn a_cold_segment_of_a_later_timeline_blocks_no_restore_to_the_backups_own() {
    let archive = backup(Archive::new(), 10, &seg(1, 6), &seg(1, 6))
        .with_file("s/wals/00000002.history", "1\t0/6000180\tfailover\n")
        .with(&format!("s/wals/0000000100000000/{}.partial.gz", seg(1, 6)), 9);
    let archive = archive.with_object(&cold(&format!("s/wals/0000000200000000/{}.gz", seg(2, 6))));
    let server = wal_at(archive, 2, &[7], "2026-11-15T09:00:00Z").server();

    let backup = &server.recovery.verdict.backups["20261110T020000"];
    let works: Vec<_> = backup.follow.iter().filter(|followed| followed.works()).collect();
    assert_eq!(works.len(), 2, "{works:?}");
    let obstacle = Obstacle::ColdSegment(segment(2, 6));
    assert_eq!(backup.verdict, Verdict::Consistent(obstacle));
    assert_eq!(backup.thawed, Verdict::Recoverable);
}

#[test]
fn of_a_segment_of_two_clusters_the_object_that_a_restore_takes_tells_whose_it_is() {
    let new = of_cluster(12, "2026-11-11T12:00:00Z");
    let archive = Archive::new()
        .with_file("s/base/20261112T020000/backup.info", &new)
        .with("s/base/20261112T020000/data.tar", 5);
    let key = format!("s/wals/0000000100000000/{}", seg(1, 4));
    let uncompressed = archive.with_at(&key, 1 << 24, "2026-11-13T00:00:00Z");
    let archive = wal_at(uncompressed, 1, &[4], "2026-10-01T00:00:00Z");
    let server = wal_at(archive, 1, &[5], "2026-11-13T00:00:00Z").server();

    let verdict = &server.recovery.verdict.backups["20261112T020000"].verdict;
    assert_eq!(verdict, &Verdict::Recoverable);
    assert_eq!(server.recovery.obsolete_segments(), Some(0));
}
