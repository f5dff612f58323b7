//! Timelines as left by real clusters, and what can be restored of such an archive.
//!
//! Each situation was created with `PostgreSQL` 15 and restored with it.

use barman_archive::inventory::{FileReading, UnreadableReason};
use barman_archive::postgres::TimelineId;
use barman_archive::recovery::{Followed, Obstacle, Target, Verdict};

use super::recovery::{backup, seg, spanning, wal};
use super::{Archive, moment};
use crate::report::ServerReport;

/// A failover from 1 to 2 and to 3, then a recovery of the oldest backup to before the first one.
const BACK_TO_BEFORE_THE_FAILOVERS: &str = "1\t0/D0000A0\tno recovery target specified\n\n\
    2\t0/120000A0\tno recovery target specified\n\n3\t0/7000068\tafter LSN 0/7000028\n";

fn verdict(server: &ServerReport, day: u32) -> &Verdict {
    &server.recovery.verdict.backups[&format!("202611{day:02}T020000")].verdict
}

/// Targets with which a restored backup starts up.
fn works(server: &ServerReport, day: u32) -> Vec<String> {
    let backup = &server.recovery.verdict.backups[&format!("202611{day:02}T020000")];
    let working = backup.follow.iter().filter(|followed| followed.works());
    working
        .map(|followed| followed.target.to_string())
        .collect()
}

fn followed(server: &ServerReport, day: u32, target: Target) -> Followed {
    let backup = &server.recovery.verdict.backups[&format!("202611{day:02}T020000")];
    let mut all = backup.follow.iter();
    all.find(|followed| followed.target == target)
        .unwrap()
        .clone()
}

fn missing(timeline: u32, number: u32) -> Obstacle {
    let name = barman_archive::postgres::SegmentName::parse(&seg(timeline, number)).unwrap();
    Obstacle::MissingSegment(name)
}

/// Four timelines, the last of which starts at a lower position than timelines 2 and 3.
fn non_ascending(of_last: impl IntoIterator<Item = u32>) -> Archive {
    let archive = backup(Archive::new(), 1, &seg(1, 3), &seg(1, 3));
    let archive = backup(archive, 2, &seg(1, 0xA), &seg(1, 0xA));
    let archive = backup(archive, 3, &seg(2, 0xE), &seg(2, 0xE));
    let archive = backup(archive, 4, &seg(3, 0x13), &seg(3, 0x13));
    let archive = backup(archive, 5, &seg(4, 9), &seg(4, 9));
    let archive = wal(wal(archive, 1, 3..=0xC), 2, 0xD..=0x11);
    let archive = wal(archive, 3, 0x12..=0x14);
    let at = "2026-11-15T09:00:00Z";
    let last = of_last.into_iter().fold(archive, |archive, number| {
        archive.with_at(
            &format!("s/wals/0000000400000000/{}.gz", seg(4, number)),
            9,
            at,
        )
    });
    last.with_file("s/wals/00000002.history", "1\t0/D0000A0\tno recovery target specified\n")
        .with_file(
            "s/wals/00000003.history",
            "1\t0/D0000A0\tno recovery target specified\n\n2\t0/120000A0\tno recovery target specified\n",
        )
        .with_file("s/wals/00000004.history", BACK_TO_BEFORE_THE_FAILOVERS)
}

#[test]
fn a_recovery_to_before_earlier_failovers_is_followed() {
    let server = non_ascending(7..=0xB).server();

    assert_eq!(
        server.recovery.verdict.current_timeline,
        Some(TimelineId(4))
    );
    assert_eq!(verdict(&server, 1), &Verdict::Recoverable);
    assert_eq!(works(&server, 1), ["1", "2", "3", "4", "current", "latest"]);
    // These reach only their own timelines: the last timeline branched off before they started.
    for (day, own) in [
        (2, &["1", "2", "3", "current"][..]),
        (3, &["2", "3", "current"]),
    ] {
        assert_eq!(works(&server, day), own);
        assert_eq!(
            verdict(&server, day),
            &Verdict::Consistent(Obstacle::DeadBranch)
        );
        let backup = &server.recovery.verdict.backups[&format!("202611{day:02}T020000")];
        assert!(!backup.default_target_works);
    }
    assert_eq!(works(&server, 4), ["3", "current"]);
    assert_eq!(verdict(&server, 5), &Verdict::Recoverable);
    assert_eq!(server.recovery.gaps(), Some((0, 0)));
    assert_eq!(
        server.recovery_window_start(),
        Some(moment("2026-11-01T02:10:00Z"))
    );
}

