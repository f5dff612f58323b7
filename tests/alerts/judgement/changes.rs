//! Changes that can happen to a server, one at a time.

use chrono::TimeDelta;

use super::made::{LAST_SEGMENT, Made, arrival, backup_key, info, now, segment, wal_key};

/// One change to a server.
pub(super) type Change = fn(&mut Made);

/// All changes, by name.
pub(super) const CHANGES: [(&str, Change); 48] = [
    ("healthy", |_| {}),
    ("never", |made| made.objects.clear()),
    ("no-backup", |made| made.remove("base/")),
    ("first-under-way", |made| {
        made.remove("base/");
        running(made, TimeDelta::minutes(20));
    }),
    ("first-not-due", |made| {
        made.remove("base/");
        made.schedule = Some("0 0 2 1 1 *");
    }),
    ("under-way", |made| running(made, TimeDelta::minutes(20))),
    ("stuck", |made| running(made, TimeDelta::hours(5))),
    ("failed", |made| {
        let at = now() - TimeDelta::hours(3);
        made.put_file("base/failed/backup.info", &info("FAILED", at, &segment(1, 34), ""), at);
    }),
    ("failed-before", |made| {
        let at = now() - TimeDelta::days(3);
        made.put_file("base/failed/backup.info", &info("FAILED", at, &segment(1, 20), ""), at);
    }),
    ("no-data", |made| made.remove(&backup_key(2, "data.tar"))),
    ("no-info", |made| made.remove(&backup_key(4, "backup.info"))),
    ("senseless-info", |made| {
        made.change(&backup_key(1, "backup.info"), |object| object.content = Some("x".into()));
    }),
    ("all-refused", |made| made.change("", |object| object.is_refused = true)),
    ("infos-refused", |made| made.change("backup.info", |object| object.is_refused = true)),
    ("newest-refused", |made| {
        made.change(&backup_key(4, "backup.info"), |object| object.is_refused = true);
    }),
    ("oldest-refused", |made| {
        made.change(&backup_key(0, "backup.info"), |object| object.is_refused = true);
    }),
    ("history-refused", |made| {
        failover(made);
        made.change(".history", |object| object.is_refused = true);
    }),
    ("keep-refused", |made| {
        keep(made, "full");
        made.change("/keep", |object| object.is_refused = true);
    }),
    ("gap", |made| made.remove(&wal_key(1, 32))),
    ("old-gap", |made| made.remove(&wal_key(1, 12))),
    ("newest-broken", |made| made.remove(&wal_key(1, 28))),
    ("older-broken", |made| made.remove(&wal_key(1, 16))),
    ("waiting", |made| waiting(made, TimeDelta::minutes(45))),
    ("waiting-for-moments", |made| waiting(made, TimeDelta::minutes(15))),
    ("waiting-for-long", |made| waiting(made, TimeDelta::hours(3))),
    ("failover", failover),
    ("history-missing", |made| {
        failover(made);
        made.remove(".history");
    }),
    ("history-senseless", |made| {
        failover(made);
        made.change(".history", |object| object.content = Some("x".into()));
    }),
    ("stray-history", |made| history(made, 10)),
    ("stray-wal", |made| {
        history(made, 10);
        made.put(&wal_key(2, 11), 1000, now() - TimeDelta::hours(1));
    }),
    ("shrank", |made| made.edit(&backup_key(4, ""), "cluster_size=1000000", "cluster_size=9")),
    ("too-few", |made| made.policy = Some("REDUNDANCY 9")),
    ("enough", |made| made.policy = Some("REDUNDANCY 5")),
    ("minimum", |made| made.minimum = Some(7)),
    ("retention-stuck", |made| made.policy = Some("REDUNDANCY 1")),
    ("window", |made| made.policy = Some("7d")),
    ("window-short", |made| {
        made.policy = Some("4d");
        made.remove(&wal_key(1, 26));
    }),
    ("too-old", |made| made.policy = Some("RECOVERY WINDOW OF 1 DAY")),
    ("retention-fails", |made| made.policy = Some("RECOVERY WINDOW OF 999999 DAYS")),
    ("overdue", |made| made.schedule = Some("0 0 9 * * *")),
    ("overdue-twice", |made| {
        made.schedule = Some("0 0 2 * * *");
        made.remove(&backup_key(4, ""));
        made.remove(&backup_key(3, ""));
    }),
    ("contradicted", |made| made.schedule = Some("0 0 2 * * 1")),
    ("odd-wal", |made| {
        made.put("wals/notes.txt", 5, now());
        made.put(&format!("wals/{}.gz", segment(1, 30)), 5, now());
    }),
    ("wrong-size", |made| made.change(&wal_key(1, 33), |object| object.bytes = 0)),
    ("twice", |made| {
        made.put(&wal_key(1, 30).replace(".gz", ".bz2"), 900, arrival(30));
        made.change(&wal_key(1, 20), |object| object.at = now());
    }),
    ("old-uploads", |made| {
        made.uploads.push(("base/20261101T020000/data.tar".into(), now() - TimeDelta::days(3)));
    }),
    ("cold", |made| made.change(&backup_key(1, "data"), |object| object.class = Some("GLACIER"))),
    ("shared", |made| {
        made.edit(&backup_key(0, ""), "systemid=7", "systemid=8");
    }),
];

