//! Wrappers around a store that read contents badly, each in one way.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::{MemoryStore, StoreWrapper};
use crate::{
    ErrorKind, ErrorScope, ObjectChecksums, ObjectStore, ObjectVersion, Operation, RequestObserver,
    RequestOutcome, StorageError,
};

/// Store in which an object is replaced between its listing and the first read of its content.
#[derive(Debug)]
pub struct ReplacingStore {
    /// Store that answers.
    pub store: MemoryStore,
    replacement: Mutex<Option<Replacement>>,
}

/// Content that an object gets.
#[derive(Debug)]
struct Replacement {
    key: String,
    content: Vec<u8>,
    stored_at: DateTime<Utc>,
}

impl ReplacingStore {
    /// Wraps a store, in which the object with this key gets another content before it is read.
    pub fn new(store: MemoryStore, key: &str, content: &[u8], stored_at: DateTime<Utc>) -> Self {
        let replacement = Replacement {
            key: key.to_owned(),
            content: content.to_vec(),
            stored_at,
        };
        Self {
            store,
            replacement: Mutex::new(Some(replacement)),
        }
    }

    fn replace(&self, key: &str) {
        let mut replacement = self
            .replacement
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(due) = replacement.take_if(|replacement| replacement.key == key) {
            self.store.put(&due.key, &due.content, due.stored_at);
        }
    }
}

impl StoreWrapper for ReplacingStore {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    async fn range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        self.replace(&object.key);
        self.store.read_range(object, range).await
    }

    async fn stated_checksums(
        &self,
        object: &ObjectVersion,
    ) -> Result<ObjectChecksums, StorageError> {
        self.replace(&object.key);
        self.store.checksums(object).await
    }
}

/// Store that does not always return the same bytes for one version: in every other range, the first
/// bit is flipped, starting with the first range.
#[derive(Debug)]
pub struct FlappingStore<S> {
    /// Store that answers.
    pub store: S,
    reads: AtomicU32,
}

impl<S> FlappingStore<S> {
    /// Wraps a store.
    pub const fn new(store: S) -> Self {
        Self {
            store,
            reads: AtomicU32::new(0),
        }
    }
}

impl<S: ObjectStore> StoreWrapper for FlappingStore<S> {
    type Store = S;

    fn store(&self) -> &S {
        &self.store
    }

    async fn range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        let mut bytes = self.store.read_range(object, range).await?;
        let earlier = self.reads.fetch_add(1, Ordering::Relaxed);
        if let Some(first) = bytes.first_mut().filter(|_| earlier.is_multiple_of(2)) {
            *first ^= 0x80;
        }
        Ok(bytes)
    }
}

/// Store that breaks its promise, and returns one byte less than was asked for.
#[derive(Debug)]
pub struct CuttingStore<S> {
    /// Store that answers.
    pub store: S,
}

impl<S: ObjectStore> StoreWrapper for CuttingStore<S> {
    type Store = S;

    fn store(&self) -> &S {
        &self.store
    }

    async fn range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        let mut bytes = self.store.read_range(object, range).await?;
        bytes.pop();
        Ok(bytes)
    }
}

/// Store that asks for fewer requests, instead of returning contents.
pub struct ThrottlingStore<S> {
    /// Store that answers.
    pub store: S,
    /// Observer of the requests for contents, such as [`AdaptiveLimit`](crate::AdaptiveLimit).
    observer: Arc<dyn RequestObserver>,
    refusals: AtomicU32,
}

impl<S> ThrottlingStore<S> {
    /// Wraps a store, which refuses this many ranges.
    pub fn new(store: S, refusals: u32, observer: Arc<dyn RequestObserver>) -> Self {
        Self {
            store,
            observer,
            refusals: AtomicU32::new(refusals),
        }
    }

    fn refuses_now(&self) -> bool {
        let left = |left: u32| left.checked_sub(1);
        self.refusals
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
            .is_ok()
    }
}

impl<S: ObjectStore> StoreWrapper for ThrottlingStore<S> {
    type Store = S;

    fn store(&self) -> &S {
        &self.store
    }

