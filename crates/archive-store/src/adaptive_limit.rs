//! Limit on the requests under way at once, which adapts to the store.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use barman_archive::inventory::UnfinishedUpload;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::info;

use crate::{
    ListPage, ListRequest, ObjectChecksums, ObjectStore, ObjectVersion, Operation, RequestObserver,
    RequestOutcome, StorageError, UploadListing,
};

/// Shortest time between two lowerings: requests that were under way when the first one was refused
/// are refused as well.
const NEXT_LOWERING: Duration = Duration::from_secs(1);

/// Time without a refusal after which one request more is allowed.
const NEXT_RAISING: Duration = Duration::from_secs(10);

/// Limit on the requests of one archive under way at once: as many as configured, fewer while the
/// store asks for fewer, and then slowly more again.
#[derive(Debug)]
pub struct AdaptiveLimit {
    archive: String,
    most: usize,
    state: Mutex<LimitState>,
    ended: Notify,
}

#[derive(Debug)]
struct LimitState {
    allowed: usize,
    under_way: usize,
    /// Moment at which the limit was last lowered.
    lowered_at: Option<Instant>,
    /// Moment at which the store last asked for fewer requests.
    throttled_at: Option<Instant>,
    /// Moment at which the store last asked for fewer requests, or the limit was raised.
    settled_at: Option<Instant>,
}

/// Permit for a request under way.
struct Permit<'a>(&'a AdaptiveLimit);

impl AdaptiveLimit {
    /// Creates a limit of `most` requests at once, for the archive with this name.
    #[must_use]
    pub fn new(archive: String, most: usize) -> Self {
        let most = most.max(1);
        let state = LimitState {
            allowed: most,
            under_way: 0,
            lowered_at: None,
            throttled_at: None,
            settled_at: None,
        };
        Self {
            archive,
            most,
            state: state.into(),
            ended: Notify::new(),
        }
    }

    /// Moment at which the store last asked for fewer requests; `None` if it never did.
    ///
    /// Requests about unfinished uploads do not count.
    #[must_use]
    pub fn throttled_at(&self) -> Option<Instant> {
        self.state().throttled_at
    }

    /// Returns whether fewer requests are allowed than configured, because the store has asked for
    /// fewer and the limit has not risen again.
    #[must_use]
    pub fn is_lowered(&self) -> bool {
        self.state().allowed < self.most
    }

    /// Waits until one more request may be sent.
    async fn permit(&self) -> Permit<'_> {
        loop {
            // Before the check, so that no end of a request is missed.
            let ended = self.ended.notified();
            {
                let mut state = self.state();
                if state.under_way < state.allowed {
                    state.under_way += 1;
                    return Permit(self);
                }
            }
            ended.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, LimitState> {
        // A panic elsewhere leaves the state whole, as it is only assigned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lower(&self) {
        let mut state = self.state();
        state.throttled_at = Some(Instant::now());
        state.settled_at = state.throttled_at;
        if state
            .lowered_at
            .is_none_or(|at| at.elapsed() >= NEXT_LOWERING)
        {
            state.lowered_at = state.settled_at;
            state.allowed = (state.allowed / 2).max(1);
            let at_once = state.allowed;
            let archive = &self.archive;
            info!(target: "storage", archive, at_once, "The store asks for fewer requests");
        }
    }

    fn raise(&self) {
        let mut state = self.state();
        let is_due = state
            .settled_at
            .is_some_and(|at| at.elapsed() >= NEXT_RAISING);
        if is_due && state.allowed < self.most {
            state.allowed += 1;
            state.settled_at = Some(Instant::now());
            drop(state);
            self.ended.notify_waiters();
        }
    }
}

impl RequestObserver for AdaptiveLimit {
    fn request_sent(&self, operation: Operation, outcome: RequestOutcome) {
        // A store that always refuses a side question must not slow down the listing.
        let is_side_question = match operation {
            Operation::ListMultipartUploads | Operation::ListParts => true,
            Operation::ListObjectsV2 | Operation::GetObject | Operation::HeadObject => false,
        };
        match outcome {
            RequestOutcome::Throttled if is_side_question => {}
            RequestOutcome::Throttled => self.lower(),
            RequestOutcome::Success => self.raise(),
            RequestOutcome::Timeout | RequestOutcome::Error => {}
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.ended.notify_waiters();
    }
}

/// Store with an adaptive limit.
///
/// Contents and checksums are read without a permit: a scan must not wait until a long read ends.
/// Whoever reads them has a limit of its own, and pauses while the store asks for fewer requests
/// ([`AdaptiveLimit::throttled_at`]). What the store answers to them lowers this limit as everything
/// else does.
#[derive(Debug)]
pub struct LimitedStore<S> {
    /// Store that is limited.
    pub store: S,
    /// Limit, which must observe the requests of the store.
    pub limit: Arc<AdaptiveLimit>,
}

impl<S: ObjectStore> ObjectStore for LimitedStore<S> {
    async fn list_page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let _permit = self.limit.permit().await;
        self.store.list_page(request).await
    }