/// Changes that make a different server of it, and are not combined with others.
pub(super) const ALONE: [(&str, Change); 4] = [
    ("orphan", |made| made.is_orphan = true),
    ("cold-newest", |made| {
        made.change(&backup_key(4, "data"), |object| object.class = Some("DEEP_ARCHIVE"));
    }),
    ("cold-wal", |made| made.change("wals/", |object| object.class = Some("GLACIER"))),
    ("obsolete-wal", |made| {
        for number in 1..=640 {
            let (log, low) = (number / 256, number % 256);
            let name = format!("00000001{log:08X}{low:08X}");
            made.put(&format!("wals/00000001{log:08X}/{name}"), 16 << 20, now());
        }
        made.remove("base/");
        let text = info("DONE", now() - TimeDelta::hours(1), &segment(1, 0x80), "");
        let text = text.replace(&segment(1, 0x80), "000000010000000300000000");
        let text = text.replace("end_xlog=0/80000100", "end_xlog=3/100");
        made.put_backup(4, &text, now() - TimeDelta::hours(1));
        made.put("wals/0000000100000003/000000010000000300000000", 16 << 20, now());
    }),
];

fn running(made: &mut Made, age: TimeDelta) {
    let at = now() - age;
    let text = info("STARTED", at, &segment(1, LAST_SEGMENT), "");
    let text: Vec<_> = text.lines().filter(|line| !line.starts_with("end_")).collect();
    made.put_file("base/running/backup.info", &text.join("\n"), at);
}

/// Adds a newest backup whose WAL has not arrived since it ended.
fn waiting(made: &mut Made, age: TimeDelta) {
    let began_at = now() - age - TimeDelta::minutes(10);
    let text = info("DONE", began_at, &segment(1, LAST_SEGMENT + 1), "");
    made.put_file("base/waiting/backup.info", &text, now() - age);
    made.put("base/waiting/data.tar", 5000, now() - age);
}

/// Lets timeline 2 take over in the third segment from the end.
fn failover(made: &mut Made) {
    history(made, LAST_SEGMENT - 2);
    for number in LAST_SEGMENT - 2..=LAST_SEGMENT {
        made.remove(&wal_key(1, number));
        made.put(&wal_key(2, number), 1000, arrival(number));
    }
}

fn history(made: &mut Made, number: u32) {
    let text = format!("1\t0/{number:X}000080\tno recovery target specified\n");
    made.put_file("wals/00000002.history", &text, arrival(number));
}

fn keep(made: &mut Made, target: &str) {
    made.put_file(&backup_key(0, "annotations/keep"), target, arrival(10));
}
