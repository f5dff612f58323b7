//! Backups of an archive that can be restored, and to when.

use barman_archive::barman::BackupInfoText;
use barman_archive::recovery::Verdict;

use super::{Archive, done, info, moment};

/// A `backup.info` from one segment to another, each of 16 MiB.
pub(in crate::assess) fn spanning(text: BackupInfoText, begin: &str, end: &str) -> BackupInfoText {
    let end_position = format!("{}/{}000100", &end[8..16], &end[22..]);
    text.with("begin_wal", begin)
        .with("end_wal", end)
        .with("end_xlog", end_position)
}

/// A done backup of these segments that ended on this day of the month.
pub(in crate::assess) fn backup(archive: Archive, day: u32, begin: &str, end: &str) -> Archive {
    let text = info(
        "DONE",
        &format!("11-{day:02} 02:00:00"),
        &format!("11-{day:02} 02:10:00"),
    );
    let text = spanning(text, begin, end);
    archive
        .with_backup_info(&format!("202611{day:02}T020000"), &text)
        .with(&format!("s/base/202611{day:02}T020000/data.tar"), 5)
}

/// Segments of one timeline, by number.
pub(in crate::assess) fn wal(
    archive: Archive,
    timeline: u32,
    numbers: impl IntoIterator<Item = u32>,
) -> Archive {
    numbers.into_iter().fold(archive, |archive, number| {
        archive.with(
            &format!("s/wals/{timeline:08X}00000000/{timeline:08X}00000000{number:08X}.gz"),
            9,
        )
    })
}

/// Verdict and reach of each backup, one line each, and a line on what is missing.
pub(in crate::assess) fn judgement(archive: &Archive) -> String {
    let server = archive.server();
    let mut lines: Vec<String> = Vec::new();
    for (id, verdict) in &server.recovery.verdict.backups {
        let reach = verdict
            .reach
            .map_or("nothing".to_owned(), |segment| segment.to_string());
        let default = if verdict.default_target_works {
            ""
        } else {
            ", not by default"
        };
        lines.push(format!(
            "{id}: {:?}, reaches {reach}{default}",
            verdict.verdict
        ));
    }
    let current = server
        .recovery
        .verdict
        .current_timeline
        .map(|timeline| timeline.0);
    let (gaps, missing) = server.recovery.gaps().unwrap_or_default();
    let obsolete = server.recovery.obsolete_segments();
    let histories: Vec<_> = server
        .recovery
        .histories_missing
        .iter()
        .map(|id| id.0)
        .collect();
    lines.push(format!(
        "timeline {current:?}, {gaps} gaps of {missing}, obsolete {obsolete:?}, histories missing {histories:?}"
    ));
    lines.join("\n")
}

pub(in crate::assess) const TO_TIMELINE_2_IN_6: &str = "1\t0/6000080\tfailover\n";

#[test]
fn a_whole_archive_is_recoverable() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 5)), 1, 4..=9);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000009
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn wal_before_the_first_backup_is_obsolete_and_has_no_gaps() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
        1,
        [1, 3, 4, 5],
    );

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000005
    timeline Some(1), 0 gaps of 0, obsolete Some(2), histories missing []
    ");
}

#[test]
fn a_gap_after_its_end_limits_a_backup_but_not_later_ones() {
    let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4));
    let archive = backup(archive, 12, &seg(1, 8), &seg(1, 8));
    let archive = wal(archive, 1, [4, 5, 7, 8, 9]);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Consistent(MissingSegment(000000010000000000000006)), reaches 000000010000000000000005
    20261112T020000: Recoverable, reaches 000000010000000000000009
    timeline Some(1), 1 gaps of 1, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_gap_inside_a_backup_breaks_it() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 6)),
        1,
        [4, 6, 7],
    );

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Broken(MissingSegment(000000010000000000000005)), reaches 000000010000000000000004, not by default
    timeline None, 1 gaps of 1, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_backup_whose_end_has_not_arrived_waits() {
    let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 5));
    let archive = wal(archive, 1, [3, 4]);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Waiting(000000010000000000000005), reaches 000000010000000000000004, not by default
    timeline None, 0 gaps of 0, obsolete Some(1), histories missing []
    ");
    assert_eq!(
        archive.server().waiting_since(),
        Some(moment("2026-11-10T02:10:00Z"))
    );
}

#[test]
fn a_failover_leads_on_to_the_next_timeline() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=5);
    let archive = wal(archive, 2, 6..=8).with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000020000000000000008
    timeline Some(2), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn wal_on_a_timeline_without_history_file_cannot_be_reached() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=5);
    let archive = wal(archive, 2, 6..=8);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Consistent(MissingHistory(2)), reaches 000000010000000000000005
    timeline Some(1), 0 gaps of 0, obsolete None, histories missing [2]
    ");
}

#[test]
fn a_timeline_without_history_file_is_passed_but_not_a_target() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=5);
    let history = "1\t0/6000050\ta\n2\t0/8000050\tb\n";
    let archive =
        wal(wal(archive, 2, 6..=7), 3, 8..=9).with_file("s/wals/00000003.history", history);

    let server = archive.server();

    let (_, verdict) = server.recovery.verdict.backups.first_key_value().unwrap();
    assert_eq!(verdict.verdict, Verdict::Recoverable);
    let works = |target: &str| {
        let mut all = verdict.follow.iter();
        all.find(|followed| followed.target.to_string() == target)
            .unwrap()
            .works()
    };
    assert_eq!(
        ["1", "2", "3", "current", "latest"].map(works),
        [true, false, true, true, true]
    );
}

