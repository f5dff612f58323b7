//! Several clusters in one directory.

use barman_archive::barman::BackupInfoText;
use barman_archive::postgres::{SegmentName, TimelineId};
use barman_archive::recovery::{Obstacle, Verdict};

use super::Archive;
use super::recovery::{judgement, seg, spanning, wal};

/// System identifier of a cluster that was created at this moment.
fn identifier(moment: &str) -> String {
    let seconds = u64::try_from(super::moment(moment).timestamp()).unwrap();
    (seconds << 32).to_string()
}

/// Backup of this day, of a cluster that was created at this moment.
fn of_cluster(day: u32, created: &str) -> BackupInfoText {
    super::info(
        "DONE",
        &format!("11-{day:02} 02:00:00"),
        &format!("11-{day:02} 02:10:00"),
    )
    .with("systemid", identifier(created))
}

pub(super) fn wal_at(archive: Archive, timeline: u32, numbers: &[u32], at: &str) -> Archive {
    numbers.iter().fold(archive, |archive, number| {
        let key = format!(
            "s/wals/{timeline:08X}00000000/{}.gz",
            seg(timeline, *number)
        );
        archive.with_at(&key, 9, at)
    })
}

pub(super) fn segment(timeline: u32, number: u32) -> SegmentName {
    SegmentName::parse(&seg(timeline, number)).unwrap()
}

/// Backup of the 1st, and one of another cluster of the 12th.
fn two_clusters(old: &BackupInfoText, new: &BackupInfoText) -> Archive {
    two_clusters_at(old, new, "2026-11-01T02:10:00Z")
}

/// The same, with files of the old cluster that arrived at this moment.
fn two_clusters_at(old: &BackupInfoText, new: &BackupInfoText, at: &str) -> Archive {
    Archive::new()
        .with_file_at("s/base/20261101T020000/backup.info", &old.to_string(), at)
        .with("s/base/20261101T020000/data.tar", 5)
        .with_backup_info("20261112T020000", new)
        .with("s/base/20261112T020000/data.tar", 5)
}

/// Backup of the old cluster at segment 4, and one of the new cluster at segment 8. The old one's
/// files arrived at this moment.
fn old_at_four_and_new_at_eight(at: &str) -> Archive {
    let old = of_cluster(1, "2026-01-01T00:00:00Z");
    let new = of_cluster(12, "2026-11-11T12:00:00Z");
    let new = spanning(new, &seg(1, 8), &seg(1, 8));
    two_clusters_at(&old, &new, at)
}

/// A cluster on timeline 3, and its successor after a major upgrade in place: timeline 1, further on.
fn upgraded() -> Archive {
    let old = of_cluster(1, "2026-01-01T00:00:00Z").with("timeline", 3);
    let old = spanning(old, &seg(3, 4), &seg(3, 4));
    let new = of_cluster(12, "2026-11-11T12:00:00Z");
    let new = spanning(new, &seg(1, 0x14), &seg(1, 0x14));
    let archive = two_clusters(&old, &new).with_file(
        "s/wals/00000003.history",
        "1\t0/2000000\ta\n2\t0/3000000\tb\n",
    );
    let archive = wal_at(archive, 3, &[4, 5, 6], "2026-11-05T00:00:00Z");
    wal_at(
        archive,
        1,
        &[0x12, 0x13, 0x14, 0x15],
        "2026-11-13T00:00:00Z",
    )
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
    20261112T020000: Consistent(MissingSegment(000000010000000000000016)), reaches 000000010000000000000015
    timeline Some(1), 1 gaps of 1, obsolete Some(2), histories missing []
    ");
}

#[test]
fn wal_archived_after_pg_upgrade_belongs_to_its_own_cluster() {
    let archive = wal_at(upgraded(), 3, &[7, 8], "2026-11-11T13:00:00Z");
    let later = wal_at(archive.clone(), 3, &[9], "2026-11-13T00:00:00Z");

    let reach = |archive: &Archive| {
        let server = archive.server();
        server.recovery.verdict.backups["20261101T020000"].reach
    };
    assert_eq!(reach(&archive), Some(segment(3, 8)));
    assert_eq!(reach(&later), Some(segment(3, 8)));
    let obsolete = archive.server().recovery.obsolete.unwrap();
    assert!(!obsolete.contains_key(&TimelineId(3)), "{obsolete:?}");
}

#[test]
fn segments_belong_to_the_next_cluster_where_it_continues() {
    let archive = old_at_four_and_new_at_eight("2026-11-01T02:10:00Z");
    let archive = wal_at(archive, 1, &[4, 5, 6], "2026-11-05T00:00:00Z");
    let archive = wal_at(archive, 1, &[7], "2026-11-11T13:00:00Z");
    let archive = wal_at(archive, 1, &[8, 9], "2026-11-12T03:00:00Z");

    let server = archive.server();
    let reach = |id: &str| server.recovery.verdict.backups[id].reach;
    assert_eq!(reach("20261101T020000"), Some(segment(1, 6)));
    assert_eq!(reach("20261112T020000"), Some(segment(1, 9)));
    assert_eq!(
        server.recovery.obsolete_segments(),
        Some(0),
        "7 may be the old one's"
    );
}

