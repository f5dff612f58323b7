//! Entries of a listing.

use chrono::{DateTime, Utc};

use super::StorageClass;

/// One object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// The whole key, from the bucket's root, decoded.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Time at which the store received the object, by the store's clock.
    pub last_modified: DateTime<Utc>,
    /// Entity tag without its quotes, which changes with the content; `None` where the store sends
    /// none, and of objects too large to be a [`SmallFile`](super::SmallFile), which nobody reads.
    pub etag: Option<String>,
    /// Storage class as the store names it; `None` where the store sends none.
    pub storage_class: Option<StorageClass>,
}

impl ListedObject {
    /// Returns whether this is an empty key that ends in a slash, as consoles and copy tools create
    /// for a directory.
    #[must_use]
    pub fn is_marker(&self) -> bool {
        self.size == 0 && self.key.ends_with('/')
    }

    /// Returns whether its storage class can be read immediately.
    #[must_use]
    pub fn is_read_at_once(&self) -> bool {
        self.storage_class.as_ref().is_none_or(StorageClass::is_read_at_once)
    }
}

/// A multipart upload that was begun and neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// The key that the upload would have become, decoded.
    pub key: String,
    /// The store's name for the upload.
    pub upload_id: String,
    /// Start of the upload; `None` if the store does not report it.
    pub initiated_at: Option<DateTime<Utc>>,
}
