//! Changes that can happen to a server, one at a time.

use std::collections::BTreeSet;

use barman_archive::postgres::{Lsn, SegmentName};
use barman_cloud_exporter::evidence::{ContentVerdict, Depth, FaultKind, Level};
use barman_cloud_exporter::report::{BackupContents, FaultyBackup, FaultySegment};
use chrono::{DateTime, TimeDelta, Utc};

use super::archives::{
    DAILY_BYTES, LAST_SEGMENT, ServerObjects, arrival, backup_key, info, now, segment, wal_key,
};

/// Change to a server.
pub(super) type Change = fn(&mut ServerObjects);

/// All changes, by name.
pub(super) const CHANGES: [(&str, Change); 66] = [
    ("healthy", |_| {}),
    ("never", |server| server.objects.clear()),
    ("no-backup", |server| server.remove("base/")),
    ("first-under-way", |server| {
        server.remove("base/");
        running(server, TimeDelta::minutes(20));
    }),
    ("first-not-due", |server| {
        server.remove("base/");
        server.schedule = Some("0 0 2 1 1 *");
    }),
    ("under-way", |server| {
        running(server, TimeDelta::minutes(20));
    }),
    ("stuck", |server| running(server, TimeDelta::hours(5))),
    ("failed", |server| {
        let at = now() - TimeDelta::hours(3);
        server.put_file(
            "base/failed/backup.info",
            &info("FAILED", at, &segment(1, 34), ""),
            at,
        );
    }),
    ("failed-before", |server| {
        let at = now() - TimeDelta::days(3);
        server.put_file(
            "base/failed/backup.info",
            &info("FAILED", at, &segment(1, 20), ""),
            at,
        );
    }),
    ("no-data", |server| {
        server.remove(&backup_key(2, "data.tar"));
    }),
    ("no-info", |server| {
        server.remove(&backup_key(4, "backup.info"));
    }),
    ("senseless-info", |server| {
        server.change(&backup_key(1, "backup.info"), |object| {
            object.content = Some("x".into());
        });
    }),
    ("all-refused", |server| {
        server.change("", |object| object.is_refused = true);
    }),
    ("infos-refused", |server| {
        server.change("backup.info", |object| object.is_refused = true);
    }),
    ("newest-refused", |server| {
        server.change(&backup_key(4, "backup.info"), |object| {
            object.is_refused = true;
        });
    }),
    ("oldest-refused", |server| {
        server.change(&backup_key(0, "backup.info"), |object| {
            object.is_refused = true;
        });
    }),
    ("history-refused", |server| {
        failover(server);
        server.change(".history", |object| object.is_refused = true);
    }),
    ("keep-refused", |server| {
        keep(server, "full");
        server.change("/keep", |object| object.is_refused = true);
    }),
    ("gap", |server| server.remove(&wal_key(1, 32))),
    ("old-gap", |server| server.remove(&wal_key(1, 12))),
    ("newest-broken", |server| server.remove(&wal_key(1, 28))),
    ("older-broken", |server| server.remove(&wal_key(1, 16))),
    ("waiting", |server| waiting(server, TimeDelta::minutes(45))),
    ("waiting-for-moments", |server| {
        waiting(server, TimeDelta::minutes(15));
    }),
    ("waiting-for-long", |server| {
        waiting(server, TimeDelta::hours(3));
    }),
    ("failover", failover),
    ("history-missing", |server| {
        failover(server);
        server.remove(".history");
    }),
    ("history-senseless", |server| {
        failover(server);
        server.change(".history", |object| object.content = Some("x".into()));
    }),
    ("stray-history", |server| history(server, 10)),
    ("stray-wal", |server| {
        history(server, 10);
        server.put(&wal_key(2, 11), 1000, now() - TimeDelta::hours(1));
    }),
    ("shrank", |server| {
        server.edit(&backup_key(4, ""), "cluster_size=1000000", "cluster_size=9");
    }),
    ("too-few", |server| server.policy = Some("REDUNDANCY 9")),
    ("enough", |server| server.policy = Some("REDUNDANCY 5")),
    ("minimum", |server| server.minimum = Some(7)),
    ("retention-stuck", |server| {
        server.policy = Some("REDUNDANCY 1");
    }),
    ("window", |server| server.policy = Some("7d")),
    ("window-short", |server| {
        server.policy = Some("4d");
        server.remove(&wal_key(1, 26));
    }),
    ("too-old", |server| {
        server.policy = Some("RECOVERY WINDOW OF 1 DAY");
    }),
    ("retention-fails", |server| {
        server.policy = Some("RECOVERY WINDOW OF 999999 DAYS");
    }),
    ("overdue", |server| server.schedule = Some("0 0 9 * * *")),
    ("overdue-twice", |server| {
        server.schedule = Some("0 0 2 * * *");
        server.remove(&backup_key(4, ""));
        server.remove(&backup_key(3, ""));
    }),
    ("contradicted", |server| {
        server.schedule = Some("0 0 2 * * 1");
    }),
    ("odd-wal", |server| {
        server.put("wals/notes.txt", 5, now());
        server.put(&format!("wals/{}.gz", segment(1, 30)), 5, now());
    }),
    ("wrong-size", |server| {
        server.change(&wal_key(1, 33), |object| object.bytes = 0);
    }),
    ("twice", |server| {
        server.put(&wal_key(1, 30).replace(".gz", ".bz2"), 900, arrival(30));
        server.change(&wal_key(1, 20), |object| object.at = now());
    }),
    ("old-uploads", |server| {
        server.uploads.push((
            "base/20261101T020000/data.tar".into(),
            now() - TimeDelta::days(3),
        ));
    }),
    ("cold", |server| {
        server.change(&backup_key(1, "data"), |object| {
            object.class = Some("GLACIER");
        });
    }),
    ("shared", |server| {
        server.edit(&backup_key(0, ""), "systemid=7", "systemid=8");
    }),
    ("verified", |server| {
        let _ = server.contents();
    }),
    ("corrupt-wal", |server| {
        let contents = server.contents();
        contents.wal.corrupt = 1;
        contents.corrupt_wal = vec![faulty_segment()];
    }),
    ("suspect-wal", |server| {
        let contents = server.contents();
        contents.wal.suspect = 1;
        contents.suspect_wal = vec![faulty_segment()];
    }),
    ("corrupt-backup", |server| {
        let backup = faulty_backup(server, ContentVerdict::Corrupt);
        let contents = server.contents();
        contents.base.corrupt = 1;
        contents.corrupt_backups.push(backup);
    }),
    ("suspect-backup", |server| {
        let backup = faulty_backup(server, ContentVerdict::Suspect);
        let contents = server.contents();
        contents.base.suspect = 1;
        contents.suspect_backups.push(backup);
    }),
    ("unreadable-contents", |server| {
        let contents = server.contents();
        contents.wal.unreadable = 1;
        contents.unreadable.insert(FaultKind::Refused);
    }),
    ("proof-behind", |server| {
        proof_ends(server, arrival(LAST_SEGMENT) - TimeDelta::days(9));
    }),
    ("proof-near", |server| {
        proof_ends(server, arrival(LAST_SEGMENT) - TimeDelta::days(7));
    }),
    ("proof-behind-for-moments", |server| {
        proof_ends(server, arrival(LAST_SEGMENT) - TimeDelta::days(30));
        if let Some(proof) = &mut server.contents().proof {
            proof.next_arrived_at = Some(arrival(LAST_SEGMENT));
        }
    }),
    ("proof-behind-for-long", |server| {
        proof_ends(server, arrival(LAST_SEGMENT) - TimeDelta::days(30));
        if let Some(proof) = &mut server.contents().proof {
            proof.next_arrived_at = Some(now() - TimeDelta::days(9));
        }
    }),
    ("proof-of-unknown-arrival", |server| {
        old_backup(server);
        if let Some(proof) = &mut server.contents().proof {
            proof.arrived_at = None;
        }
    }),
    ("proof-below-full", |server| {
        old_backup(server);
        let contents = server.contents();
        contents.level = Level::Wal;
        contents.proof = None;
    }),
    ("no-proof", |server| {
        old_backup(server);
        server.contents().proof = None;
    }),
    ("no-proof-yet", |server| {
        old_backup(server);
        let contents = server.contents();
        contents.proof = None;
        contents.since = now() - TimeDelta::days(7);
    }),
    ("verification-stalled", |server| overdue(server, 25)),
    ("verification-late", |server| overdue(server, 23)),
    ("verification-behind", |server| {
        server.contents().backlog_bytes = DAILY_BYTES * 7 + 1;
    }),
    ("backup-unaffordable", |server| {
        let contents = server.contents();
        contents.backlog_bytes = DAILY_BYTES * 7;
        contents.unaffordable.add("20261110T020000");
    }),
];

