//! Failures of a listing.

use archive_store::StorageError;

/// Failure of a listing.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// Failure of the store, or an answer that contradicts an earlier one.
    #[error(transparent)]
    Failed(#[from] StorageError),
    /// Sign, in words, that the store does not list as S3 does: shards may overlap, or leave something
    /// out.
    #[error("{0}")]
    OutOfOrder(String),
}
