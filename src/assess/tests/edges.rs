//! Edge cases of the content of an archive, and what can be restored despite them.

use super::recovery::{backup, judgement, seg, wal};
use super::{Archive, info};

#[test]
fn segments_continue_from_one_wal_dir_to_the_next() {
    let archive = backup(Archive::new(), 10, &seg(1, 0xfd), &seg(1, 0xfd));
    let archive = wal(archive, 1, [0xfd, 0xfe, 0xff]);
    let whole = archive.with("s/wals/0000000100000001/000000010000000100000000.gz", 9);

    insta::assert_snapshot!(judgement(&whole), @r"
    20261110T020000: Recoverable, reaches 000000010000000100000000
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_gap_at_the_end_of_a_wal_dir_counts_each_missing_segment() {
    let archive = backup(Archive::new(), 10, &seg(1, 0xfd), &seg(1, 0xfd));
    let archive = wal(archive, 1, [0xfd]);
    let archive = archive.with("s/wals/0000000100000001/000000010000000100000000.gz", 9);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Consistent(MissingSegment(0000000100000000000000FE)), reaches 0000000100000000000000FD
    timeline Some(1), 1 gaps of 2, obsolete Some(0), histories missing []
    ");
}

#[test]
fn wal_dirs_of_a_cluster_with_large_segments_are_shorter() {
    let text = info("DONE", "11-10 02:00:00", "11-10 02:10:00")
        .with("begin_wal", seg(1, 0x3e))
        .with("end_wal", seg(1, 0x3e))
        .with("end_xlog", "0/F8000100")
        .with("xlog_segment_size", 67_108_864);
    let archive = Archive::new()
        .with_backup_info("1", &text)
        .with("s/base/1/data.tar", 5);
    let archive = wal(archive, 1, [0x3e, 0x3f]);
    let archive = archive.with("s/wals/0000000100000001/000000010000000100000000.gz", 9);

    insta::assert_snapshot!(judgement(&archive), @r"
    1: Recoverable, reaches 000000010000000100000000
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_partial_after_the_last_segment_is_neither_gap_nor_segment() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
        1,
        [4, 5],
    );
    let archive = archive.with(
        &format!("s/wals/0000000100000000/{}.partial.gz", seg(1, 6)),
        9,
    );

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000005
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_partial_beside_its_segment_changes_nothing() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
        1,
        [4, 5],
    );
    let archive = archive.with(
        &format!("s/wals/0000000100000000/{}.partial.gz", seg(1, 5)),
        9,
    );

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000005
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_segment_under_two_endings_is_one_segment() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
        1,
        [4, 5],
    );
    let archive = archive.with(&format!("s/wals/0000000100000000/{}", seg(1, 5)), 16 << 20);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000005
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_segment_in_the_wrong_directory_is_missing_in_its_own() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
        1,
        [4, 6],
    );
    let archive = archive.with(&format!("s/wals/0000000100000001/{}.gz", seg(1, 5)), 9);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Consistent(MissingSegment(000000010000000000000005)), reaches 000000010000000000000004
    timeline Some(1), 1 gaps of 1, obsolete Some(0), histories missing []
    ");
}

#[test]
fn wal_without_any_backup_restores_nothing_and_is_not_obsolete() {
    insta::assert_snapshot!(judgement(&wal(Archive::new(), 1, [4, 5])), @r"
    timeline None, 0 gaps of 0, obsolete None, histories missing []
    ");
}

#[test]
fn a_backup_whose_wal_goes_elsewhere_waits() {
    let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4));

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Waiting(000000010000000000000004), reaches nothing, not by default
    timeline None, 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_history_file_that_makes_no_sense_is_as_good_as_none() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
        1,
        [4, 5],
    );
    let archive = wal(
        archive.with_file("s/wals/00000002.history", "no history"),
        2,
        [6, 7],
    );

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Consistent(MissingHistory(2)), reaches 000000010000000000000005, not by default
    timeline Some(1), 0 gaps of 0, obsolete None, histories missing [2]
    ");
}

#[test]
fn a_backup_of_a_promoted_standby_spans_two_timelines() {
    let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(2, 7));
    let archive = wal(
        archive.with_file("s/wals/00000002.history", "1\t0/6000080\tx\n"),
        1,
        [4, 5],
    );

    insta::assert_snapshot!(judgement(&wal(archive, 2, [6, 7, 8])), @r"
    20261110T020000: Recoverable, reaches 000000020000000000000008
    timeline Some(2), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}
