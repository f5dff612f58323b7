//! Listings of unfinished uploads.

use barman_archive::inventory::UnfinishedUpload;

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
