//! Failures of a listing.

use archive_store::StorageError;

/// Reason why a listing cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// The store failed, or contradicts itself.
    #[error(transparent)]
    Failed(#[from] StorageError),
    /// The store does not list as S3 does, in words: shards may overlap, or leave something out.
    #[error("{0}")]
    OutOfOrder(String),
}
