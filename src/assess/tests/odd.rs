//! Names of anomalies and other problems.

use chrono::TimeDelta;

use super::recovery::{backup, seg, wal};
use super::{Archive, anomaly, done, moment};
use crate::assess::oddities;
use crate::report::{Oddity, UploadFinding, WalAnomaly};

const DIRECTORY: &str = "s/wals/0000000100000000";

fn names(archive: &Archive, kind: WalAnomaly) -> Vec<String> {
    let odd = archive.server().wal.odd;
    odd.get(&kind)
        .into_iter()
        .flat_map(|names| names.iter().map(str::to_owned))
        .collect()
}

#[test]
fn odd_wal_is_named() {
    let archive = wal(backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)), 1, 4..=9)
        .with("s/wals/notes.txt", 5)
        .with(&format!("{DIRECTORY}/{}.gz.tmp", seg(1, 7)), 5)
        .with(&format!("s/wals/{}.gz", seg(1, 8)), 5)
        .with(&format!("{DIRECTORY}/{}.zst", seg(1, 9)), 5)
        .with(&format!("{DIRECTORY}/{}", seg(1, 10)), 0)
        .with_at(
            &format!("{DIRECTORY}/{}.gz", seg(1, 11)),
            9,
            "2026-11-15T09:00:00Z",
        )
        .with(&format!("{DIRECTORY}/{}.gz", seg(1, 12)), 9);

    let foreign = [
        format!("{DIRECTORY}/{}.gz.tmp", seg(1, 7)),
        "s/wals/notes.txt".to_owned(),
    ];
    assert_eq!(names(&archive, WalAnomaly::Foreign), foreign);
    assert_eq!(
        names(&archive, WalAnomaly::Misplaced),
        [format!("s/wals/{}.gz", seg(1, 8))]
    );
    assert_eq!(names(&archive, WalAnomaly::Duplicate), [seg(1, 9)]);
    assert_eq!(names(&archive, WalAnomaly::Size), [seg(1, 10)]);
    assert_eq!(names(&archive, WalAnomaly::Overwritten), [seg(1, 11)]);
}

#[test]
fn of_much_that_is_odd_some_is_named_and_all_is_counted() {
    let archive = (0..50).fold(Archive::new(), |archive, number| {
        archive.with(&format!("s/wals/notes-{number:02}"), 1)
    });

    assert_eq!(names(&archive, WalAnomaly::Foreign).len(), 20);
    assert_eq!(anomaly(&archive.server(), WalAnomaly::Foreign), 50);
}

#[test]
fn a_compressed_segment_larger_than_any_can_be_is_wrong() {
    let archive = |bytes: u64| {
        let archive = backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4));
        wal(archive, 1, [4, 6]).with(&format!("{DIRECTORY}/{}.gz", seg(1, 5)), bytes)
    };
    // Incompressible data gets a little larger; by Snappy's bound, a sixth.
    let most = (16 << 20) + (16 << 20) / 6 + (1 << 16);

    assert_eq!(anomaly(&archive(most).server(), WalAnomaly::Size), 0);
    assert_eq!(archive(most).server().newest_is_recoverable(), Some(true));
    assert_eq!(anomaly(&archive(most + 1).server(), WalAnomaly::Size), 1);
    assert_eq!(names(&archive(most + 1), WalAnomaly::Size), [seg(1, 5)]);
    assert_eq!(
        archive(most + 1).server().newest_is_recoverable(),
        Some(false)
    );
}

#[test]
fn a_large_segment_of_a_cluster_with_large_segments_is_right() {
    let archive = Archive::new()
        .with_backup_info("1", &done().with("xlog_segment_size", 67_108_864))
        .with("s/base/1/data.tar", 5)
        .with(&format!("{DIRECTORY}/{}.gz", seg(1, 4)), 60 << 20);

    assert_eq!(anomaly(&archive.server(), WalAnomaly::Size), 0);
}

#[test]
fn the_missing_data_of_a_backup_are_named() {
    let tablespaces = "[('fast', 16411, '/x'), ('slow', 7, '/y')]";
    let archive = Archive::new()
        .with_backup_info("1", &done().with("tablespaces", tablespaces))
        .with("s/base/1/data.tar.gz", 5)
        .with("s/base/1/data_0002.tar.gz", 5)
        .with("s/base/1/7.tar", 5);

    let missing: Vec<String> = archive.server().backups[0]
        .missing_data
        .iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(missing, ["16411.tar", "data_0001.tar"]);
}

#[test]
fn only_what_is_new_is_another_oddity() {
    let before = Archive::new()
        .with("s/wals/notes", 1)
        .with("s/base/1/data.tar", 1);
    let mut after = before.clone().with("s/wals/more-notes", 1);
    let upload = |key: &str, begun: &str| {
        let mut made = Archive::new().with_upload(key, 1).uploads.remove(0);
        made.upload.initiated_at = Some(moment(begun));
        made
    };
    let uploads: Vec<UploadFinding> = vec![
        upload("s/base/2/data.tar", "2026-11-15T11:00:00Z"),
        upload("s/base/0/data.tar", "2026-11-01T11:00:00Z"),
    ];
    after.uploads = uploads;
    let now = moment("2026-11-15T12:00:00Z");

    let (known, found) = (
        oddities(&before.report(), now),
        oddities(&after.report(), now),
    );

    let shown = |oddity: &Oddity| format!("{} {} {}", oddity.server, oddity.kind, oddity.name);
    let new: Vec<_> = found.difference(&known).map(shown).collect();
    assert_eq!(
        new,
        [
            "s foreign s/wals/more-notes",
            "s unfinished_upload s/base/0/data.tar"
        ]
    );
    let earlier = now - TimeDelta::days(13);
    assert_eq!(
        oddities(&after.report(), earlier).len(),
        2,
        "not old by then"
    );
}
