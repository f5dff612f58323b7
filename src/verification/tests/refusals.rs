//! Objects that the store lists and does not give out: they do not keep the others from being read.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use archive_store::memory::{MemoryStore, StoreWrapper};
use archive_store::{ErrorKind, ErrorScope, ObjectVersion, StorageError};
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::archive::{SEGMENT, backup};
use super::world::{World, settings};
use crate::evidence::{FaultKind, Level};
use crate::report::ContentsReport;

/// Store that refuses to read objects whose keys contain a text.
struct RefusingStore {
    store: MemoryStore,
    keys: &'static str,
    kind: ErrorKind,
    scope: ErrorScope,
    refuses: AtomicBool,
}

impl RefusingStore {
    fn new(keys: &'static str, kind: ErrorKind, scope: ErrorScope) -> Self {
        Self {
            store: backup("good"),
            keys,
            kind,
            scope,
            refuses: AtomicBool::new(true),
        }
    }
}

impl StoreWrapper for RefusingStore {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    async fn range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        use archive_store::ObjectStore;

        if self.refuses.load(Ordering::Relaxed) && object.key.contains(self.keys) {
            return Err(StorageError::new(self.kind, self.scope, "no"));
        }
        self.store.read_range(object, range).await
    }
}

async fn contents(world: &mut World<RefusingStore>) -> ContentsReport {
    world.scan().await.servers["s"].contents.clone().unwrap()
}

#[tokio::test]
async fn wal_that_is_not_given_out_does_not_stop_the_rest() {
    for scope in [ErrorScope::GoneObject, ErrorScope::ReplacedObject] {
        let store = RefusingStore::new(SEGMENT, ErrorKind::NotFound, scope);
        let mut world = World::new(store, settings(Level::Full));

        let contents = world.verify().await.contents.unwrap();

        assert_eq!((contents.wal.unread, contents.wal.unreadable), (1, 1));
        assert_eq!(contents.base.whole, 1);
        assert_eq!(contents.proof, None);
        assert!(contents.unreadable.contains(&FaultKind::NotGivenOut));
    }
}

/// The store answers everything but one object: after three tries, that object is to blame.
#[tokio::test(start_paused = true)]
async fn an_object_that_always_fails_is_passed_over() {
    for keys in [SEGMENT, "data.tar"] {
        let store = RefusingStore::new(keys, ErrorKind::Internal, ErrorScope::Scan);
        let mut world = World::new(store, settings(Level::Full));
        world.scan().await;

        let never = CancellationToken::new();
        let verifier = world.verifier();
        let _ = tokio::time::timeout(Duration::from_hours(2), verifier.run(&never)).await;

        let contents = contents(&mut world).await;
        let whole = contents.wal.whole + contents.base.whole;
        let unreadable = contents.wal.unreadable + contents.base.unreadable;
        assert_eq!((whole, unreadable), (1, 1), "{keys}");
        assert!(contents.unreadable.contains(&FaultKind::Unanswered));
    }
}

#[tokio::test]
async fn what_was_refused_is_tried_again_after_a_day() {
    for level in [Level::Edges, Level::Wal, Level::Full] {
        let store = RefusingStore::new("", ErrorKind::Auth, ErrorScope::RefusedObject);
        let mut world = World::new(store, settings(level));
        let refused = world.verify().await.contents.unwrap();
        world.store.refuses.store(false, Ordering::Relaxed);

        world.advance(TimeDelta::hours(1));
        let soon = world.verify().await.contents.unwrap();
        world.advance(TimeDelta::hours(24));
        let later = world.verify().await.contents.unwrap();

        assert_eq!((refused.wal.unreadable, refused.base.unreadable), (1, 1));
        assert_eq!((soon.wal.unreadable, soon.base.unreadable), (1, 1));
        assert_eq!((later.wal.unread, later.base.unread), (0, 0), "{level:?}");
        assert!(later.unreadable.is_empty());
    }
}

/// Its pages cannot be judged without WAL; reading its data again and again would not change that.
#[tokio::test]
async fn data_are_not_read_again_because_wal_is_refused() {
    let store = RefusingStore {
        store: backup("flip-still"),
        ..RefusingStore::new(SEGMENT, ErrorKind::Auth, ErrorScope::RefusedObject)
    };
    let mut world = World::new(store, settings(Level::Full));
    let contents = world.verify().await.contents.unwrap();
    let read = world.statistics.counts();
    world.advance(TimeDelta::hours(1));

    world.verify().await;

    assert_eq!(contents.base.suspect, 1);
    assert_eq!(world.statistics.counts(), read);
}

#[tokio::test]
async fn a_limit_of_the_store_is_no_fault_of_an_object() {
    let store = RefusingStore::new("", ErrorKind::Throttled, ErrorScope::RefusedObject);
    let mut world = World::new(store, settings(Level::Edges));

    let contents = world.verify().await.contents.unwrap();

    assert_eq!((contents.wal.unread, contents.wal.unreadable), (1, 0));
}
