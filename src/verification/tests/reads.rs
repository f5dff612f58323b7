//! What reads of sound and damaged objects show.

use std::time::Duration;

use archive_store::memory::MemoryStore;
use barman_archive::barman::Compression;
use barman_archive::recovery::{Obstacle, Verdict};

use chrono::TimeDelta;
use tokio::time::timeout;

use super::archive::{SEGMENT, backup, only_verdict};
use super::wal::gzip;
use super::world::{World, fixtures, put, settings};
use crate::evidence::{FaultKind, Level};
use crate::verification::VerificationSettings;

#[tokio::test]
async fn a_sound_backup_is_verified_and_its_recovery_proven() {
    let mut world = World::new(backup("good"), settings(Level::Full));

    let server = world.verify().await;

    let contents = server.contents.clone().unwrap();
    assert_eq!(contents.wal.whole, 1);
    assert_eq!((contents.wal.corrupt, contents.base.corrupt), (0, 0));
    assert_eq!(contents.backlog_bytes, 0);
    let verified = contents.verified.unwrap();
    assert_eq!(verified.id, "20261128T043154");
    assert_eq!(verified.pages.unwrap().corrupt, 0);
    assert!(verified.pages.unwrap().read > 0);
    let proof = contents.proof.unwrap();
    assert_eq!(proof.segment.to_string(), SEGMENT);
    assert!(proof.arrived_at.is_some());
    assert_eq!(only_verdict(&server), Verdict::Recoverable);
}

#[tokio::test]
async fn nothing_is_read_twice_without_need() {
    let mut world = World::new(backup("good"), settings(Level::Full));
    world.verify().await;
    let first = world.statistics.counts();

    world.verify().await;

    assert_eq!(world.statistics.counts(), first);
}

#[tokio::test]
async fn each_object_is_read_once_as_a_whole() {
    let mut at_edges = World::new(backup("good"), settings(Level::Edges));
    let mut world = World::new(backup("good"), settings(Level::Full));
    let whole = [
        "base/good/data.tar.gz",
        "base/wals/0000000100000000/000000010000000000000024.xz",
    ]
    .map(|file| std::fs::metadata(fixtures().join(file)).unwrap().len());

    at_edges.verify().await;
    world.verify().await;

    let edges = at_edges.statistics.counts().bytes;
    let read = world.statistics.counts().bytes;
    assert!(
        read <= edges + whole.iter().sum::<u64>(),
        "{read}, {edges} at the edges"
    );
}

#[tokio::test]
async fn what_was_deleted_since_the_scan_is_asked_for_once() {
    let mut world = World::new(backup("good"), settings(Level::Full));
    world.scan().await;
    let key = format!("s/wals/0000000100000000/{SEGMENT}.xz");
    world.store.remove(&key);
    let mut verifier = world.verifier();

    let end = timeout(Duration::from_secs(20), verifier.run_once()).await;

    assert!(end.is_ok(), "it does not end");
}

#[tokio::test]
async fn edges_are_looked_at_again_after_a_time() {
    let settings = VerificationSettings {
        reverify_after: Some(TimeDelta::days(30)),
        ..settings(Level::Edges)
    };
    let mut world = World::new(backup("good"), settings);
    world.verify().await;
    let first = world.statistics.counts();
    world.advance(TimeDelta::days(31));

    let verified = timeout(Duration::from_secs(20), world.verify()).await;

    assert!(verified.is_ok(), "it does not end");
    let second = world.statistics.counts();
    assert_eq!(second.requests, first.requests * 2);
}

#[tokio::test]
async fn damage_of_every_base_backup_is_found() {
    for (name, faults) in [
        ("control", "control_file"),
        ("flip-still", "pages"),
        ("gz-cut", "archive truncated"),
        ("no-label", "archive"),
    ] {
        let mut world = World::new(backup(name), settings(Level::Full));

        let server = world.verify().await;

        let contents = server.contents.clone().unwrap();
        assert_eq!(contents.verified, None, "{name}");
        assert_eq!(contents.proof, None, "{name}");
        let found: Vec<_> = contents.corrupt_backups[0].faults.iter().cloned().collect();
        assert_eq!(found.join(" "), faults, "{name}");
        let broken = Verdict::Broken(Obstacle::CorruptData);
        assert_eq!(only_verdict(&server), broken, "{name}");
    }
}