    async fn range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        if self.refuses_now() {
            self.observer
                .request_sent(Operation::GetObject, RequestOutcome::Throttled);
            let (kind, scope) = (ErrorKind::Throttled, ErrorScope::Scan);
            return Err(StorageError::new(kind, scope, "fewer requests, please"));
        }
        let bytes = self.store.read_range(object, range).await?;
        self.observer
            .request_sent(Operation::GetObject, RequestOutcome::Success);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AdaptiveLimit;

    fn store() -> MemoryStore {
        let store = MemoryStore::new(10);
        store.put("k", b"abc", DateTime::UNIX_EPOCH);
        store
    }

    fn scope<T>(result: Result<T, StorageError>) -> Option<ErrorScope> {
        result.err().map(|error| error.scope())
    }

    #[tokio::test]
    async fn ranges_are_those_of_one_version() {
        let store = store();
        let object = store.version("k").unwrap();
        assert_eq!(store.read_range(&object, 0..3).await.unwrap(), b"abc");
        assert_eq!(store.read_range(&object, 1..2).await.unwrap(), b"b");

        store.put("k", b"abd", DateTime::UNIX_EPOCH);
        let replaced = store.read_range(&object, 0..1).await;
        let any = ObjectVersion {
            etag: None,
            ..object.clone()
        };
        assert_eq!(scope(replaced), Some(ErrorScope::ReplacedObject));
        assert_eq!(store.read_range(&any, 0..3).await.unwrap(), b"abd");

        store.put("k", b"abcd", DateTime::UNIX_EPOCH);
        let replaced = store.checksums(&any).await;
        store.remove("k");
        let gone = store.read_range(&object, 0..1).await;
        assert_eq!(scope(replaced), Some(ErrorScope::ReplacedObject));
        assert_eq!(scope(gone), Some(ErrorScope::GoneObject));
    }

    #[tokio::test]
    async fn checksums_are_those_that_were_set() {
        let store = store();
        let object = store.version("k").unwrap();
        let checksums = ObjectChecksums {
            crc32: Some(0x3524_41c2),
            ..ObjectChecksums::default()
        };
        assert_eq!(
            store.checksums(&object).await.unwrap(),
            ObjectChecksums::default()
        );

        store.set_checksums("k", checksums);

        assert_eq!(store.checksums(&object).await.unwrap(), checksums);
    }

    #[tokio::test]
    async fn an_object_is_replaced_after_its_listing() {
        let store = ReplacingStore::new(store(), "k", b"new", DateTime::UNIX_EPOCH);
        let listed = store.store.version("k").unwrap();

        let first = store.read_range(&listed, 0..3).await;
        let anew = store.store.version("k").unwrap();

        assert_eq!(scope(first), Some(ErrorScope::ReplacedObject));
        assert_eq!(store.read_range(&anew, 0..3).await.unwrap(), b"new");
    }

    #[tokio::test]
    async fn a_flapping_store_returns_the_right_bytes_every_other_time() {
        let store = FlappingStore::new(store());
        let object = store.store.version("k").unwrap();

        let mut read = Vec::new();
        for _ in 0..3 {
            read.push(store.read_range(&object, 1..3).await.unwrap());
        }

        assert_eq!(read, [b"\xe2c".to_vec(), b"bc".to_vec(), b"\xe2c".to_vec()]);
    }

    #[tokio::test]
    async fn a_cutting_store_returns_too_little() {
        let store = CuttingStore { store: store() };
        let object = store.store.version("k").unwrap();

        assert_eq!(store.read_range(&object, 0..3).await.unwrap(), b"ab");
    }

    #[tokio::test]
    async fn a_throttling_store_lowers_the_limit_that_watches_it() {
        let limit = Arc::new(AdaptiveLimit::new("a".to_owned(), 4));
        let observer = Arc::clone(&limit) as Arc<dyn RequestObserver>;
        let store = ThrottlingStore::new(store(), 1, observer);
        let object = store.store.version("k").unwrap();

        let refused = store.read_range(&object, 0..3).await.unwrap_err();

        assert_eq!(refused.kind(), ErrorKind::Throttled);
        assert!(limit.is_lowered());
        assert_eq!(store.read_range(&object, 0..3).await.unwrap(), b"abc");
    }
}
