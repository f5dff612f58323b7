//! Contents of one server, and their use.

use barman_archive::barman::{BackupInfoText, KeepTarget};
use barman_archive::inventory::{FileReading, UnreadableReason, WalObjectKind};
use barman_archive::postgres::TimelineId;

use super::{Archive, anomaly, done, info, moment, states};
use crate::report::{BackupState, WalAnomaly};

#[test]
fn a_done_backup_without_data_is_incomplete() {
    let server = Archive::new()
        .with_backup_info("20261115T020000", &done())
        .server();

    assert_eq!(
        states(&server),
        [("20261115T020000", BackupState::Incomplete)]
    );
    assert_eq!(server.newest_done(), None);
}

#[test]
fn a_done_backup_needs_an_object_of_every_tablespace() {
    let with_tablespace = done().with("tablespaces", "[('fast', 16411, '/x')]");
    let archive = Archive::new()
        .with_backup_info("1", &with_tablespace)
        .with("s/base/1/data.tar.gz", 5);

    assert_eq!(states(&archive.server()), [("1", BackupState::Incomplete)]);
    let archive = archive.with("s/base/1/16411.tar", 5);
    assert_eq!(states(&archive.server()), [("1", BackupState::Done)]);
}

#[test]
fn a_part_missing_between_two_others_makes_a_backup_incomplete() {
    let archive = Archive::new()
        .with_backup_info("1", &done())
        .with("s/base/1/data.tar", 5)
        .with("s/base/1/data_0002.tar", 5);

    assert_eq!(states(&archive.server()), [("1", BackupState::Incomplete)]);
    let archive = archive.with("s/base/1/data_0001.tar", 5);
    assert_eq!(states(&archive.server()), [("1", BackupState::Done)]);
}

#[test]
fn an_empty_data_object_is_none() {
    let archive = Archive::new()
        .with_backup_info("1", &done())
        .with("s/base/1/data.tar", 0);

    assert_eq!(states(&archive.server()), [("1", BackupState::Incomplete)]);
}

#[test]
fn a_snapshot_backup_has_no_data_objects() {
    let snapshot = done().with("snapshots_info", "{'provider': 'gcp'}");
    let archive = Archive::new()
        .with_backup_info("1", &snapshot)
        .with("s/base/1/backup_label", 300);

    assert_eq!(states(&archive.server()), [("1", BackupState::Done)]);
}

#[test]
fn an_end_time_does_not_make_a_failed_backup_good() {
    let failed = info("FAILED", "11-15 02:00:00", "11-15 02:10:00");
    let server = Archive::new()
        .with_backup_info("1", &failed)
        .with("s/base/1/data.tar", 5)
        .server();

    assert_eq!(states(&server), [("1", BackupState::Failed)]);
    assert_eq!(
        server.newest_failed().unwrap().began_at,
        Some(moment("2026-11-15T02:00:00Z"))
    );
}

#[test]
fn only_age_tells_a_running_backup_from_a_killed_one() {
    let started = |begin: &str| {
        BackupInfoText::new("STARTED").with("begin_time", format!("2026-{begin}+00:00"))
    };
    let server = Archive::new()
        .with_backup_info("a", &started("11-15 11:00:00"))
        .with_backup_info("b", &started("11-14 11:00:00"))
        // Begun in the future, says a clock that is wrong; written at three o'clock.
        .with_backup_info("c", &started("11-30 11:00:00"))
        .with_file("s/base/d/backup.info", "")
        .with_backup_info("e", &BackupInfoText::new("PAUSED"))
        .server();

    let expected = [
        BackupState::Running,
        BackupState::Incomplete,
        BackupState::Running,
        BackupState::Incomplete,
        BackupState::Incomplete,
    ];
    assert_eq!(
        states(&server)
            .into_iter()
            .map(|(_, state)| state)
            .collect::<Vec<_>>(),
        expected
    );
    assert_eq!(server.newest_running().unwrap().id, "c");
}

#[test]
fn a_directory_without_backup_info_is_not_nothing() {
    let server = Archive::new()
        .with("s/base/killed/data.tar", 5)
        .with("s/base/only-kept/annotations/keep", 4)
        .with("s/base/only-a-marker/", 0)
        .server();

    assert_eq!(states(&server), [("killed", BackupState::Incomplete)]);
    assert_eq!(server.kept(KeepTarget::Full), Some(0));
}