#[tokio::test]
async fn what_is_harmless_is_not_called_corrupt() {
    for name in [
        "good",
        "flip-rewritten-by-wal",
        "unlogged",
        "zero-page-not-seen",
    ] {
        let mut world = World::new(backup(name), settings(Level::Full));

        let server = world.verify().await;

        let contents = server.contents.clone().unwrap();
        assert!(contents.corrupt_backups.is_empty(), "{name}");
        assert!(contents.suspect_backups.is_empty(), "{name}");
        assert!(contents.verified.is_some(), "{name}");
        assert_eq!(only_verdict(&server), Verdict::Recoverable, "{name}");
    }
}

#[tokio::test]
async fn a_flipped_bit_of_wal_ends_replay() {
    let store = backup("good");
    let plain = super::archive::plain_segment();
    let mut damaged = plain.clone();
    damaged[0x3000] ^= 1;
    let key = format!("s/wals/0000000100000000/{SEGMENT}");
    store.remove(&format!("{key}.xz"));
    store.put(&key, &damaged, super::world::start());
    let mut world = World::new(store, settings(Level::Wal));

    let server = world.verify().await;

    let contents = server.contents.clone().unwrap();
    assert_eq!(contents.wal.corrupt, 1);
    assert_eq!(contents.corrupt_wal[0].segment.to_string(), SEGMENT);
    assert_eq!(contents.corrupt_wal[0].kind, FaultKind::Record);
    let Verdict::Broken(Obstacle::CorruptSegment { segment, ends_at }) = only_verdict(&server)
    else {
        panic!("{:?}", only_verdict(&server));
    };
    assert_eq!(segment.to_string(), SEGMENT);
    assert!((0x240_0028..0x240_3000).contains(&ends_at.0), "{ends_at}");
}

#[tokio::test]
async fn every_damage_of_wal_is_found_behind_a_sound_segment() {
    for (folder, file, kind) in [
        ("cut-gzip", "gz", FaultKind::Truncated),
        ("cut-zstd", "zst", FaultKind::Truncated),
        ("flip-in-gzip", "gz", FaultKind::Codec),
        ("flip-in-zstd", "zst", FaultKind::Record),
        ("flip-recompressed", "xz", FaultKind::Record),
        ("foreign", "xz", FaultKind::Foreign),
        ("framed", "xz", FaultKind::OtherFormat),
        ("renamed", "xz", FaultKind::Misplaced),
        ("xz-named-gz", "gz", FaultKind::OtherFormat),
        ("zero-page", "xz", FaultKind::Zeros),
        ("zeros", "gz", FaultKind::Zeros),
    ] {
        let name = "000000010000000000000018";
        let store = MemoryStore::new(1000);
        let directory = "s/wals/0000000100000000";
        put(
            &store,
            &format!("{directory}/000000010000000000000017.xz"),
            "wal/good/000000010000000000000017.xz",
        );
        put(
            &store,
            &format!("{directory}/{name}.{file}"),
            &format!("wal/bad/{folder}/{name}.{file}"),
        );
        put(
            &store,
            &format!("{directory}/000000010000000000000019.xz"),
            "wal/good/000000010000000000000019.xz",
        );
        super::archive::put_backup_of_wal(&store);
        let mut world = World::new(store, settings(Level::Wal));

        let server = world.verify().await;

        let contents = server.contents.clone().unwrap();
        let found: Vec<_> = contents
            .corrupt_wal
            .iter()
            .map(|faulty| (faulty.segment.to_string(), faulty.kind))
            .collect();
        assert_eq!(found, [(name.to_owned(), kind)], "{folder}");
        assert_ne!(only_verdict(&server), Verdict::Recoverable, "{folder}");
    }
}