#[test]
fn a_gap_behind_such_a_recovery_is_seen() {
    let server = non_ascending([7, 9, 0xA, 0xB]).server();

    assert_eq!(verdict(&server, 1), &Verdict::Consistent(missing(4, 8)));
    assert_eq!(server.recovery.gaps(), Some((1, 1)));
    assert_eq!(verdict(&server, 5), &Verdict::Recoverable);
}

#[test]
fn wal_that_a_restore_to_any_timeline_reads_is_not_obsolete() {
    let server = non_ascending(7..=0xB).server();

    assert_eq!(server.recovery.obsolete_segments(), Some(0));
}

#[test]
fn the_history_of_another_cluster_far_ahead_restores_nothing() {
    let history = "1\t0/5000000\ta\n2\t150/40000A0\tb\n3\t151/1000000\tc\n";
    let archive = wal(backup(Archive::new(), 10, &seg(2, 8), &seg(2, 8)), 2, 8..=9)
        .with_file(
            "s/wals/00000003.history",
            "1\t0/5000000\ta\n2\t150/40000A0\tb\n",
        )
        .with_file("s/wals/00000002.history", "1\t0/5000000\ta\n");
    let far = wal(archive.clone(), 1, [4]).with_file(
        "s/wals/00000004.history",
        &history.replace("2\t150/40000A0\tb\n", "2\t0/6000000\tb\n"),
    );

    // Timeline 3 starts far ahead, and the backup can still reach that point.
    assert_eq!(
        works(&archive.server(), 10),
        ["2", "3", "current", "latest"]
    );
    let server = far.server();
    let latest = followed(&server, 10, Target::Latest);
    assert_eq!(latest.obstacle, Some(Obstacle::DeadBranch));
    let newest = &server.recovery.verdict.backups["20261110T020000"];
    assert!(!newest.default_target_works);
    assert_eq!(newest.works_with, Some(Target::Current));
    assert_eq!(server.recovery.gaps(), Some((0, 0)));
}

#[test]
fn a_timeline_without_history_file_restores_with_current() {
    let archive = backup(Archive::new(), 10, &seg(3, 8), &seg(3, 8));
    let server = wal(archive, 3, 6..=9).server();

    assert_eq!(works(&server, 10), ["current", "latest"]);
    let number = followed(&server, 10, Target::Timeline(TimelineId(3)));
    assert_eq!(
        number.obstacle,
        Some(Obstacle::MissingHistory(TimelineId(3)))
    );
    assert_eq!(verdict(&server, 10), &Verdict::Recoverable);
    // No backup of a lower timeline could reach this one.
    assert_eq!(server.recovery.obsolete_segments(), Some(2));
}

#[test]
fn a_lone_history_file_behind_the_backup_does_not_break_latest() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=9);
    let server = archive
        .with_file("s/wals/00000002.history", "1\t0/6000080\tcopy\n")
        .server();

    let newest = &server.recovery.verdict.backups["20261110T020000"];
    assert_eq!(newest.verdict, Verdict::Recoverable);
    assert!(newest.default_target_works, "{newest:?}");
}

