//! The trait that every store implements.

use std::future::Future;

use barman_archive::inventory::UnfinishedUpload;

use crate::{ListPage, ListRequest, StorageError, UploadListing};

/// Object storage of one archive, for reading only.
///
/// Implementations retry what is worth retrying; an error that comes out of here is final.
pub trait ObjectStore: Send + Sync {
    /// Lists one page of objects.
    ///
    /// # Errors
    /// When the page could not be had, or made no sense ([`crate::ErrorKind::Protocol`]).
    fn list_page(
        &self,
        request: &ListRequest,
    ) -> impl Future<Output = Result<ListPage, StorageError>> + Send;

    /// Reads a whole object that is known to be small.
    ///
    /// # Errors
    /// When the object could not be read, is gone ([`crate::ErrorScope::GoneObject`]), or has more
    /// than `max_bytes` ([`crate::ErrorScope::TooLargeObject`]).
    fn get_small(
        &self,
        key: &str,
        max_bytes: u64,
    ) -> impl Future<Output = Result<Vec<u8>, StorageError>> + Send;

    /// Lists the unfinished multipart uploads whose keys begin with `prefix`, as far as the store
    /// covers them ([`crate::UploadCoverage`]).
    ///
    /// # Errors
    /// As [`ObjectStore::list_page`]; [`crate::ErrorScope::RefusedCall`] tells a store that does not have this
    /// call or does not allow it.
    fn list_uploads(
        &self,
        prefix: &str,
    ) -> impl Future<Output = Result<UploadListing, StorageError>> + Send;

    /// Sums the parts that an unfinished upload has stored so far, in bytes.
    ///
    /// `None` when the upload ended meanwhile.
    ///
    /// # Errors
    /// As [`ObjectStore::list_uploads`].
    fn upload_bytes(
        &self,
        upload: &UnfinishedUpload,
    ) -> impl Future<Output = Result<Option<u64>, StorageError>> + Send;
}