#[tokio::test]
async fn sound_wal_in_every_compression_is_called_sound() {
    for ending in ["bz2", "gz", "lz4", "snappy", "xz", "zst"] {
        let store = MemoryStore::new(1000);
        let directory = "s/wals/0000000100000000";
        let name = "000000010000000000000018";
        for (name, ending) in [
            ("000000010000000000000017", "xz"),
            (name, ending),
            ("000000010000000000000019", "xz"),
        ] {
            put(
                &store,
                &format!("{directory}/{name}.{ending}"),
                &format!("wal/good/{name}.{ending}"),
            );
        }
        super::archive::put_backup_of_wal(&store);
        let mut world = World::new(store, settings(Level::Wal));

        let server = world.verify().await;

        let contents = server.contents.clone().unwrap();
        assert_eq!(
            (
                contents.wal.whole,
                contents.wal.corrupt,
                contents.wal.suspect
            ),
            (3, 0, 0),
            "{ending}"
        );
        assert_eq!(only_verdict(&server), Verdict::Recoverable, "{ending}");
    }
}

/// Archive of the sound backup with another data object.
fn backup_with(ending: &str, data: &[u8]) -> MemoryStore {
    let store = backup("good");
    let key = "s/base/20261128T043154/data.tar";
    store.remove(&format!("{key}.gz"));
    store.put(&format!("{key}{ending}"), data, super::world::start());
    store
}

/// Content of the sound backup's data object.
fn plain_data() -> Vec<u8> {
    let data = std::fs::read(fixtures().join("base/good/data.tar.gz")).unwrap();
    Compression::Gzip.decompress(&data, 1 << 30).unwrap()
}

/// Place of the content of a member with this path.
fn place_of_member(archive: &[u8], path: &str) -> usize {
    let is_member = |block: &&[u8]| block.starts_with(format!("{path}\0").as_bytes());
    let mut blocks = archive.chunks(512).enumerate().rev();
    let (number, _) = blocks.find(|(_, block)| is_member(block)).unwrap();
    (number + 1) * 512
}

#[tokio::test]
async fn what_barman_does_not_read_of_several_streams_is_lost() {
    let plain = plain_data();
    let (most, rest) = plain.split_at(plain.len() / 2);
    let (whole, end) = plain.split_at(plain.len() - 512);
    for (streams, corrupt, suspect) in [
        ([gzip(most), gzip(rest)], 1, 0),
        ([gzip(whole), gzip(end)], 0, 1),
        ([gzip(&plain), gzip(b"")], 0, 0),
    ] {
        let mut world = World::new(backup_with(".gz", &streams.concat()), settings(Level::Full));

        let contents = world.verify().await.contents.unwrap();

        let found = (contents.base.corrupt, contents.base.suspect);
        assert_eq!(found, (corrupt, suspect));
        let faulty = contents
            .corrupt_backups
            .iter()
            .chain(&contents.suspect_backups);
        assert!(
            faulty
                .flat_map(|backup| &backup.faults)
                .all(|fault| fault == "trailing")
        );
    }
}

#[tokio::test]
async fn several_streams_of_wal_are_sound() {
    let store = backup("good");
    let plain = super::archive::plain_segment();
    let (first, second) = plain.split_at(1000);
    let key = format!("s/wals/0000000100000000/{SEGMENT}");
    store.remove(&format!("{key}.xz"));
    let object = [gzip(first), gzip(second)].concat();
    store.put(&format!("{key}.gz"), &object, super::world::start());
    let mut world = World::new(store, settings(Level::Wal));

    let contents = world.verify().await.contents.unwrap();

    assert_eq!(
        (
            contents.wal.whole,
            contents.wal.corrupt,
            contents.wal.suspect
        ),
        (1, 0, 0)
    );
}

#[tokio::test]
async fn the_end_of_a_plain_archive_shows_its_small_files() {
    let plain = plain_data();
    let label = place_of_member(&plain, "backup_label");
    let control = place_of_member(&plain, "global/pg_control");
    for (damaged, fault) in [
        (None, None),
        (Some(label + 30), Some("label")),
        (Some(control + 40), Some("control_file")),
    ] {
        let mut data = plain.clone();
        if let Some(at) = damaged {
            data[at] ^= 1;
        }
        let mut world = World::new(backup_with("", &data), settings(Level::Edges));

        let contents = world.verify().await.contents.unwrap();

        assert_eq!(contents.base.corrupt, 0);
        let found: Vec<_> = contents
            .suspect_backups
            .iter()
            .flat_map(|backup| &backup.faults)
            .collect();
        assert_eq!(found, Vec::from_iter(fault), "{damaged:?}");
    }
}