fn faulty_segment() -> FaultySegment {
    FaultySegment {
        segment: SegmentName::parse(&segment(1, 20)).unwrap(),
        kind: FaultKind::Record,
        ends_at: Some(Lsn(0x1400_0A28)),
    }
}

/// Adds evidence of a fault of a backup.
fn faulty_backup(server: &mut ServerObjects, verdict: ContentVerdict) -> FaultyBackup {
    let id = "20261112T020000".to_owned();
    let faults: BTreeSet<_> = ["pages".to_owned()].into();
    let known = BackupContents {
        depth: Depth::Whole,
        verdict,
        is_unconfirmed: false,
        read_at: now(),
        pages: None,
        faults: faults.clone(),
        unproven: BTreeSet::new(),
    };
    server.contents().backups.insert(id.clone(), known);
    FaultyBackup { id, faults }
}

/// Lets the proof of recovery end at a segment that arrived at a moment.
fn proof_ends(server: &mut ServerObjects, at: DateTime<Utc>) {
    if let Some(proof) = &mut server.contents().proof {
        proof.arrived_at = Some(at);
    }
}

/// Lets a read be overdue for this many hours.
fn overdue(server: &mut ServerObjects, hours: i64) {
    let contents = server.contents();
    contents.level = Level::Edges;
    contents.waits_since = Some(now() - TimeDelta::days(3));
    contents.due_at = Some(now() - TimeDelta::hours(hours));
}