#[test]
fn an_unreadable_backup_info_costs_only_its_own_backup() {
    let denied = FileReading::Unreadable {
        reason: UnreadableReason::Access,
        message: "access denied".to_owned(),
    };
    let server = Archive::new()
        .with_backup_info("1", &done())
        .with("s/base/1/data.tar", 5)
        .with_file("s/base/2/backup.info", "a line without a sign")
        .with_backup_info("3", &done().without("end_time"))
        .with_reading("s/base/4/backup.info", denied)
        .server();

    let unreadable = BackupState::Unreadable;
    let expected = [
        ("1", BackupState::Done),
        ("2", unreadable(UnreadableReason::Syntax)),
        ("3", unreadable(UnreadableReason::MissingField)),
        ("4", unreadable(UnreadableReason::Access)),
    ];
    assert_eq!(states(&server), expected);
}

#[test]
fn a_backup_deleted_while_the_scan_ran_is_no_backup_any_more() {
    let server = Archive::new()
        .with_reading("s/base/1/backup.info", FileReading::Gone)
        .with("s/base/1/data.tar", 5)
        .server();

    assert!(server.backups.is_empty());
    assert_eq!(server.base.objects, 2, "what was listed is still counted");
}

#[test]
fn the_newest_backup_ended_last_whatever_its_id() {
    let server = Archive::new()
        .with_backup_info(
            "20261025T023000",
            &info("DONE", "10-25 01:30:00", "10-25 01:31:00"),
        )
        .with("s/base/20261025T023000/data.tar", 5)
        .with_backup_info(
            "20261025T025000",
            &info("DONE", "10-25 00:50:00", "10-25 00:51:00"),
        )
        .with("s/base/20261025T025000/data.tar", 5)
        .server();

    assert_eq!(server.newest_done().unwrap().id, "20261025T023000");
    assert_eq!(server.done()[0].1.id, "20261025T025000");
}

#[test]
fn any_directory_in_base_with_a_backup_info_is_a_backup() {
    let server = Archive::new()
        .with_backup_info("latest", &done())
        .with("s/base/latest/data.tar", 5)
        .server();

    assert_eq!(states(&server), [("latest", BackupState::Done)]);
}

#[test]
fn keep_annotations_keep_in_full_unless_they_say_standalone() {
    let server = Archive::new()
        .with_backup_info("1", &done())
        .with_file("s/base/1/annotations/keep", "standalone")
        .with_backup_info("2", &done())
        .with_file("s/base/2/annotations/keep", "whatever")
        .server();

    assert_eq!(server.kept(KeepTarget::Standalone), Some(1));
    assert_eq!(server.kept(KeepTarget::Full), Some(1));
}

#[test]
fn an_unreadable_keep_annotation_makes_kept_backups_unknown() {
    let denied = FileReading::Unreadable {
        reason: UnreadableReason::Access,
        message: String::new(),
    };
    let server = Archive::new()
        .with_backup_info("1", &done())
        .with_reading("s/base/1/annotations/keep", denied)
        .server();

    assert_eq!(server.kept(KeepTarget::Full), None);
}

#[test]
fn a_smaller_database_than_before_shows_in_the_ratio() {
    let sized = |day, size| {
        info(
            "DONE",
            &format!("11-{day} 02:00:00"),
            &format!("11-{day} 02:10:00"),
        )
        .with("cluster_size", size)
    };
    let archive = [
        ("10", 1000),
        ("11", 2000),
        ("12", 3000),
        ("13", 4000),
        ("14", 250),
    ]
    .into_iter()
    .fold(Archive::new(), |archive, (day, size)| {
        archive
            .with_backup_info(day, &sized(day, size))
            .with(&format!("s/base/{day}/data.tar"), 5)
    });

    assert_eq!(archive.server().size_change_ratio(), Some(0.1));
}

#[test]
fn two_databases_in_one_directory_are_two_system_identifiers() {
    let server = Archive::new()
        .with_backup_info("1", &done())
        .with_backup_info("2", &done().with("systemid", 8))
        .server();

    assert_eq!(server.system_identifiers().len(), 2);
}

#[test]
fn segments_count_once_and_their_objects_all() {
    let wal = |name: &str| format!("s/wals/0000000100000000/{name}");
    let server = Archive::new()
        .with(&wal("000000010000000000000001"), 16_777_216)
        .with(&wal("000000010000000000000001.gz"), 100)
        .with(&wal("000000010000000000000002.gz"), 100)
        .with(&wal("000000010000000000000002.00000028.backup.gz"), 30)
        .with(&wal("000000010000000000000003.partial.gz"), 50)
        .with(&wal("000000010000000000000004.gz.tmp"), 7)
        .with(&wal("0000000200000000000000AA"), 16_777_216)
        .with(&wal("000000010000000000000005"), 12)
        .with(&wal(""), 0)
        .with("s/wals/00000002.history.gz", 60)
        .server();

    let timeline = server.wal.timelines[&TimelineId(1)];
    assert_eq!((timeline.segments, timeline.stored.objects), (3, 4));
    assert_eq!(timeline.stored.bytes, 16_777_216 + 100 + 100 + 12);
    assert_eq!(
        server.wal.timelines.len(),
        1,
        "a misplaced segment is no timeline's"
    );
    let bytes = WalObjectKind::ALL.map(|kind| server.wal.objects[&kind].bytes);
    assert_eq!(bytes, [16_777_428, 50, 30, 60, 16_777_216, 7, 0]);
    assert_eq!(
        server.wal.objects[&WalObjectKind::Foreign].objects,
        1,
        "a marker is not foreign"
    );
    let counts = WalAnomaly::ALL.map(|kind| server.wal.anomalies.get(&kind).copied());
    assert_eq!(counts, [Some(1), Some(1), Some(1), Some(0), Some(1), None]);
}

