//! Directories in which WAL of several clusters and versions lies.

use archive_store::memory::MemoryStore;
use barman_archive::barman::{BackupInfoText, Compression};

use super::world::{World, fixtures, put, settings, start};
use crate::evidence::{FaultKind, Level};
use crate::report::ContentsReport;

const DIRECTORY: &str = "s/wals/0000000100000000";

/// Segments of PostgreSQL 15, and behind them of a cluster of PostgreSQL 14.
const OLDER: [&str; 2] = ["000000010000000000000017", "000000010000000000000018"];
const NEWER: [&str; 2] = ["000000010000000000000019", "00000001000000000000001A"];

fn plain(file: &str) -> Vec<u8> {
    let content = std::fs::read(fixtures().join(file)).unwrap();
    Compression::Xz.decompress(&content, 1 << 20).unwrap()
}

/// Identifier of the cluster that wrote a segment.
fn identifier(file: &str) -> u64 {
    u64::from_le_bytes(plain(file)[24..32].try_into().unwrap())
}

/// Adds a backup of a cluster, which needs the segments from the first one on.
fn put_backup(store: &MemoryStore, id: &str, first: &str, system_identifier: u64) {
    let number = first.strip_prefix("0000000100000000000000").unwrap();
    let info = BackupInfoText::new("DONE")
        .begun("2026-11-28T02:00:00Z".parse().unwrap(), first)
        .ended("2026-11-28T02:10:00Z".parse().unwrap(), first)
        .with("end_xlog", format!("0/{number}00100"))
        .with("systemid", system_identifier)
        .with("xlog_segment_size", 1 << 20);
    let base = format!("s/base/{id}");
    store.put(
        &format!("{base}/backup.info"),
        info.to_string().as_bytes(),
        start(),
    );
    store.put(&format!("{base}/data.tar"), b"data", start());
}

/// Archive of two clusters, of which one was created in place of the other.
fn two_clusters() -> MemoryStore {
    let store = MemoryStore::new(1000);
    for name in OLDER {
        put(
            &store,
            &format!("{DIRECTORY}/{name}.xz"),
            &format!("wal/good/{name}.xz"),
        );
    }
    for name in NEWER {
        put(
            &store,
            &format!("{DIRECTORY}/{name}.xz"),
            &format!("majors/14/{name}.xz"),
        );
    }
    let older = identifier("wal/good/000000010000000000000017.xz");
    put_backup(&store, "20261128T020000", OLDER[0], older);
    let newer = identifier("majors/14/000000010000000000000019.xz");
    put_backup(&store, "20261128T030000", NEWER[0], newer);
    store
}

async fn contents(store: MemoryStore, level: Level) -> ContentsReport {
    let mut world = World::new(store, settings(level));
    world.verify().await.contents.unwrap()
}

#[tokio::test]
async fn a_border_between_two_versions_is_no_fault() {
    let contents = contents(two_clusters(), Level::Wal).await;

    assert_eq!(contents.wal.whole, 4);
    assert_eq!(contents.corrupt_wal, []);
    assert_eq!(contents.suspect_wal, []);
}

#[tokio::test]
async fn wal_of_a_third_cluster_is_foreign() {
    for level in [Level::Edges, Level::Wal] {
        let store = two_clusters();
        let foreign = "000000010000000000000018.xz";
        put(
            &store,
            &format!("{DIRECTORY}/{foreign}"),
            &format!("wal/bad/foreign/{foreign}"),
        );

        let contents = contents(store, level).await;

        // What the edges show is read as a whole at once.
        let faulty = &contents.corrupt_wal;
        assert_eq!(faulty.len(), 1, "{level:?}");
        assert_eq!(faulty[0].segment.to_string(), OLDER[1], "{level:?}");
        assert_eq!(faulty[0].kind, FaultKind::Foreign, "{level:?}");
    }
}

#[tokio::test]
async fn wal_of_an_unknown_version_is_unreadable() {
    for level in [Level::Edges, Level::Wal] {
        let store = two_clusters();
        for name in NEWER {
            let mut segment = plain(&format!("majors/14/{name}.xz"));
            for page in segment.chunks_mut(8192) {
                // PostgreSQL 9.6. Empty pages behind a switch stay empty.
                if page[..2] != [0, 0] {
                    page[..2].copy_from_slice(&0xD093_u16.to_le_bytes());
                }
            }
            store.remove(&format!("{DIRECTORY}/{name}.xz"));
            store.put(&format!("{DIRECTORY}/{name}"), &segment, start());
        }

        let contents = contents(store, level).await;

        assert_eq!(contents.wal.unreadable, 2, "{level:?}");
        assert_eq!(contents.corrupt_wal, [], "{level:?}");
        assert_eq!(contents.suspect_wal, [], "{level:?}");
        let kinds: Vec<_> = contents.unreadable.into_iter().collect();
        assert_eq!(kinds, [FaultKind::UnknownFormat], "{level:?}");
    }
}

/// Returns a frame of Zstandard whose first block is empty, so that its first bytes show nothing: a
/// decoder hands nothing out before the window is full.
fn frame_that_starts_empty(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0x00];
    // Window of 8 MiB.
    frame.push(13 << 3);
    frame.extend([0, 0, 0]);
    for (index, block) in content.chunks(128 << 10).enumerate() {
        let is_last = u32::from((index + 1) * (128 << 10) >= content.len());
        let header = u32::try_from(block.len()).unwrap() << 3 | is_last;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(block);
    }
    frame
}

#[tokio::test]
async fn edges_that_show_nothing_are_not_sound() {
    let store = || {
        let store = two_clusters();
        let name = OLDER[1];
        let segment = plain(&format!("wal/good/{name}.xz"));
        store.remove(&format!("{DIRECTORY}/{name}.xz"));
        store.put(
            &format!("{DIRECTORY}/{name}.zst"),
            &frame_that_starts_empty(&segment),
            start(),
        );
        store
    };

    let at_edges = contents(store(), Level::Edges).await.wal;
    let whole = contents(store(), Level::Wal).await.wal;

    assert_eq!((at_edges.edges, at_edges.unreadable), (3, 1));
    assert_eq!((whole.whole, whole.unreadable), (4, 0));
}
