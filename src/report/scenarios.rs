//! Layouts that archives really have, and what the report says of them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::barman::KeepTarget;
use crate::inventory::{Files, Finding, Inventory, ListedObject, UnreadableReason, WalObjectKind};
use crate::postgres::TimelineId;
use crate::recovery::Verdict;

use super::{
    BackupState, Expectations, PrefixKind, Report, RetentionPolicies, ScanFindings, ServerReport,
    WalAnomaly, build,
};

const NOW: &str = "2026-11-15T12:00:00Z";

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An archive in the making: keys below the destination path.
struct Archive {
    inventory: Inventory,
    files: Files,
    servers: Option<Vec<&'static str>>,
}

impl Archive {
    fn new() -> Self {
        Self { inventory: Inventory::default(), files: Files::default(), servers: None }
    }

    fn expecting(mut self, servers: &[&'static str]) -> Self {
        self.servers = Some(servers.to_vec());
        self
    }

    fn with_at(mut self, key: &str, size: u64, at: &str) -> Self {
        self.inventory.add(key, &object(key, size, at));
        self
    }

    fn with(self, key: &str, size: u64) -> Self {
        self.with_at(key, size, "2026-11-15T03:00:00Z")
    }

    /// Adds a small file and what reading it yields.
    fn with_file(mut self, key: &str, content: &str) -> Self {
        self = self.with(key, content.len() as u64);
        let file = self.small_file(key);
        let finding = file.kind.read(content.as_bytes());
        self.files.insert(file, finding);
        self
    }

    fn with_finding(mut self, key: &str, finding: Finding) -> Self {
        self = self.with(key, 10);
        let file = self.small_file(key);
        self.files.insert(file, finding);
        self
    }

    fn small_file(&self, key: &str) -> crate::inventory::SmallFile {
        self.inventory.small_files().find(|file| file.object.key == key).unwrap().clone()
    }

    fn report(&self) -> Report {
        let findings = ScanFindings {
            inventory: &self.inventory,
            files: &self.files,
            audited_at: moment(NOW),
            uploads: Some(&[]),
        };
        let servers = self.servers.as_ref();
        let expected = Expectations {
            servers: servers.map(|names| names.iter().map(ToString::to_string).collect()),
            retention: RetentionPolicies::default(),
            gap_grace_period: TimeDelta::minutes(10),
            max_running_time: TimeDelta::hours(24),
        };
        build(&findings, &expected, moment(NOW))
    }

    fn server(&self) -> ServerReport {
        let servers = self.report().servers;
        servers.get("s").expect("the server is there").clone()
    }
}

fn object(key: &str, size: u64, at: &str) -> ListedObject {
    ListedObject {
        key: key.to_owned(),
        size,
        last_modified: moment(at),
        etag: None,
        storage_class: None,
    }
}

/// A `backup.info` with the fields that matter, begun and ended at these times of day.
fn info(status: &str, begin: &str, end: &str) -> String {
    format!(
        "begin_time=2026-{begin}+00:00\nbegin_wal=000000010000000000000004\ncluster_size=1000\n\
         end_time=2026-{end}+00:00\nend_wal=000000010000000000000004\nend_xlog=0/4000100\n\
         status={status}\nsystemid=7\ntimeline=1\nxlog_segment_size=16777216\n"
    )
}

fn done() -> String {
    info("DONE", "11-15 02:00:00", "11-15 02:10:00")
}

fn states(server: &ServerReport) -> Vec<(&str, BackupState)> {
    server.backups.iter().map(|backup| (backup.id.as_str(), backup.state)).collect()
}

fn anomaly(server: &ServerReport, kind: WalAnomaly) -> u64 {
    server.wal.anomalies[&kind]
}

#[test]
fn a_done_backup_without_data_is_incomplete() {
    let server = Archive::new().with_file("s/base/20261115T020000/backup.info", &done()).server();

    assert_eq!(states(&server), [("20261115T020000", BackupState::Incomplete)]);
    assert_eq!(server.newest_done(), None);
}

#[test]
fn a_done_backup_needs_an_object_of_every_tablespace() {
    let with_tablespace = format!("{}tablespaces=[('fast', 16411, '/x')]\n", done());
    let archive = Archive::new()
        .with_file("s/base/1/backup.info", &with_tablespace)
        .with("s/base/1/data.tar.gz", 5);

    assert_eq!(states(&archive.server()), [("1", BackupState::Incomplete)]);
    let archive = archive.with("s/base/1/16411.tar", 5);
    assert_eq!(states(&archive.server()), [("1", BackupState::Done)]);
}

#[test]
fn a_part_missing_between_two_others_makes_a_backup_incomplete() {
    let archive = Archive::new()
        .with_file("s/base/1/backup.info", &done())
        .with("s/base/1/data.tar", 5)
        .with("s/base/1/data_0002.tar", 5);

    assert_eq!(states(&archive.server()), [("1", BackupState::Incomplete)]);
    let archive = archive.with("s/base/1/data_0001.tar", 5);
    assert_eq!(states(&archive.server()), [("1", BackupState::Done)]);
}

#[test]
fn an_empty_data_object_is_none() {
    let archive =
        Archive::new().with_file("s/base/1/backup.info", &done()).with("s/base/1/data.tar", 0);

    assert_eq!(states(&archive.server()), [("1", BackupState::Incomplete)]);
}

#[test]
fn a_snapshot_backup_has_no_data_objects() {
    let snapshot = format!("{}snapshots_info={{'provider': 'gcp'}}\n", done());
    let archive = Archive::new()
        .with_file("s/base/1/backup.info", &snapshot)
        .with("s/base/1/backup_label", 300);

    assert_eq!(states(&archive.server()), [("1", BackupState::Done)]);
}

#[test]
fn an_end_time_does_not_make_a_failed_backup_good() {
    let failed = info("FAILED", "11-15 02:00:00", "11-15 02:10:00");
    let server = Archive::new()
        .with_file("s/base/1/backup.info", &failed)
        .with("s/base/1/data.tar", 5)
        .server();

    assert_eq!(states(&server), [("1", BackupState::Failed)]);
    assert_eq!(server.newest_failed().unwrap().began_at, Some(moment("2026-11-15T02:00:00Z")));
}

#[test]
fn only_age_tells_a_running_backup_from_a_killed_one() {
    let started = |begin| format!("begin_time=2026-{begin}+00:00\nstatus=STARTED\n");
    let server = Archive::new()
        .with_file("s/base/a/backup.info", &started("11-15 11:00:00"))
        .with_file("s/base/b/backup.info", &started("11-14 11:00:00"))
        // Begun in the future, says a clock that is wrong; written at three o'clock.
        .with_file("s/base/c/backup.info", &started("11-30 11:00:00"))
        .with_file("s/base/d/backup.info", "")
        .with_file("s/base/e/backup.info", "status=PAUSED")
        .server();

    let expected = [
        BackupState::Running,
        BackupState::Incomplete,
        BackupState::Running,
        BackupState::Incomplete,
        BackupState::Incomplete,
    ];
    assert_eq!(states(&server).into_iter().map(|(_, state)| state).collect::<Vec<_>>(), expected);
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
    let denied = Finding::Unreadable {
        reason: UnreadableReason::Access,
        message: "access denied".to_owned(),
    };
    let server = Archive::new()
        .with_file("s/base/1/backup.info", &done())
        .with("s/base/1/data.tar", 5)
        .with_file("s/base/2/backup.info", "a line without a sign")
        .with_file("s/base/3/backup.info", &done().replace("end_time", "unknown"))
        .with_finding("s/base/4/backup.info", denied)
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
        .with_finding("s/base/1/backup.info", Finding::Gone)
        .with("s/base/1/data.tar", 5)
        .server();

    assert!(server.backups.is_empty());
    assert_eq!(server.base.objects, 2, "what was listed is still counted");
}

#[test]
fn the_newest_backup_is_the_one_that_ended_last_whatever_its_id() {
    let server = Archive::new()
        .with_file(
            "s/base/20261025T023000/backup.info",
            &info("DONE", "10-25 01:30:00", "10-25 01:31:00"),
        )
        .with("s/base/20261025T023000/data.tar", 5)
        .with_file(
            "s/base/20261025T025000/backup.info",
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
        .with_file("s/base/latest/backup.info", &done())
        .with("s/base/latest/data.tar", 5)
        .server();

    assert_eq!(states(&server), [("latest", BackupState::Done)]);
}

#[test]
fn keep_annotations_keep_in_full_unless_they_say_standalone() {
    let server = Archive::new()
        .with_file("s/base/1/backup.info", &done())
        .with_file("s/base/1/annotations/keep", "standalone")
        .with_file("s/base/2/backup.info", &done())
        .with_file("s/base/2/annotations/keep", "whatever")
        .server();

    assert_eq!(server.kept(KeepTarget::Standalone), Some(1));
    assert_eq!(server.kept(KeepTarget::Full), Some(1));
}

#[test]
fn an_unreadable_keep_annotation_makes_kept_backups_unknown() {
    let denied = Finding::Unreadable { reason: UnreadableReason::Access, message: String::new() };
    let server = Archive::new()
        .with_file("s/base/1/backup.info", &done())
        .with_finding("s/base/1/annotations/keep", denied)
        .server();

    assert_eq!(server.kept(KeepTarget::Full), None);
}

#[test]
fn a_smaller_database_than_before_shows_in_the_ratio() {
    let sized = |day, size| {
        info("DONE", &format!("11-{day} 02:00:00"), &format!("11-{day} 02:10:00"))
            .replace("cluster_size=1000", &format!("cluster_size={size}"))
    };
    let archive = [("10", 1000), ("11", 2000), ("12", 3000), ("13", 4000), ("14", 250)]
        .into_iter()
        .fold(Archive::new(), |archive, (day, size)| {
            archive
                .with_file(&format!("s/base/{day}/backup.info"), &sized(day, size))
                .with(&format!("s/base/{day}/data.tar"), 5)
        });

    assert_eq!(archive.server().size_change_ratio(), Some(0.1));
}

#[test]
fn two_databases_in_one_directory_are_two_system_identifiers() {
    let server = Archive::new()
        .with_file("s/base/1/backup.info", &done())
        .with_file("s/base/2/backup.info", &done().replace("systemid=7", "systemid=8"))
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
    assert_eq!(server.wal.timelines.len(), 1, "a misplaced segment is no timeline's");
    let bytes = WalObjectKind::ALL.map(|kind| server.wal.objects[&kind].bytes);
    assert_eq!(bytes, [16_777_428, 50, 30, 60, 16_777_216, 7, 0]);
    assert_eq!(server.wal.objects[&WalObjectKind::Foreign].objects, 1, "a marker is not foreign");
    let counts = WalAnomaly::ALL.map(|kind| server.wal.anomalies.get(&kind).copied());
    assert_eq!(counts, [Some(1), Some(1), Some(1), Some(0), Some(1), None]);
}

#[test]
fn the_size_of_segments_is_what_the_backups_say() {
    let of_64_mib = done().replace("16777216", "67108864");
    let archive = Archive::new()
        .with_file("s/base/1/backup.info", &of_64_mib)
        .with("s/wals/0000000100000000/000000010000000000000001", 67_108_864)
        .with("s/wals/0000000100000000/00000001000000000000003F.gz", 100);
    assert_eq!(anomaly(&archive.server(), WalAnomaly::Size), 0);

    let archive = archive
        .with("s/wals/0000000100000000/000000010000000000000002", 16_777_216)
        .with("s/wals/0000000100000000/000000010000000000000040.gz", 100);
    assert_eq!(anomaly(&archive.server(), WalAnomaly::Size), 2);
}

#[test]
fn a_segment_that_arrived_long_after_the_next_one_was_uploaded_again() {
    let wal = |number: u32| format!("s/wals/0000000100000000/0000000100000000000000{number:02X}");
    let server = Archive::new()
        .with_at(&wal(1), 16_777_216, "2026-11-15T01:00:00Z")
        .with_at(&wal(2), 16_777_216, "2026-11-15T09:00:00Z")
        .with_at(&wal(3), 16_777_216, "2026-11-15T03:00:00Z")
        .with_at(&wal(4), 16_777_216, "2026-11-15T02:59:00Z")
        .server();

    assert_eq!(anomaly(&server, WalAnomaly::Overwritten), 1);
    assert_eq!(server.wal.newest_at, Some(moment("2026-11-15T09:00:00Z")));
}

#[test]
fn a_lone_history_file_from_before_the_newest_backup_is_a_stray_timeline() {
    let archive = Archive::new()
        .with_file("s/base/1/backup.info", &done())
        .with("s/base/1/data.tar", 5)
        .with_file("s/wals/00000002.history", "1\t0/3000000\tno recovery target specified\n");

    assert_eq!(anomaly(&archive.server(), WalAnomaly::StrayTimeline), 1);
}

#[test]
fn stray_timelines_are_unknown_where_a_history_file_cannot_be_read() {
    let archive = Archive::new()
        .with_file("s/base/1/backup.info", &done())
        .with("s/base/1/data.tar", 5)
        .with_file("s/wals/00000002.history", "no history");
    assert_eq!(archive.server().wal.anomalies.get(&WalAnomaly::StrayTimeline), None);

    let without_backups = Archive::new().with_file("s/wals/00000002.history", "1\t0/1\tx");
    assert_eq!(without_backups.server().wal.anomalies.get(&WalAnomaly::StrayTimeline), None);
}

#[test]
fn a_server_that_is_expected_and_not_there_is_empty_and_not_absent() {
    let report = Archive::new().expecting(&["s"]).report();

    let server = &report.servers["s"];
    assert!(server.is_expected && server.backups.is_empty());
    assert_eq!(report.uploads.unwrap()["s"].count, 0);
}

#[test]
fn a_server_that_nobody_expects_is_an_orphan() {
    let report = Archive::new()
        .expecting(&["s"])
        .with("s/wals/0000000100000000/000000010000000000000001.gz", 10)
        .with("old/wals/0000000100000000/000000010000000000000001.gz", 20)
        .with("old/readme", 3)
        .with("junk/file", 4)
        .with("loose", 5)
        .report();

    let prefixes: BTreeMap<_, _> = report
        .prefixes
        .iter()
        .map(|one| (one.prefix.as_str(), (one.kind, one.sums.bytes)))
        .collect();
    let expected = BTreeMap::from([
        ("s/base/", (PrefixKind::Base, 0)),
        ("s/wals/", (PrefixKind::Wals, 10)),
        ("old/", (PrefixKind::Orphan, 23)),
        ("junk/", (PrefixKind::Other, 4)),
        ("", (PrefixKind::Other, 5)),
    ]);
    assert_eq!(prefixes, expected);
    assert!(!report.servers["old"].is_expected);
    assert!(!report.servers.contains_key("junk"));
}

#[test]
fn markers_alone_make_no_server() {
    let report = Archive::new().with("s/", 0).with("s/base/", 0).with("s/wals/", 0).report();

    assert!(report.servers.is_empty());
    assert_eq!(report.objects, 3);
}

/// A done backup of these segments that ended on this day of the month.
fn backup(archive: Archive, day: u32, begin: &str, end: &str) -> Archive {
    let text = info("DONE", &format!("11-{day:02} 02:00:00"), &format!("11-{day:02} 02:10:00"))
        .replace("begin_wal=000000010000000000000004", &format!("begin_wal={begin}"))
        .replace("end_wal=000000010000000000000004", &format!("end_wal={end}"))
        .replace("end_xlog=0/4000100", &format!("end_xlog=0/{}000100", &end[22..]));
    archive
        .with_file(&format!("s/base/202611{day:02}T020000/backup.info"), &text)
        .with(&format!("s/base/202611{day:02}T020000/data.tar"), 5)
}

/// Segments of one timeline, by number.
fn wal(archive: Archive, timeline: u32, numbers: impl IntoIterator<Item = u32>) -> Archive {
    numbers.into_iter().fold(archive, |archive, number| {
        archive.with(
            &format!("s/wals/{timeline:08X}00000000/{timeline:08X}00000000{number:08X}.gz"),
            9,
        )
    })
}

/// The verdict on each backup, its reach, and what is missing: a line each.
fn judgement(archive: &Archive) -> String {
    let server = archive.server();
    let mut lines: Vec<String> = Vec::new();
    for (id, one) in &server.recovery.verdict.backups {
        let reach = one.reach.map_or("nothing".to_owned(), |segment| segment.to_string());
        let default = if one.default_target_works { "" } else { ", not by default" };
        lines.push(format!("{id}: {:?}, reaches {reach}{default}", one.verdict));
    }
    let current = server.recovery.verdict.current_timeline.map(|timeline| timeline.0);
    let (gaps, missing) = server.recovery.gaps().unwrap_or_default();
    let obsolete = server.recovery.obsolete_segments();
    let histories: Vec<_> = server.recovery.histories_missing.iter().map(|id| id.0).collect();
    lines.push(format!(
        "timeline {current:?}, {gaps} gaps of {missing}, obsolete {obsolete:?}, histories missing {histories:?}"
    ));
    lines.join("\n")
}

const TO_TIMELINE_2_IN_6: &str = "1\t0/6000080\tfailover\n";

#[test]
fn a_whole_archive_is_recoverable() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 5)), 1, 4..=9);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000009
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn wal_from_before_the_first_backup_is_obsolete_and_holes_in_it_are_none() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, [1, 3, 4, 5]);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000005
    timeline Some(1), 0 gaps of 0, obsolete Some(2), histories missing []
    ");
}