#[test]
fn a_partial_does_not_fill_a_gap_at_the_start_of_a_timeline() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=5);
    let archive = wal(archive, 2, 7..=8)
        .with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6)
        .with(
            "s/wals/0000000100000000/000000010000000000000006.partial.gz",
            5,
        );

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Consistent(MissingSegment(000000020000000000000006)), reaches 000000010000000000000005
    timeline Some(2), 1 gaps of 1, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_dead_branch_behind_a_switch_is_neither_gap_nor_path() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
        1,
        [4, 5, 6, 7, 9],
    );
    let archive = wal(archive, 2, 6..=8).with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000020000000000000008
    timeline Some(2), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_backup_that_ended_after_the_fork_stays_on_its_own_branch() {
    let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4));
    let archive = backup(archive, 11, &seg(1, 7), &seg(1, 7));
    let archive = backup(archive, 12, &seg(2, 8), &seg(2, 8));
    let archive = wal(wal(archive, 1, 4..=7), 2, 6..=9);
    let archive = archive.with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000020000000000000009
    20261111T020000: Consistent(DeadBranch), reaches 000000010000000000000007, not by default
    20261112T020000: Recoverable, reaches 000000020000000000000009
    timeline Some(2), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_stray_history_file_breaks_only_default_restores() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 8), &seg(1, 8)), 1, 8..=9);
    let archive = archive.with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000009, not by default
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_restored_cluster_starts_on_timeline_4_without_ancestors() {
    let archive = wal(backup(Archive::new(), 10, &seg(4, 7), &seg(4, 7)), 4, 6..=9);
    let history = "1\t0/2000000\ta\n2\t0/4000000\tb\n3\t0/6000000\tc\n";
    let archive = archive.with_file("s/wals/00000004.history", history);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000040000000000000009
    timeline Some(4), 0 gaps of 0, obsolete Some(1), histories missing []
    ");
}

#[test]
fn a_standalone_backup_needs_just_itself() {
    let archive = backup(Archive::new(), 10, &seg(1, 2), &seg(1, 3))
        .with_file("s/base/20261110T020000/annotations/keep", "standalone");
    let archive = wal(
        backup(archive, 12, &seg(1, 8), &seg(1, 8)),
        1,
        [1, 2, 3, 4, 7, 8, 9],
    );

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Consistent(MissingSegment(000000010000000000000005)), reaches 000000010000000000000004
    20261112T020000: Recoverable, reaches 000000010000000000000009
    timeline Some(1), 0 gaps of 0, obsolete Some(3), histories missing []
    ");
}

#[test]
fn a_backup_ending_on_a_boundary_does_not_need_its_end_segment() {
    let text = done()
        .with("end_wal", seg(1, 5))
        .with("end_xlog", "0/5000000");
    let archive = Archive::new()
        .with_backup_info("1", &text)
        .with("s/base/1/data.tar", 5);

    insta::assert_snapshot!(judgement(&wal(archive, 1, [4])), @r"
    1: Recoverable, reaches 000000010000000000000004
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn what_an_unreadable_backup_needs_is_not_known() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 2..=5)
        .with_file("s/base/20261101T020000/backup.info", "no backup.info");

    assert_eq!(archive.server().recovery.gaps(), None);
    assert_eq!(archive.server().recovery.obsolete_segments(), None);
}

#[test]
fn wal_in_which_a_backup_begins_counts_at_once() {
    let archive = backup(Archive::new(), 10, &seg(1, 8), &seg(1, 8));
    let archive = wal(archive, 1, [2, 3]).with_at(
        "s/wals/0000000100000000/000000010000000000000008.gz",
        9,
        "2026-11-15T11:58:00Z",
    );

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000008
    timeline Some(1), 0 gaps of 0, obsolete Some(2), histories missing []
    ");
}

#[test]
fn the_beginning_of_a_timeline_may_be_on_its_way() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=5)
        .with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6)
        .with_at(
            "s/wals/0000000200000000/000000020000000000000007.gz",
            9,
            "2026-11-15T11:58:00Z",
        );

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000005
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_hole_just_below_the_newest_segment_may_be_on_its_way() {
    let newest = "s/wals/0000000100000000/000000010000000000000007.gz";
    let archive = || wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=5);

    let fresh = archive().with_at(newest, 9, "2026-11-15T11:55:00Z");
    insta::assert_snapshot!(judgement(&fresh), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000005
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
    let recovery = fresh.server().recovery;
    let pending: Vec<_> = recovery.named(&recovery.pending).collect();
    assert_eq!(pending.len(), 1, "it is told apart");
    assert_eq!(pending[0].0.to_string(), seg(1, 6));
    let old = archive().with_at(newest, 9, "2026-11-15T11:45:00Z");
    assert!(old.server().recovery.pending.is_empty());
    insta::assert_snapshot!(judgement(&old), @r"
    20261110T020000: Consistent(MissingSegment(000000010000000000000006)), reaches 000000010000000000000005
    timeline Some(1), 1 gaps of 1, obsolete Some(0), histories missing []
    ");
}

pub(in crate::assess) fn seg(timeline: u32, number: u32) -> String {
    format!("{timeline:08X}00000000{number:08X}")
}