#[test]
fn a_gap_followed_by_segments_of_the_old_cluster_is_a_gap() {
    let archive = old_at_four_and_new_at_eight("2026-11-01T02:10:00Z");
    let archive = wal_at(archive, 1, &[4, 6, 7], "2026-11-05T00:00:00Z");
    let archive = wal_at(archive, 1, &[8, 9], "2026-11-12T03:00:00Z");

    let server = archive.server();
    let old = &server.recovery.verdict.backups["20261101T020000"].verdict;
    assert_eq!(
        old,
        &Verdict::Consistent(Obstacle::MissingSegment(segment(1, 5)))
    );
    assert_eq!(server.recovery.gaps(), Some((1, 1)));
}

#[test]
fn a_slow_clock_takes_no_segment_from_the_backup_naming_it() {
    let archive = old_at_four_and_new_at_eight("2026-11-01T02:10:00Z");
    let archive = wal_at(archive, 1, &[4, 5, 6], "2026-11-05T00:00:00Z");
    let archive = wal_at(archive, 1, &[8, 9], "2026-11-12T01:59:30Z");

    let new = &archive.server().recovery.verdict.backups["20261112T020000"];
    assert_eq!(
        (&new.verdict, new.reach),
        (&Verdict::Recoverable, Some(segment(1, 9)))
    );
}

#[test]
fn a_lagging_standby_takes_no_segment_from_its_own_cluster() {
    // Created before the old cluster's last backup ended, or just after it.
    for created in ["2026-10-01T00:00:00Z", "2026-11-11T12:00:00Z"] {
        let label = r"'CHECKPOINT LOCATION: 0/8000080\nBACKUP FROM: standby\n'";
        let new = of_cluster(12, created).with("backup_label", label);
        let new = spanning(new, &seg(1, 8), &seg(1, 8));
        let old = of_cluster(1, "2026-01-01T00:00:00Z")
            .with("begin_wal", seg(1, 0x24))
            .with("end_wal", seg(1, 0x24));
        let archive = two_clusters(&old, &new);
        let archive = wal_at(archive, 1, &[0x24, 0x25], "2026-11-01T02:05:00Z");
        let archive = wal_at(archive, 1, &[8, 9, 10], "2026-11-12T01:50:00Z");
        let archive = wal_at(archive, 1, &[11], "2026-11-12T02:20:00Z");

        let new = &archive.server().recovery.verdict.backups["20261112T020000"];
        assert_eq!(
            (&new.verdict, new.reach),
            (&Verdict::Recoverable, Some(segment(1, 11))),
            "{created}"
        );
    }
}

#[test]
fn a_failed_first_backup_takes_no_wal_from_the_old_cluster() {
    let archive = wal_at(upgraded(), 3, &[7, 8], "2026-11-11T13:00:00Z");
    let failed = of_cluster(11, "2026-11-11T12:00:00Z")
        .with("status", "FAILED")
        .with("begin_time", "2026-11-11 20:00:00+00:00")
        .without("begin_wal")
        .without("end_wal");
    let archive = archive.with_backup_info("20261111T200000", &failed);

    let old = archive.server().recovery.verdict.backups["20261101T020000"].reach;
    assert_eq!(old, Some(segment(3, 8)));
}

#[test]
fn in_a_copy_arrivals_tell_no_cluster_from_the_next() {
    let copied_at = "2026-11-14T00:00:00Z";
    let archive = old_at_four_and_new_at_eight(copied_at);
    let archive = wal_at(archive, 1, &[4, 5, 6, 7, 8, 9], copied_at);

    let server = archive.server();
    let old = &server.recovery.verdict.backups["20261101T020000"];
    assert_eq!(
        (&old.verdict, old.reach),
        (&Verdict::Recoverable, Some(segment(1, 7)))
    );
    let new = &server.recovery.verdict.backups["20261112T020000"];
    assert_eq!(
        (&new.verdict, new.reach),
        (&Verdict::Recoverable, Some(segment(1, 9)))
    );
}