#[test]
fn a_gap_after_its_end_limits_a_backup_and_leaves_later_ones_alone() {
    let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4));
    let archive = backup(archive, 12, &seg(1, 8), &seg(1, 8));
    let archive = wal(archive, 1, [4, 5, 7, 8, 9]);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Consistent(MissingSegment(SegmentName { timeline: TimelineId(1), log: 0, segment: 6 })), reaches 000000010000000000000005
    20261112T020000: Recoverable, reaches 000000010000000000000009
    timeline Some(1), 1 gaps of 1, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_gap_inside_a_backup_breaks_it() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 6)), 1, [4, 6, 7]);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Broken(MissingSegment(SegmentName { timeline: TimelineId(1), log: 0, segment: 5 })), reaches 000000010000000000000004
    timeline None, 1 gaps of 1, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_backup_whose_end_has_not_arrived_waits() {
    let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 5));
    let archive = wal(archive, 1, [3, 4]);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Waiting(SegmentName { timeline: TimelineId(1), log: 0, segment: 5 }), reaches 000000010000000000000004
    timeline None, 0 gaps of 0, obsolete Some(1), histories missing []
    ");
    assert_eq!(archive.server().waiting_since(), Some(moment("2026-11-10T02:10:00Z")));
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
fn wal_on_a_timeline_without_its_history_file_cannot_be_reached() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=5);
    let archive = wal(archive, 2, 6..=8);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Consistent(MissingHistory(TimelineId(2))), reaches 000000010000000000000005
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing [2]
    ");
}

