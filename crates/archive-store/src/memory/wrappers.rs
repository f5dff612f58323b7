//! Wrappers around a store that do one bad thing each, or watch it.

use std::future::Future;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use barman_archive::inventory::UnfinishedUpload;

use crate::{
    ErrorKind, ErrorScope, ListPage, ListRequest, ObjectChecksums, ObjectStore, ObjectVersion,
    StorageError, UploadListing,
};

/// Store that answers through another one, and differs from it in some answers.
///
/// Every method that is not written answers as the other store does.
pub trait StoreWrapper: Send + Sync {
    /// Type of the store that answers.
    type Store: ObjectStore;

    /// Returns the store that answers.
    fn store(&self) -> &Self::Store;

    /// Answers [`ObjectStore::list_page`].
    fn page(
        &self,
        request: &ListRequest,
    ) -> impl Future<Output = Result<ListPage, StorageError>> + Send {
        self.store().list_page(request)
    }

    /// Answers [`ObjectStore::get_small`].
    fn small_object(
        &self,
        key: &str,
        max_bytes: u64,
    ) -> impl Future<Output = Result<Vec<u8>, StorageError>> + Send {
        self.store().get_small(key, max_bytes)
    }

    /// Answers [`ObjectStore::read_range`].
    fn range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Vec<u8>, StorageError>> + Send {
        self.store().read_range(object, range)
    }

    /// Answers [`ObjectStore::checksums`].
    fn stated_checksums(
        &self,
        object: &ObjectVersion,
    ) -> impl Future<Output = Result<ObjectChecksums, StorageError>> + Send {
        self.store().checksums(object)
    }

    /// Answers [`ObjectStore::list_uploads`].
    fn uploads(
        &self,
        prefix: &str,
    ) -> impl Future<Output = Result<UploadListing, StorageError>> + Send {
        self.store().list_uploads(prefix)
    }

    /// Answers [`ObjectStore::upload_bytes`].
    fn bytes_of_upload(
        &self,
        upload: &UnfinishedUpload,
    ) -> impl Future<Output = Result<Option<u64>, StorageError>> + Send {
        self.store().upload_bytes(upload)
    }
}

impl<W: StoreWrapper> ObjectStore for W {
    async fn list_page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        self.page(request).await
    }

    async fn get_small(&self, key: &str, max_bytes: u64) -> Result<Vec<u8>, StorageError> {
        self.small_object(key, max_bytes).await
    }

    async fn read_range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        self.range(object, range).await
    }

    async fn checksums(&self, object: &ObjectVersion) -> Result<ObjectChecksums, StorageError> {
        self.stated_checksums(object).await
    }

    async fn list_uploads(&self, prefix: &str) -> Result<UploadListing, StorageError> {
        self.uploads(prefix).await
    }

    async fn upload_bytes(&self, upload: &UnfinishedUpload) -> Result<Option<u64>, StorageError> {
        self.bytes_of_upload(upload).await
    }
}

/// Change of a request for a page before the store sees it.
pub type Misreading = fn(ListRequest) -> Result<ListRequest, StorageError>;

/// Lists everything from the start, whatever it is asked to start after.
///
/// # Errors
/// Never fails.
pub fn ignore_start_after(request: ListRequest) -> Result<ListRequest, StorageError> {
    Ok(ListRequest {
        start_after: None,
        ..request
    })
}

/// Leaves out the directory after whose name it is asked to start.
///
/// # Errors
/// Never fails.
pub fn skip_directory(mut request: ListRequest) -> Result<ListRequest, StorageError> {
    if let Some(start) = &mut request.start_after
        && start.ends_with('/')
    {
        start.push(char::MAX);
    }
    Ok(request)
}

/// Refuses listings with a delimiter.
///
/// # Errors
/// Fails for every request with a delimiter.
pub fn refuse_delimiters(request: ListRequest) -> Result<ListRequest, StorageError> {
    match request.delimiter {
        Some(_) => Err(StorageError::internal("delimiters are refused")),
        None => Ok(request),
    }
}

/// Store that does not do what it is asked.
#[derive(Debug)]
pub struct MisreadingStore<S> {
    /// Store that answers.
    pub store: S,
    /// Change of each request for a page.
    pub misreading: Misreading,
}

impl<S: ObjectStore> StoreWrapper for MisreadingStore<S> {
    type Store = S;

    fn store(&self) -> &S {
        &self.store
    }

    async fn page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let request = (self.misreading)(request.clone())?;
        self.store.list_page(&request).await
    }
}

/// Store that fails once, for a page of keys.
#[derive(Debug)]
pub struct FailingStore<S> {
    /// Store that answers.
    pub store: S,
    /// Number of pages that succeed before the failure; `None` for no failure.
    fails_after: Mutex<Option<u32>>,
}

impl<S> FailingStore<S> {
    /// Wraps a store; it does not fail yet.
    pub const fn new(store: S) -> Self {
        Self {
            store,
            fails_after: Mutex::new(None),
        }
    }

    /// Makes one request for a page of keys fail, after `pages` that succeed. Listings with a
    /// delimiter do not count.
    pub fn fail_after(&self, pages: u32) {
        *self
            .fails_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(pages);
    }

    fn fails_now(&self) -> bool {
        let mut left = self
            .fails_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let fails = *left == Some(0);
        *left = left.and_then(|pages| pages.checked_sub(1));
        fails
    }
}

impl<S: ObjectStore> StoreWrapper for FailingStore<S> {
    type Store = S;

    fn store(&self) -> &S {
        &self.store
    }

    async fn page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        if request.delimiter.is_none() && self.fails_now() {
            return Err(StorageError::new(
                ErrorKind::Internal,
                ErrorScope::Scan,
                "fails once",
            ));
        }
        self.store.list_page(request).await
    }
}

/// Store that keeps what it was asked.
#[derive(Debug)]
pub struct RecordingStore<S> {
    /// Store that answers.
    pub store: S,
    listings: Mutex<Vec<ListRequest>>,
    reads: Mutex<Vec<String>>,
    ranges: Mutex<Vec<RangeRead>>,
}

/// Range that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRead {
    /// Key of the object.
    pub key: String,
    /// Bytes of it.
    pub range: Range<u64>,
}

impl<S> RecordingStore<S> {
    /// Wraps a store.
    pub const fn new(store: S) -> Self {
        Self {
            store,
            listings: Mutex::new(Vec::new()),
            reads: Mutex::new(Vec::new()),
            ranges: Mutex::new(Vec::new()),
        }
    }

    /// Returns the requests for pages since the last call.
    pub fn take_listings(&self) -> Vec<ListRequest> {
        std::mem::take(&mut self.listings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the keys of the small objects that were read since the last call.
    pub fn take_reads(&self) -> Vec<String> {
        std::mem::take(&mut self.reads.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the ranges that were asked for since the last call.
    pub fn take_ranges(&self) -> Vec<RangeRead> {
        std::mem::take(&mut self.ranges.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: ObjectStore> StoreWrapper for RecordingStore<S> {
    type Store = S;

    fn store(&self) -> &S {
        &self.store
    }

    async fn page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        self.listings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request.clone());
        self.store.list_page(request).await
    }

    async fn small_object(&self, key: &str, max_bytes: u64) -> Result<Vec<u8>, StorageError> {
        self.reads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(key.to_owned());
        self.store.get_small(key, max_bytes).await
    }

    async fn range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        let read = RangeRead {
            key: object.key.clone(),
            range: range.clone(),
        };
        self.ranges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(read);
        self.store.read_range(object, range).await
    }
}
