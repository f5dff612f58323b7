//! Objects and uploads as listings show them.

use chrono::{DateTime, Utc};

use super::StorageClass;

/// Object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Whole key, from the bucket's root, decoded.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Time at which the store received the object, by the store's clock.
    pub last_modified: DateTime<Utc>,
    /// Entity tag without its quotes, which changes with the content; `None` if the store does not
    /// send one, and for objects too large to be a [`SmallFile`](super::SmallFile), unless the
    /// listing was asked for theirs.
    pub etag: Option<String>,
    /// Storage class as the store names it; `None` if the store does not send one.
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
        self.storage_class
            .as_ref()
            .is_none_or(StorageClass::is_read_at_once)
    }
}

/// Multipart upload that was started and neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// Key that the upload would have created, decoded.
    pub key: String,
    /// Identifier of the upload, which the store assigned.
    pub upload_id: String,
    /// Start of the upload; `None` if the store does not report it.
    pub initiated_at: Option<DateTime<Utc>>,
}
