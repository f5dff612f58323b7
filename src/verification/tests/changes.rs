//! Objects, places, levels and clocks that change, and evidence that holds or does not.

use std::path::Path;

use archive_store::memory::MemoryStore;
use chrono::TimeDelta;

use super::archive::{SEGMENT, backup, plain_segment};
use super::world::{World, fixtures, settings, start};
use crate::evidence::{
    ArchiveEvidence, BackupEvidence, ContentVerdict, Depth, Level, ServerEvidence, Version,
};
use crate::verification::{Budget, Ledger, StateError, StateName, VerificationSettings};

const ID: &str = "20261128T043154";

fn data_key() -> String {
    format!("s/base/{ID}/data.tar.gz")
}

fn data() -> Vec<u8> {
    std::fs::read(fixtures().join("base/good/data.tar.gz")).unwrap()
}

fn segment_key() -> String {
    format!("s/wals/0000000100000000/{SEGMENT}.xz")
}

#[tokio::test]
async fn data_that_are_replaced_are_read_again() {
    let mut world = World::new(backup("good"), settings(Level::Full));
    world.verify().await;
    let mut damaged = data();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    world.store.put(&data_key(), &damaged, start());
    world.advance(TimeDelta::minutes(5));

    let unread = world.scan().await.servers["s"].contents.clone().unwrap();
    let contents = world.verify().await.contents.unwrap();

    assert_eq!((unread.verified, unread.proof), (None, None));
    assert_eq!(contents.base.corrupt, 1);
}

#[tokio::test]
async fn the_same_data_that_arrive_again_are_not_read() {
    let mut world = World::new(backup("good"), settings(Level::Full));
    world.verify().await;
    let before = world.statistics.counts();
    world.store.put(&data_key(), &data(), start());

    let contents = world.verify().await.contents.unwrap();

    assert!(contents.verified.is_some());
    assert_eq!(world.statistics.counts(), before);
}

#[tokio::test]
async fn a_proof_ends_before_wal_that_was_replaced() {
    let mut world = World::new(backup("good"), settings(Level::Full));
    world.verify().await;
    let size =
        std::fs::metadata(fixtures().join(format!("base/wals/0000000100000000/{SEGMENT}.xz")));
    let noise = vec![0xA5; usize::try_from(size.unwrap().len()).unwrap()];
    let later = TimeDelta::minutes(5);
    world.advance(later);
    world.store.put(&segment_key(), &noise, start() + later);

    let contents = world.scan().await.servers["s"].contents.clone().unwrap();

    assert_eq!(contents.proof, None);
    assert_eq!((contents.wal.whole, contents.wal.unread), (0, 1));
}

#[tokio::test]
async fn a_lower_level_keeps_what_a_deeper_read_found() {
    let store = backup("good");
    let mut damaged = plain_segment();
    damaged[0x3000] ^= 1;
    store.remove(&segment_key());
    store.put(segment_key().trim_end_matches(".xz"), &damaged, start());
    let mut world = World::new(store, settings(Level::Wal));
    world.verify().await;
    world.settings = VerificationSettings {
        reverify_after: Some(TimeDelta::days(30)),
        ..settings(Level::Edges)
    };
    world.advance(TimeDelta::days(31));

    let contents = world.verify().await.contents.unwrap();

    assert_eq!((contents.wal.corrupt, contents.wal.edges), (1, 0));
}

#[tokio::test]
async fn a_level_that_is_raised_begins_anew() {
    let mut world = World::new(backup("good"), settings(Level::Edges));
    world.verify().await;
    world.advance(TimeDelta::days(30));
    let at_edges = world.verify().await.contents.unwrap();
    world.settings = settings(Level::Full);

    let raised = world.scan().await.servers["s"].contents.clone().unwrap();
    world.verify().await;
    world.advance(TimeDelta::days(1));
    let later = world.verify().await.contents.unwrap();

    assert_eq!(at_edges.since, start());
    assert_eq!(raised.since, start() + TimeDelta::days(30));
    assert_eq!(later.since, start() + TimeDelta::days(30));
}