/// A backup of a standby that ended in segment 17 of timeline 4, immediately followed by a
/// failover.
fn promoted_at_once(has_partial: bool, of_child: &[u32]) -> ServerReport {
    let label = r"'CHECKPOINT LOCATION: 0/160000A0\nBACKUP FROM: standby\n'";
    let archive = backup(Archive::new(), 10, &seg(4, 0x16), &seg(4, 0x17));
    let text = super::info("DONE", "11-10 02:00:00", "11-10 02:10:00");
    let text = spanning(text, &seg(4, 0x16), &seg(4, 0x17))
        .with("backup_label", label)
        .with("end_xlog", "0/170003D8");
    let ancestors = "1\t0/3000000\ta\n2\t0/5000000\tb\n3\t0/9000000\tc\n";
    let archive = wal(
        archive.with_backup_info("20261110T020000", &text),
        4,
        [0x16],
    )
    .with_file("s/wals/00000004.history", ancestors)
    .with_file(
        "s/wals/00000005.history",
        &format!("{ancestors}4\t0/170003D8\td\n"),
    );
    let archive = wal(archive, 5, of_child.iter().copied());
    let partial = format!("s/wals/0000000400000000/{}.partial.gz", seg(4, 0x17));
    if has_partial {
        archive.with(&partial, 9)
    } else {
        archive
    }
    .server()
}

#[test]
fn the_childs_switch_segment_makes_a_backup_consistent() {
    let server = promoted_at_once(true, &[0x17, 0x18]);

    assert_eq!(works(&server, 10), ["4", "5", "current", "latest"]);
    assert_eq!(verdict(&server, 10), &Verdict::Recoverable);
    assert_eq!(server.waiting_since(), None);
}

#[test]
fn without_the_partial_segment_the_child_alone_restores_it() {
    let server = promoted_at_once(false, &[0x17, 0x18]);

    assert_eq!(works(&server, 10), ["5", "latest"]);
    assert_eq!(verdict(&server, 10), &Verdict::Recoverable);
}

#[test]
fn a_child_whose_first_segment_has_not_arrived_is_waited_for() {
    let server = promoted_at_once(false, &[]);

    assert!(
        matches!(verdict(&server, 10), Verdict::Waiting(_)),
        "{:?}",
        verdict(&server, 10)
    );
}

#[test]
fn what_cannot_come_any_more_is_not_waited_for() {
    let archive = backup(Archive::new(), 10, &seg(2, 0xE), &seg(2, 0xF));
    let histories = [
        "1\t0/2000000\ta\n",
        "2\t0/10000080\tb\n",
        "3\t0/12000080\tc\n",
    ];
    let partial = format!("s/wals/0000000200000000/{}.partial.gz", seg(2, 0x10));
    let late = wal(archive, 2, [0xE]).with_file("s/wals/00000002.history", histories[0]);
    let lost = wal(wal(late.clone(), 3, 0x10..=0x12), 4, 0x12..=0x13)
        .with_file("s/wals/00000003.history", &histories[..2].concat())
        .with_file("s/wals/00000004.history", &histories.concat());

    assert!(matches!(verdict(&late.server(), 10), Verdict::Waiting(_)));
    for archive in [lost.clone(), lost.with(&partial, 9), late.with(&partial, 9)] {
        assert_eq!(
            verdict(&archive.server(), 10),
            &Verdict::Broken(missing(2, 0xF))
        );
    }
}

#[test]
fn a_recovery_in_place_without_a_backup_since_is_critical() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 8), &seg(1, 8)), 1, 8..=9);
    let at = "2026-11-15T09:00:00Z";
    let recovered = [6, 7].into_iter().fold(archive, |archive, number| {
        archive.with_at(
            &format!("s/wals/0000000200000000/{}.gz", seg(2, number)),
            9,
            at,
        )
    });
    let recovered = recovered.with_file("s/wals/00000002.history", "1\t0/6000080\tx\n");

    let server = recovered.server();

    assert_eq!(
        server.recovery.verdict.unreached_timeline,
        Some(TimelineId(2))
    );
    assert_eq!(
        server.recovery.verdict.current_timeline,
        Some(TimelineId(1))
    );
    // It is unknown whether a copy wrote it.
    assert!(server.recovery.stray.is_empty());
    let named = recovered.living_on(1).server();
    assert_eq!(named.recovery.verdict.unreached_timeline, None);
    assert_eq!(named.recovery.stray.len(), 1);
}