    async fn get_small(&self, key: &str, max_bytes: u64) -> Result<Vec<u8>, StorageError> {
        let _permit = self.limit.permit().await;
        self.store.get_small(key, max_bytes).await
    }

    async fn read_range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        self.store.read_range(object, range).await
    }

    async fn checksums(&self, object: &ObjectVersion) -> Result<ObjectChecksums, StorageError> {
        self.store.checksums(object).await
    }

    async fn list_uploads(&self, prefix: &str) -> Result<UploadListing, StorageError> {
        let _permit = self.limit.permit().await;
        self.store.list_uploads(prefix).await
    }

    async fn upload_bytes(&self, upload: &UnfinishedUpload) -> Result<Option<u64>, StorageError> {
        let _permit = self.limit.permit().await;
        self.store.upload_bytes(upload).await
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::memory::MemoryStore;

    /// Returns the number of requests that may be under way now.
    fn allowed(limit: &AdaptiveLimit) -> usize {
        let permits: Vec<_> = std::iter::from_fn(|| limit.permit().now_or_never()).collect();
        permits.len()
    }

    fn sent(limit: &AdaptiveLimit, outcome: RequestOutcome) {
        limit.request_sent(Operation::ListObjectsV2, outcome);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_halves_the_limit_once_for_all_that_were_under_way() {
        let limit = AdaptiveLimit::new("a".to_owned(), 16);
        assert_eq!(allowed(&limit), 16);

        for _ in 0..10 {
            sent(&limit, RequestOutcome::Throttled);
        }
        assert_eq!(allowed(&limit), 8);

        for _ in 0..10 {
            tokio::time::advance(NEXT_LOWERING / 2).await;
            sent(&limit, RequestOutcome::Throttled);
        }
        assert_eq!(allowed(&limit), 1, "one request is always allowed");
    }

    #[tokio::test(start_paused = true)]
    async fn it_rises_slowly_to_what_it_was() {
        let limit = AdaptiveLimit::new("a".to_owned(), 3);
        sent(&limit, RequestOutcome::Throttled);
        assert_eq!(allowed(&limit), 1);

        sent(&limit, RequestOutcome::Success);
        assert_eq!(allowed(&limit), 1);
        for expected in [2, 3, 3] {
            tokio::time::advance(NEXT_RAISING).await;
            sent(&limit, RequestOutcome::Success);
            sent(&limit, RequestOutcome::Success);
            assert_eq!(allowed(&limit), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_when_the_store_asked_for_fewer_requests() {
        let limit = AdaptiveLimit::new("a".to_owned(), 2);
        assert_eq!((limit.throttled_at(), limit.is_lowered()), (None, false));

        limit.request_sent(Operation::ListParts, RequestOutcome::Throttled);
        assert_eq!((limit.throttled_at(), limit.is_lowered()), (None, false));

        for operation in [Operation::GetObject, Operation::HeadObject] {
            tokio::time::advance(NEXT_LOWERING / 2).await;
            limit.request_sent(operation, RequestOutcome::Throttled);
            assert_eq!(limit.throttled_at(), Some(Instant::now()));
        }
        let throttled_at = limit.throttled_at();
        assert!(limit.is_lowered());

        tokio::time::advance(NEXT_RAISING).await;
        sent(&limit, RequestOutcome::Success);
        assert_eq!(
            (limit.throttled_at(), limit.is_lowered()),
            (throttled_at, false)
        );
    }

    #[tokio::test]
    async fn contents_are_read_while_every_permit_is_taken() {
        let store = MemoryStore::new(1);
        store.put("k", b"abc", chrono::DateTime::UNIX_EPOCH);
        let object = store.version("k").unwrap();
        let limit = Arc::new(AdaptiveLimit::new("a".to_owned(), 1));
        let store = LimitedStore { store, limit };
        let _permit = store.limit.permit().await;

        assert!(store.get_small("k", 3).now_or_never().is_none());
        assert_eq!(store.read_range(&object, 1..3).await.unwrap(), b"bc");
        store.checksums(&object).await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_another_ends() {
        let limit = AdaptiveLimit::new("a".to_owned(), 1);
        let first = limit.permit().await;

        let mut second = std::pin::pin!(limit.permit());
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);

        second.await;
    }
}