#[test]
fn each_cluster_is_judged_with_segments_of_its_own_size() {
    let old = of_cluster(1, "2026-01-01T00:00:00Z").with("xlog_segment_size", 67_108_864);
    let new = of_cluster(12, "2026-11-11T12:00:00Z");
    let archive = two_clusters(&old, &new);
    let old_wal_dir = |archive: Archive, high: u32, number: u32| {
        let name = format!("00000001{high:08X}{number:08X}");
        archive.with_at(
            &format!("s/wals/00000001{high:08X}/{name}.gz"),
            9,
            "2026-11-02T00:00:00Z",
        )
    };
    let archive = (4..64).fold(archive, |archive, number| old_wal_dir(archive, 0, number));
    let archive = old_wal_dir(old_wal_dir(archive, 1, 0), 1, 1);

    let server = archive.server();
    let reach = server.recovery.verdict.backups["20261101T020000"].reach;
    assert_eq!(reach, SegmentName::parse("000000010000000100000001"));
    assert_eq!(server.recovery.obsolete, None);
}

#[test]
fn a_directory_with_absurdly_many_clusters_is_judged_as_one() {
    let archive = (0..40).fold(Archive::new(), |archive, number| {
        let id = format!("20261101T02{number:02}00");
        let info = of_cluster(1, &format!("2026-01-01T00:{number:02}:00Z"));
        archive
            .with_backup_info(&id, &info)
            .with(&format!("s/base/{id}/data.tar"), 5)
    });

    let server = wal(archive, 1, [4, 5]).server();
    assert_eq!(server.recovery.of_newest_cluster.len(), 40);
    assert_eq!(server.recovery.recoverable(), 40);
}