#[test]
fn a_history_file_that_postgresql_refuses_closes_its_timeline() {
    let archive = wal(backup(Archive::new(), 10, &seg(2, 8), &seg(2, 8)), 2, 8..=9);
    let refused = archive
        .clone()
        .with_file("s/wals/00000002.history", "no history");
    let empty = archive.with_file("s/wals/00000002.history", "");

    let server = refused.server();
    assert_eq!(works(&server, 10), Vec::<String>::new());
    let invalid = Obstacle::InvalidHistory(TimelineId(2));
    assert_eq!(verdict(&server, 10), &Verdict::Broken(invalid));
    assert_eq!(works(&empty.server(), 10), ["2", "current", "latest"]);
}

#[test]
fn the_newest_backup_survives_hundreds_of_failovers() {
    let history = |timeline: u32| -> String {
        let line = |parent| format!("{parent}\t0/{parent:02X}000180\tfailover\n");
        (1..timeline).map(line).collect::<Vec<_>>().concat()
    };
    let archive = (2..=250).fold(Archive::new(), |archive, timeline| {
        archive.with_file(
            &format!("s/wals/{timeline:08X}.history"),
            &history(timeline),
        )
    });
    let archive = backup(archive, 10, &seg(249, 0xF9), &seg(249, 0xF9));
    let server = wal(wal(archive, 249, [0xF9]), 250, [0xF9, 0xFA]).server();

    assert_eq!(verdict(&server, 10), &Verdict::Recoverable);
    assert_eq!(works(&server, 10), ["249", "250", "current", "latest"]);
    assert_eq!(server.recovery.obsolete.unwrap().len(), 0);
}

#[test]
fn wal_of_running_backups_and_unreached_lines_is_not_obsolete() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 8), &seg(1, 8)), 1, 5..=9);
    let running =
        super::info("STARTED", "11-15 09:50:00", "11-15 09:50:00").with("begin_wal", seg(1, 6));
    let under_way = archive
        .clone()
        .with_backup_info("20261115T095000", &running);
    let unreached = archive
        .clone()
        .with_file("s/wals/00000002.history", "1\t0/6000080\trecovery\n")
        .with_at(
            &format!("s/wals/0000000200000000/{}.gz", seg(2, 6)),
            9,
            "2026-11-15T09:00:00Z",
        );

    assert_eq!(archive.server().recovery.obsolete_segments(), Some(3));
    assert_eq!(under_way.server().recovery.obsolete_segments(), Some(1));
    let server = unreached.server();
    assert_eq!(
        server.recovery.verdict.unreached_timeline,
        Some(TimelineId(2))
    );
    assert!(
        !server
            .recovery
            .obsolete
            .unwrap()
            .contains_key(&TimelineId(2))
    );
}

#[test]
fn wal_of_a_backup_blocked_by_a_history_file_is_not_obsolete() {
    let archive = wal(backup(Archive::new(), 10, &seg(2, 6), &seg(2, 6)), 2, 5..=9)
        .with_file("s/wals/00000002.history", "garbage");
    let server = archive.server();

    assert_eq!(
        verdict(&server, 10),
        &Verdict::Broken(Obstacle::InvalidHistory(TimelineId(2)))
    );
    assert_eq!(server.recovery.obsolete_segments(), Some(1));
    assert_eq!(server.recovery.histories_damaged, [TimelineId(2)].into());
}