#[test]
fn a_timeline_is_passed_through_without_its_history_file_but_is_no_target() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=5);
    let history = "1\t0/6000050\ta\n2\t0/8000050\tb\n";
    let archive =
        wal(wal(archive, 2, 6..=7), 3, 8..=9).with_file("s/wals/00000003.history", history);

    let server = archive.server();

    let (_, verdict) = server.recovery.verdict.backups.first_key_value().unwrap();
    assert_eq!(verdict.verdict, Verdict::Recoverable);
    assert!(verdict.follow.keys().map(|timeline| timeline.0).eq([1, 3]), "{:?}", verdict.follow);
}

#[test]
fn a_missing_first_segment_of_a_timeline_is_a_gap_that_a_partial_does_not_fill() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=5);
    let archive = wal(archive, 2, 7..=8)
        .with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6)
        .with("s/wals/0000000100000000/000000010000000000000006.partial.gz", 5);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Consistent(MissingSegment(SegmentName { timeline: TimelineId(2), log: 0, segment: 6 })), reaches 000000010000000000000005
    timeline Some(2), 1 gaps of 1, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_dead_branch_behind_a_switch_is_neither_gap_nor_path() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, [4, 5, 6, 7, 9]);
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
fn a_stray_history_file_breaks_restores_with_default_settings_only() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 8), &seg(1, 8)), 1, 8..=9);
    let archive = archive.with_file("s/wals/00000002.history", TO_TIMELINE_2_IN_6);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Recoverable, reaches 000000010000000000000009, not by default
    timeline Some(1), 0 gaps of 0, obsolete Some(0), histories missing []
    ");
}