/// Adds a backup that ended two weeks ago.
fn old_backup(server: &mut ServerObjects) {
    let at = now() - TimeDelta::days(14);
    let text = info("DONE", at, &segment(1, 3), "");
    server.put_file("base/20261101T120000/backup.info", &text, at);
    server.put("base/20261101T120000/data.tar", 5000, at);
}

/// Changes that make a different server of it, and are not combined with others.
pub(super) const ALONE: [(&str, Change); 4] = [
    ("orphan", |server| server.is_orphan = true),
    ("cold-newest", |server| {
        server.change(&backup_key(4, "data"), |object| {
            object.class = Some("DEEP_ARCHIVE");
        });
    }),
    ("cold-wal", |server| {
        server.change("wals/", |object| object.class = Some("GLACIER"));
    }),
    ("obsolete-wal", |server| {
        for number in 1..=640 {
            let (wal_dir, low) = (number / 256, number % 256);
            let name = format!("00000001{wal_dir:08X}{low:08X}");
            server.put(
                &format!("wals/00000001{wal_dir:08X}/{name}"),
                16 << 20,
                now(),
            );
        }
        server.remove("base/");
        let text = info("DONE", now() - TimeDelta::hours(1), &segment(1, 0x80), "");
        let text = text.replace(&segment(1, 0x80), "000000010000000300000000");
        let text = text.replace("end_xlog=0/80000100", "end_xlog=3/100");
        server.put_backup(4, &text, now() - TimeDelta::hours(1));
        server.put(
            "wals/0000000100000003/000000010000000300000000",
            16 << 20,
            now(),
        );
    }),
];

fn running(server: &mut ServerObjects, age: TimeDelta) {
    let at = now() - age;
    let text = info("STARTED", at, &segment(1, LAST_SEGMENT), "");
    let text: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("end_"))
        .collect();
    server.put_file("base/running/backup.info", &text.join("\n"), at);
}

/// Adds a newest backup whose WAL has not arrived since it ended.
fn waiting(server: &mut ServerObjects, age: TimeDelta) {
    let began_at = now() - age - TimeDelta::minutes(10);
    let text = info("DONE", began_at, &segment(1, LAST_SEGMENT + 1), "");
    server.put_file("base/waiting/backup.info", &text, now() - age);
    server.put("base/waiting/data.tar", 5000, now() - age);
}

/// Lets timeline 2 take over in the third segment from the end.
fn failover(server: &mut ServerObjects) {
    history(server, LAST_SEGMENT - 2);
    for number in LAST_SEGMENT - 2..=LAST_SEGMENT {
        server.remove(&wal_key(1, number));
        server.put(&wal_key(2, number), 1000, arrival(number));
    }
}

fn history(server: &mut ServerObjects, number: u32) {
    let text = format!("1\t0/{number:X}000080\tno recovery target specified\n");
    server.put_file("wals/00000002.history", &text, arrival(number));
}

fn keep(server: &mut ServerObjects, target: &str) {
    server.put_file(&backup_key(0, "annotations/keep"), target, arrival(10));
}