#[test]
fn the_first_of_two_history_files_of_a_timeline_counts() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=6);
    let archive = wal(archive, 2, [6, 7]);
    let valid = "1\t0/6000080\tfailover\n";
    let plain_first = archive
        .clone()
        .with_file("s/wals/00000002.history", valid)
        .with_file("s/wals/00000002.history.gz", "garbage");
    let damaged_first = archive
        .with_file("s/wals/00000002.history", "garbage")
        .with_file("s/wals/00000002.history.gz", valid);

    assert_eq!(verdict(&plain_first.server(), 10), &Verdict::Recoverable);
    let server = damaged_first.server();
    assert_eq!(server.recovery.histories_damaged, [TimelineId(2)].into());
}

#[test]
fn an_older_timeline_of_unknown_origin_hides_no_newer_wal() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
        1,
        [4, 5],
    );
    let of_two = |at| {
        let key = format!("s/wals/0000000200000000/{}.gz", seg(2, 6));
        wal(archive.clone().with_at(&key, 9, at), 1, [6]).server()
    };

    assert_eq!(
        verdict(&of_two("2026-11-01T00:00:00Z"), 10),
        &Verdict::Recoverable
    );
    let obstacle = Obstacle::MissingHistory(TimelineId(2));
    assert_eq!(
        verdict(&of_two("2026-11-15T09:00:00Z"), 10),
        &Verdict::Consistent(obstacle)
    );
}

#[test]
fn a_backup_is_not_called_hopeless_after_the_targets_tried() {
    let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4));
    let lines = |timeline: u32| {
        let line = |parent: u32| format!("{parent}\t0/2000000\tx\n");
        (1001..timeline).map(line).collect::<String>()
    };
    let archive = (1002..=2001).fold(archive, |archive, timeline| {
        archive.with_file(&format!("s/wals/{timeline:08X}.history"), &lines(timeline))
    });
    let archive = wal(archive, 1, [5]);

    assert_eq!(
        verdict(&archive.server(), 10),
        &Verdict::Broken(missing(1, 4))
    );
    // Timeline 2 leads through segment 4, but is one of too many.
    let archive = wal(
        archive.with_file("s/wals/00000002.history", "1\t0/4000300\tx\n"),
        2,
        [4],
    );
    let unknown = Obstacle::UnknownHistory(TimelineId(2));
    assert_eq!(verdict(&archive.server(), 10), &Verdict::Broken(unknown));
}

/// A standby's backup of timeline 3 just before it was left for timeline 4, whose history file is
/// lost. The file of a copy's timeline 5 leads through timeline 4.
#[test]
fn a_later_timeline_may_go_through_the_newest_segment() {
    let before = "1\t0/8000000\ta\n2\t0/B000000\tb\n";
    let archive = backup(Archive::new(), 10, &seg(3, 0xC), &seg(3, 0xD))
        .with_file("s/wals/00000003.history", before)
        .with_file(
            "s/wals/00000005.history",
            &format!("{before}3\t0/E000100\tc\n4\t0/E000200\td\n"),
        )
        .with(
            &format!("s/wals/0000000300000000/{}.partial", seg(3, 0xE)),
            100,
        );
    let archive = wal(wal(archive, 3, [0xC, 0xD]), 4, 0xE..=0x11).living_on(3);

    let server = archive.server();
    let verdict = &server.recovery.verdict.backups["20261110T020000"];
    assert_eq!(works(&server, 10), ["5"]);
    assert_eq!(verdict.works_with, Some(Target::Timeline(TimelineId(5))));
    assert_eq!(verdict.verdict, Verdict::Recoverable);
}

#[test]
fn a_timeline_with_only_a_damaged_history_file_is_a_target() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
        1,
        [4, 5],
    );
    let damaged = FileReading::Unreadable {
        reason: UnreadableReason::Compression,
        message: "not a gzip file".to_owned(),
    };
    let server = archive
        .with_reading("s/wals/00000003.history.gz", damaged)
        .server();

    let target = Target::Timeline(TimelineId(3));
    let obstacle = Obstacle::MissingHistory(TimelineId(3));
    assert_eq!(followed(&server, 10, target).obstacle, Some(obstacle));
    assert_eq!(verdict(&server, 10), &Verdict::Recoverable);
}
