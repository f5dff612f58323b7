//! Limit on the requests under way at once, which adapts to the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use barman_archive::inventory::UnfinishedUpload;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::info;

use crate::{
    ListPage, ListRequest, ObjectStore, Operation, RequestObserver, RequestOutcome, StorageError,
    UploadListing,
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
            settled_at: None,
        };
        Self {
            archive,
            most,
            state: state.into(),
            ended: Notify::new(),
        }
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
        state.settled_at = Some(Instant::now());
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
            Operation::ListObjectsV2 | Operation::GetObject => false,
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