#[test]
fn a_restored_cluster_begins_at_timeline_4_without_its_ancestors() {
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
    let archive = wal(backup(archive, 12, &seg(1, 8), &seg(1, 8)), 1, [1, 2, 3, 4, 7, 8, 9]);

    insta::assert_snapshot!(judgement(&archive), @r"
    20261110T020000: Consistent(MissingSegment(SegmentName { timeline: TimelineId(1), log: 0, segment: 5 })), reaches 000000010000000000000004
    20261112T020000: Recoverable, reaches 000000010000000000000009
    timeline Some(1), 0 gaps of 0, obsolete Some(3), histories missing []
    ");
}

#[test]
fn a_backup_that_ends_on_a_boundary_does_not_need_the_segment_that_it_names() {
    let text = done().replace("end_xlog=0/4000100", "end_xlog=0/5000000");
    let archive = Archive::new()
        .with_file(
            "s/base/1/backup.info",
            &text.replace("end_wal=000000010000000000000004", "end_wal=000000010000000000000005"),
        )
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
        .with_at("s/wals/0000000200000000/000000020000000000000007.gz", 9, "2026-11-15T11:58:00Z");

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
    let old = archive().with_at(newest, 9, "2026-11-15T11:45:00Z");
    insta::assert_snapshot!(judgement(&old), @r"
    20261110T020000: Consistent(MissingSegment(SegmentName { timeline: TimelineId(1), log: 0, segment: 6 })), reaches 000000010000000000000005
    timeline Some(1), 1 gaps of 1, obsolete Some(0), histories missing []
    ");
}

fn seg(timeline: u32, number: u32) -> String {
    format!("{timeline:08X}00000000{number:08X}")
}

proptest::proptest! {
    #[test]
    fn prefixes_add_up_to_everything_whatever_the_keys(
        keys in proptest::collection::btree_map(
            "(s|t|/|a b/)?(base/|wals/|x/|)(0000000100000000/|1/|)(backup.info|data.tar|00000001000000000000000[1-4](.gz|.partial|.gz.tmp)?|)/?",
            0_u64..1000, 0..40),
        some_are_expected: bool,
    ) {
        let archive = keys.iter().fold(Archive::new(), |archive, (key, size)| archive.with(key, *size));
        let archive = if some_are_expected { archive.expecting(&["s", "nowhere"]) } else { archive };

        let report = archive.report();

        let bytes: u64 = report.prefixes.iter().map(|one| one.sums.bytes).sum();
        let objects: u64 = report.prefixes.iter().map(|one| one.sums.objects).sum();
        proptest::prop_assert_eq!(bytes, keys.values().sum::<u64>());
        proptest::prop_assert_eq!(objects, keys.len() as u64);
        proptest::prop_assert_eq!(objects, report.objects);
        for server in report.servers.values() {
            let wal = server.wal.timelines.values().map(|one| one.stored.objects).sum::<u64>();
            let segments = server.wal.objects.get(&WalObjectKind::Segment);
            proptest::prop_assert_eq!(wal, segments.map_or(0, |sums| sums.objects));
        }
    }
}