/// Adds an incremental backup that is based on the one of the fixtures.
fn put_child(store: &MemoryStore) -> String {
    let child = "20261128T053154";
    let info = fixtures().join("base/good/backup.info");
    let info = std::fs::read_to_string(info).unwrap().replace(ID, child);
    let info = format!("{info}parent_backup_id={ID}\n");
    let base = format!("s/base/{child}");
    store.put(&format!("{base}/backup.info"), info.as_bytes(), start());
    store.put(&format!("{base}/data.tar.gz"), &data(), start());
    child.to_owned()
}

fn note_sound(world: &World<MemoryStore>, id: &str) {
    let targets = world.targets();
    let mut backups = targets.servers["s"].backups.iter();
    let evidence = BackupEvidence {
        stamp: backups.find(|backup| backup.id == id).unwrap().stamp(),
        version: Version(1),
        depth: Depth::Whole,
        verdict: ContentVerdict::Sound,
        is_unconfirmed: false,
        read_at: start(),
        bytes: 1,
        pages: None,
        faults: [].into(),
        unproven: [].into(),
    };
    let note = |known: &mut ArchiveEvidence| {
        let known: &mut ServerEvidence = known.server_mut("s");
        known.backups.insert(id.to_owned(), evidence);
    };
    world.ledger.update(note);
}

#[tokio::test]
async fn a_backup_is_verified_together_with_its_parents() {
    let store = backup("good");
    let child = put_child(&store);
    let mut world = World::new(store, settings(Level::Wal));
    world.verify().await;

    note_sound(&world, &child);
    let alone = world.scan().await.servers["s"].contents.clone().unwrap();
    note_sound(&world, ID);
    let both = world.scan().await.servers["s"].contents.clone().unwrap();

    assert_eq!((alone.verified, alone.proof), (None, None));
    assert_eq!(both.verified.unwrap().id, child);
    assert!(both.proof.is_some());
}

fn name(directory: &Path, place: &str) -> StateName {
    StateName {
        directory: directory.to_owned(),
        archive: "a".to_owned(),
        place: place.to_owned(),
    }
}

/// Saves evidence about a server `s` at a place, with some budget.
fn save(directory: &Path, place: &str) {
    let ledger = Ledger::of_file(Budget::daily(1000, start()), name(directory, place));
    ledger.open(start()).unwrap();
    ledger.update(|known| known.server_mut("s").level = Some((Level::Wal, start())));
    ledger.save(start() + TimeDelta::days(1)).unwrap();
}

/// Opens what was saved, a day later.
fn reopened(directory: &Path, place: &str) -> Ledger {
    let now = start() + TimeDelta::days(1);
    let ledger = Ledger::of_file(Budget::daily(1000, now), name(directory, place));
    ledger.open(now).unwrap();
    ledger
}

fn knows_server(ledger: &Ledger) -> bool {
    ledger.read(|known| known.server("s").is_some())
}

#[test]
fn evidence_about_another_place_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    save(directory.path(), "http://one s3://bucket");

    let same = reopened(directory.path(), "http://one s3://bucket");
    assert!(knows_server(&same));
    drop(same);
    let other = reopened(directory.path(), "http://two s3://bucket");

    assert!(!knows_server(&other));
    let now = start() + TimeDelta::days(1);
    assert_eq!(
        other.budget(now),
        Some((1000, 7000)),
        "the budget is of the archive"
    );
}

#[test]
fn a_damaged_file_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    save(directory.path(), "here");
    let file = directory.path().join("verification-a.json");
    let text = std::fs::read(&file).unwrap();
    for damaged in [&text[..text.len() - 2], b"{}", b"\xFF"] {
        std::fs::write(&file, damaged).unwrap();

        assert!(!knows_server(&reopened(directory.path(), "here")));
    }
}

#[test]
fn a_file_in_use_is_taken_over_when_it_is_free() {
    let directory = tempfile::tempdir().unwrap();
    save(directory.path(), "here");
    let first = reopened(directory.path(), "here");
    let second = Ledger::of_file(Budget::daily(1000, start()), name(directory.path(), "here"));

    let refused = second.open(start());
    drop(first);
    second.open(start()).unwrap();

    assert!(matches!(refused, Err(StateError::InUse { .. })));
    assert!(knows_server(&second));
}
