//! The trait that every store implements.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use barman_archive::inventory::UnfinishedUpload;

use crate::{ListPage, ListRequest, ObjectChecksums, ObjectVersion, StorageError, UploadListing};

/// Object storage of one archive, for reading only.
///
/// Implementations retry what is worth retrying; an error that they return is final.
pub trait ObjectStore: Send + Sync {
    /// Lists one page of objects.
    ///
    /// Callers rely on the fields of [`ListRequest`] only as far as they can check the answer: a
    /// store that ignores `start_after` or lists in another order is found out, and one that
    /// refuses a `delimiter` is listed without.
    ///
    /// # Errors
    /// Fails if the page cannot be read, or makes no sense ([`crate::ErrorKind::Protocol`]).
    fn list_page(
        &self,
        request: &ListRequest,
    ) -> impl Future<Output = Result<ListPage, StorageError>> + Send;

    /// Reads a whole object that is known to be small.
    ///
    /// # Errors
    /// Fails if the object cannot be read, is gone ([`crate::ErrorScope::GoneObject`]), or has more
    /// than `max_bytes` ([`crate::ErrorScope::TooLargeObject`]).
    fn get_small(
        &self,
        key: &str,
        max_bytes: u64,
    ) -> impl Future<Output = Result<Vec<u8>, StorageError>> + Send;

    /// Reads a range of one version of an object: exactly these bytes, or an error.
    ///
    /// The range lies within the object and has 1 to [`crate::MAX_RANGE_BYTES`] bytes; anything else
    /// is an error of kind [`crate::ErrorKind::Internal`], without a request
    /// ([`ObjectVersion::check_range`]).
    ///
    /// # Errors
    /// Fails if the object is gone ([`crate::ErrorScope::GoneObject`]), exists in another version
    /// ([`crate::ErrorScope::ReplacedObject`]) or cannot be read
    /// ([`crate::ErrorScope::RefusedObject`]), if the store does not answer with ranges
    /// ([`crate::ErrorScope::RefusedCall`]), and if the bytes do not arrive.
    fn read_range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Vec<u8>, StorageError>> + Send;

    /// Reads the checksums that the store has of the whole content of one version of an object; those
    /// that it does not have are absent.
    ///
    /// # Errors
    /// Fails as [`ObjectStore::read_range`] does. [`crate::ErrorScope::RefusedCall`] stands for a
    /// store that does not know this call.
    fn checksums(
        &self,
        object: &ObjectVersion,
    ) -> impl Future<Output = Result<ObjectChecksums, StorageError>> + Send;

    /// Lists the unfinished multipart uploads whose keys begin with `prefix`, as far as the store
    /// covers them ([`crate::UploadCoverage`]).
    ///
    /// # Errors
    /// Fails as [`ObjectStore::list_page`] does. [`crate::ErrorScope::RefusedCall`] stands for a
    /// store that does not know this call or does not permit it.
    fn list_uploads(
        &self,
        prefix: &str,
    ) -> impl Future<Output = Result<UploadListing, StorageError>> + Send;

    /// Sums the parts that an unfinished upload has stored so far, in bytes; `None` if the upload
    /// has ended meanwhile.
    ///
    /// # Errors
    /// Fails as [`ObjectStore::list_uploads`] does.
    fn upload_bytes(
        &self,
        upload: &UnfinishedUpload,
    ) -> impl Future<Output = Result<Option<u64>, StorageError>> + Send;
}

impl<S: ObjectStore> ObjectStore for Arc<S> {
    async fn list_page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        self.as_ref().list_page(request).await
    }

    async fn get_small(&self, key: &str, max_bytes: u64) -> Result<Vec<u8>, StorageError> {
        self.as_ref().get_small(key, max_bytes).await
    }

    async fn read_range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        self.as_ref().read_range(object, range).await
    }

    async fn checksums(&self, object: &ObjectVersion) -> Result<ObjectChecksums, StorageError> {
        self.as_ref().checksums(object).await
    }

    async fn list_uploads(&self, prefix: &str) -> Result<UploadListing, StorageError> {
        self.as_ref().list_uploads(prefix).await
    }

    async fn upload_bytes(&self, upload: &UnfinishedUpload) -> Result<Option<u64>, StorageError> {
        self.as_ref().upload_bytes(upload).await
    }
}