#[test]
fn the_new_cluster_does_not_replay_wal_of_one_that_is_gone() {
    let new = of_cluster(12, "2026-11-11T12:00:00Z");
    let archive = Archive::new()
        .with_backup_info("20261112T020000", &new)
        .with("s/base/20261112T020000/data.tar", 5);
    let archive = wal_at(archive, 1, &[3, 4, 5], "2026-11-13T00:00:00Z");
    let archive = wal_at(archive, 1, &[6, 7, 8, 9], "2026-10-01T00:00:00Z");

    insta::assert_snapshot!(judgement(&archive), @r"
    20261112T020000: Recoverable, reaches 000000010000000000000005
    timeline Some(1), 0 gaps of 0, obsolete Some(5), histories missing []
    ");
}

#[test]
fn the_object_that_a_restore_takes_decides_whose_segment_it_is() {
    let new = of_cluster(12, "2026-11-11T12:00:00Z");
    let archive = Archive::new()
        .with_backup_info("20261112T020000", &new)
        .with("s/base/20261112T020000/data.tar", 5);
    let key = format!("s/wals/0000000100000000/{}", seg(1, 4));
    let uncompressed = archive.with_at(&key, 1 << 24, "2026-11-13T00:00:00Z");
    let archive = wal_at(uncompressed, 1, &[4], "2026-10-01T00:00:00Z");
    let server = wal_at(archive, 1, &[5], "2026-11-13T00:00:00Z").server();

    let verdict = &server.recovery.verdict.backups["20261112T020000"].verdict;
    assert_eq!(verdict, &Verdict::Recoverable);
    assert_eq!(server.recovery.obsolete_segments(), Some(0));
}

#[test]
fn an_old_cluster_may_fail_over_after_pg_upgrade_made_the_next() {
    let archive = wal_at(upgraded(), 4, &[6, 7], "2026-11-11T14:00:00Z").with_file(
        "s/wals/00000004.history",
        "1\t0/2000000\ta\n2\t0/3000000\tb\n3\t0/6000080\tc\n",
    );

    insta::assert_snapshot!(judgement(&archive), @r"
    20261101T020000: Recoverable, reaches 000000040000000000000007
    20261112T020000: Recoverable, reaches 000000010000000000000015
    timeline Some(1), 0 gaps of 0, obsolete Some(2), histories missing []
    ");
}

/// Adds a backup of this day at this segment, of a cluster that was created at this moment. Its files
/// arrived when it ended, or when they were copied.
fn with_backup(
    archive: Archive,
    day: u32,
    number: u32,
    created: &str,
    copied_at: Option<&str>,
) -> Archive {
    let directory = format!("s/base/202611{day:02}T020000");
    let info = spanning(of_cluster(day, created), &seg(1, number), &seg(1, number));
    let ended_at = format!("2026-11-{day:02}T02:10:00Z");
    let at = copied_at.unwrap_or(&ended_at);
    archive
        .with_at(&format!("{directory}/data.tar"), 5, at)
        .with_file_at(&format!("{directory}/backup.info"), &info.to_string(), at)
}

const OLD: &str = "2026-01-01T00:00:00Z";
const MIDDLE: &str = "2026-11-04T00:00:00Z";
const NEW: &str = "2026-11-09T00:00:00Z";

#[test]
fn a_copy_of_two_clusters_takes_the_limits_of_no_later_one() {
    let copied_at = Some("2026-11-08T00:00:00Z");
    let archive = with_backup(Archive::new(), 1, 0x20, OLD, copied_at);
    let archive = with_backup(archive, 5, 4, MIDDLE, copied_at);
    let archive = wal_at(archive, 1, &[4, 5, 0x20, 0x21], "2026-11-08T00:00:00Z");
    let archive = with_backup(archive, 10, 8, NEW, None);
    let archive = wal_at(archive, 1, &[8, 9], "2026-11-10T03:00:00Z");

    insta::assert_snapshot!(judgement(&archive), @r"
    20261101T020000: Recoverable, reaches 000000010000000000000020
    20261105T020000: Recoverable, reaches 000000010000000000000005
    20261110T020000: Recoverable, reaches 000000010000000000000009
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn earlier_clusters_may_be_copied_in_after_a_newer_is_created() {
    let copied_at = Some("2026-11-08T00:00:00Z");
    let created = "2026-11-07T00:00:00Z";
    let new = with_backup(Archive::new(), 10, 8, created, None);
    let new = wal_at(new, 1, &[8, 9], "2026-11-10T03:00:00Z");
    let new_gap = with_backup(new.clone(), 1, 0x20, OLD, copied_at);
    let new_gap = wal_at(new_gap, 1, &[0xB, 0xC], "2026-11-10T04:00:00Z");
    let one = with_backup(new.clone(), 5, 4, OLD, copied_at);
    let two = with_backup(
        with_backup(new, 1, 0x20, OLD, copied_at),
        5,
        4,
        MIDDLE,
        copied_at,
    );

    let reach = |archive: Archive, copied: &[u32]| {
        let server = wal_at(archive, 1, copied, "2026-11-08T00:00:00Z").server();
        let backups = server.recovery.verdict.backups;
        backups
            .into_values()
            .map(|backup| backup.reach)
            .collect::<Vec<_>>()
    };
    let of_one = [Some(segment(1, 5)), Some(segment(1, 9))];
    assert_eq!(reach(one, &[4, 5]), of_one);
    let hole = wal_at(new_gap, 1, &[0x20, 0x21], "2026-11-08T00:00:00Z").server();
    assert_eq!(
        hole.recovery.gaps(),
        Some((1, 1)),
        "a gap of the new cluster is one"
    );
    let of_two = [
        Some(segment(1, 0x20)),
        Some(segment(1, 5)),
        Some(segment(1, 9)),
    ];
    assert_eq!(reach(two, &[4, 5, 0x20, 0x21]), of_two);
}

#[test]
fn clusters_that_take_turns_end_where_a_later_one_begins() {
    let archive = with_backup(Archive::new(), 1, 4, OLD, None);
    let archive = with_backup(archive, 3, 5, "2026-01-02T00:00:00Z", None);
    let archive = with_backup(archive, 5, 6, OLD, None);
    let archive = wal_at(archive, 1, &[4, 5, 6, 7], "2026-11-05T03:00:00Z");
    let archive = with_backup(archive, 10, 0x14, NEW, None);
    let archive = wal_at(archive, 1, &[0x13, 0x14, 0x16], "2026-11-10T03:00:00Z");

    insta::assert_snapshot!(judgement(&archive), @r"
    20261101T020000: Recoverable, reaches 000000010000000000000007
    20261103T020000: Recoverable, reaches 000000010000000000000007
    20261105T020000: Recoverable, reaches 000000010000000000000007
    20261110T020000: Consistent(MissingSegment(000000010000000000000015)), reaches 000000010000000000000014
    timeline Some(1), 1 gaps of 1, obsolete Some(1), histories missing []
    ");
}

#[test]
fn without_a_done_backup_wal_is_neither_obsolete_nor_reached() {
    let archive = with_backup(Archive::new(), 1, 8, OLD, None);
    let archive = wal_at(archive, 1, &[8, 9], "2026-11-01T03:00:00Z");
    let failed = of_cluster(10, NEW).with("status", "FAILED");
    let archive = archive.with_backup_info("20261110T020000", &failed);
    let archive = wal_at(archive, 1, &[1, 2, 3, 4, 5], "2026-11-10T03:00:00Z");

    let server = archive.server();
    assert_eq!(
        server.recovery.verdict.unreached_timeline,
        Some(TimelineId(1))
    );
    let living = archive.clone().living_on(1).server().recovery.verdict;
    assert_eq!(living.unreached_timeline, Some(TimelineId(1)));
    assert_eq!(
        archive
            .living_on(2)
            .server()
            .recovery
            .verdict
            .unreached_timeline,
        None
    );
    assert_eq!(server.recovery.obsolete_segments(), Some(0));
    let verdict = &server.recovery.verdict.backups["20261101T020000"];
    assert_eq!(
        (&verdict.verdict, verdict.reach),
        (&Verdict::Recoverable, Some(segment(1, 9)))
    );
}
