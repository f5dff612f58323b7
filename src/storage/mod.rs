//! Object storage, as the scan needs it: list a page, get a small object, list unfinished uploads.
//!
//! Everything outside this module sees the [`ObjectStore`] trait; only the folder `s3` names the AWS SDK.

mod advice;
mod encoding;
mod error;
mod fault;
mod request;
mod s3;

use std::future::Future;

pub use crate::inventory::{ListedObject, StorageClass, UnfinishedUpload};
pub use crate::report::{ErrorKind, Operation, RequestOutcome};
pub use error::{ErrorScope, StorageError};
pub use request::RequestObserver;
pub use s3::{CredentialSource, S3Settings, S3Store};

/// What to list: keys that begin with a prefix, in the store's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Only keys that begin with this text.
    pub prefix: String,
    /// Where given, keys that go on beyond it after the prefix are rolled up into common prefixes.
    pub delimiter: Option<char>,
    /// Only keys greater than this text. Has no meaning beside a continuation.
    pub start_after: Option<String>,
    /// Where the page before this one ended, verbatim from [`ListPage::next`].
    pub continuation: Option<String>,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The objects, in the store's order.
    pub objects: Vec<ListedObject>,
    /// Rolled up prefixes, each ending in the delimiter.
    pub common_prefixes: Vec<String>,
    /// Continuation of the listing; `None` on its last page.
    pub next: Option<String>,
}

/// Unfinished multipart uploads, and the keys that the listing covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadListing {
    /// Uploads whose keys begin with the prefix.
    pub uploads: Vec<UnfinishedUpload>,
    /// Keys that the listing covers.
    pub coverage: UploadCoverage,
}

/// Keys whose unfinished uploads a store lists, when asked for those below a prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadCoverage {
    /// Every key that begins with the prefix, as S3 does.
    #[default]
    Prefix,
    /// Only the key that equals the prefix: without an upload to that key, the answer is empty.
    ExactKey,
}

/// Where the requests for an archive go, by TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsEndpoint {
    /// Name or IP address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Object storage of one archive, for reading only.
///
/// Implementations retry what is worth retrying; an error that comes out of here is final.
pub trait ObjectStore: Send + Sync {
    /// Lists one page of objects.
    ///
    /// # Errors
    /// When the page could not be had, or made no sense ([`ErrorKind::Protocol`]).
    fn list_page(
        &self,
        request: &ListRequest,
    ) -> impl Future<Output = Result<ListPage, StorageError>> + Send;

    /// Reads a whole object that is known to be small.
    ///
    /// # Errors
    /// When the object could not be read, is gone ([`ErrorScope::GoneObject`]), or has more
    /// than `max_bytes` ([`ErrorScope::TooLargeObject`]).
    fn get_small(
        &self,
        key: &str,
        max_bytes: u64,
    ) -> impl Future<Output = Result<Vec<u8>, StorageError>> + Send;

    /// Lists the unfinished multipart uploads whose keys begin with `prefix`, as far as the store
    /// covers them ([`UploadCoverage`]).
    ///
    /// # Errors
    /// As [`ObjectStore::list_page`]; [`ErrorScope::RefusedCall`] tells a store that does not have this
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