#[test]
fn the_size_of_segments_is_what_the_backups_say() {
    let of_64_mib = done().with("xlog_segment_size", 67_108_864);
    let archive = Archive::new()
        .with_backup_info("1", &of_64_mib)
        .with(
            "s/wals/0000000100000000/000000010000000000000001",
            67_108_864,
        )
        .with("s/wals/0000000100000000/00000001000000000000003F.gz", 100);
    assert_eq!(anomaly(&archive.server(), WalAnomaly::Size), 0);

    let archive = archive
        .with(
            "s/wals/0000000100000000/000000010000000000000002",
            16_777_216,
        )
        .with("s/wals/0000000100000000/000000010000000000000040.gz", 100);
    assert_eq!(anomaly(&archive.server(), WalAnomaly::Size), 2);
}

#[test]
fn a_segment_that_arrived_long_after_the_next_was_overwritten() {
    let wal = |number: u32| format!("s/wals/0000000100000000/0000000100000000000000{number:02X}");
    let server = Archive::new()
        .with_at(&wal(1), 16_777_216, "2026-11-15T01:00:00Z")
        .with_at(&wal(2), 16_777_216, "2026-11-15T09:00:00Z")
        .with_at(&wal(3), 16_777_216, "2026-11-15T03:00:00Z")
        .with_at(&wal(4), 16_777_216, "2026-11-15T02:59:00Z")
        .server();

    assert_eq!(anomaly(&server, WalAnomaly::Overwritten), 1);
    assert_eq!(
        server.wal.newest.map(|newest| newest.arrived_at),
        Some(moment("2026-11-15T02:59:00Z")),
        "the last one by its position"
    );
}

#[test]
fn a_lone_history_file_older_than_the_newest_backup_is_stray() {
    let archive = Archive::new()
        .with_backup_info("1", &done())
        .with("s/base/1/data.tar", 5)
        .with_file(
            "s/wals/00000002.history",
            "1\t0/3000000\tno recovery target specified\n",
        );

    assert_eq!(anomaly(&archive.server(), WalAnomaly::StrayTimeline), 1);
}

#[test]
fn an_unreadable_history_file_leaves_stray_timelines_unknown() {
    let archive = Archive::new()
        .with_backup_info("1", &done())
        .with("s/base/1/data.tar", 5)
        .with_file("s/wals/00000002.history", "no history");
    assert_eq!(
        archive
            .server()
            .wal
            .anomalies
            .get(&WalAnomaly::StrayTimeline),
        None
    );

    let without_backups = Archive::new().with_file("s/wals/00000002.history", "1\t0/1\tx");
    assert_eq!(
        without_backups
            .server()
            .wal
            .anomalies
            .get(&WalAnomaly::StrayTimeline),
        None
    );
}

#[test]
fn a_policy_or_a_minimum_asks_for_so_many_backups() {
    let required = |archive: Archive| {
        archive
            .with_backup_info("1", &done())
            .server()
            .required_backups()
    };

    assert_eq!(required(Archive::new()), None);
    assert_eq!(required(Archive::new().leaving(2)), Some(2));
    assert_eq!(
        required(Archive::new().retaining("REDUNDANCY 3").leaving(2)),
        Some(3)
    );
    assert_eq!(
        required(Archive::new().retaining("REDUNDANCY 1").leaving(2)),
        Some(2)
    );
    assert_eq!(
        required(Archive::new().retaining("7d")),
        Some(1),
        "a window wants the newest"
    );
}

#[test]
fn the_minimum_redundancy_keeps_backups_as_barman_does() {
    let archive = [("01", 1), ("02", 2), ("03", 3)].into_iter().fold(
        Archive::new().retaining("REDUNDANCY 1").leaving(2),
        |archive, (day, id)| {
            let text = info(
                "DONE",
                &format!("11-{day} 02:00:00"),
                &format!("11-{day} 02:10:00"),
            );
            archive
                .with_backup_info(&id.to_string(), &text)
                .with(&format!("s/base/{id}/data.tar"), 5)
        },
    );

    let obsolete = archive.server().retention.unwrap().obsolete_ids();
    assert_eq!(obsolete, Some(vec!["1".to_owned()]));
}
