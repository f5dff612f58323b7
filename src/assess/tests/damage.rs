//! Objects that cannot be read, at once or ever, and backups that build on others.

use barman_archive::inventory::StorageClass;
use barman_archive::recovery::{Obstacle, Target, Verdict};

use super::clusters::{segment, wal_at};
use super::recovery::{backup, seg, wal};
use super::{Archive, ListedObject, object};

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
        assert_eq!(
            verdict.verdict,
            Verdict::Consistent(obstacle),
            "{ending} {bytes}"
        );
        assert!(!verdict.default_target_works);
        assert_eq!(server.recovery.gaps(), Some((1, 1)));
        let server = own.server();
        let verdict = &server.recovery.verdict.backups["20261110T020000"].verdict;
        assert_eq!(
            verdict,
            &Verdict::Broken(Obstacle::WrongSize(segment(1, 4)))
        );
    }
}

#[test]
fn an_empty_object_that_cannot_be_decompressed_is_missing() {
    let archive = wal(
        backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
        1,
        [4, 6],
    )
    .with(&format!("s/wals/0000000100000000/{}.bz2", seg(1, 5)), 0);

    let verdict = &archive.server().recovery.verdict.backups["20261110T020000"];
    let missing = Obstacle::MissingSegment(segment(1, 5));
    assert_eq!(verdict.verdict, Verdict::Consistent(missing));
    assert!(verdict.default_target_works);
}

fn cold(key: &str) -> ListedObject {
    let class = Some(StorageClass::of("GLACIER"));
    ListedObject {
        storage_class: class,
        ..object(key, 9, "2026-11-15T03:00:00Z")
    }
}

#[test]
fn objects_in_cold_storage_block_a_restore_and_cover_nothing() {
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
        (
            later,
            Verdict::Consistent(Obstacle::ColdSegment(segment(1, 6))),
        ),
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
        let text = super::done().with("parent_backup_id", id);
        archive
            .with_backup_info("20261115T020000", &text)
            .with("s/base/20261115T020000/data.tar", 5)
    };
    let full = backup(Archive::new(), 10, &seg(1, 2), &seg(1, 2));
    let whole = wal(parent(full.clone(), "20261110T020000"), 1, 2..=5);
    let broken = wal(parent(full, "20261109T020000"), 1, 2..=5);

    let verdict = |archive: &Archive| {
        archive.server().recovery.verdict.backups["20261115T020000"]
            .verdict
            .clone()
    };
    assert_eq!(verdict(&whole), Verdict::Recoverable);
    let missing = Obstacle::Parent {
        backup: "20261109T020000".to_owned(),
    };
    assert_eq!(verdict(&broken), Verdict::Broken(missing));
    let objects = whole
        .server()
        .recovery
        .restore
        .unwrap()
        .objects
        .sums
        .objects;
    assert_eq!(objects, 2 + 2 + 2, "both backups and two segments");
}

#[test]
fn of_a_segment_under_two_endings_a_restore_is_given_the_first() {
    let whole = || {
        wal(
            backup(Archive::new(), 10, &seg(1, 4), &seg(1, 4)),
            1,
            [4, 6],
        )
    };
    let key = format!("s/wals/0000000100000000/{}", seg(1, 5));
    let bad_first = whole().with(&key, 100).with(&format!("{key}.gz"), 9);
    let bad_last = whole()
        .with(&format!("{key}.gz"), 9)
        .with(&format!("{key}.zst"), 0);

    let verdict = |archive: &Archive| {
        archive.server().recovery.verdict.backups["20261110T020000"]
            .verdict
            .clone()
    };
    assert_eq!(
        verdict(&bad_first),
        Verdict::Consistent(Obstacle::WrongSize(segment(1, 5)))
    );
    assert_eq!(verdict(&bad_last), Verdict::Recoverable);
}

#[test]
fn a_cold_segment_of_a_later_timeline_blocks_only_that_one() {
    let archive = backup(Archive::new(), 10, &seg(1, 6), &seg(1, 6))
        .with_file("s/wals/00000002.history", "1\t0/6000180\tfailover\n")
        .with(
            &format!("s/wals/0000000100000000/{}.partial.gz", seg(1, 6)),
            9,
        );
    let archive = archive.with_object(&cold(&format!("s/wals/0000000200000000/{}.gz", seg(2, 6))));
    let server = wal_at(archive, 2, &[7], "2026-11-15T09:00:00Z").server();

    let backup = &server.recovery.verdict.backups["20261110T020000"];
    let works: Vec<_> = backup
        .follow
        .iter()
        .filter(|followed| followed.works())
        .collect();
    assert_eq!(works.len(), 2, "{works:?}");
    assert_eq!(backup.works_with, Some(Target::Current));
    assert!(!backup.default_target_works);
    let obstacle = Obstacle::ColdSegment(segment(2, 6));
    assert_eq!(backup.verdict, Verdict::Consistent(obstacle));
    assert_eq!(backup.thawed, Verdict::Recoverable);
}
