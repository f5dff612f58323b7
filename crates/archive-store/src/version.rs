//! Versions of objects, whose contents are read in pieces.

use std::ops::Range;

use barman_archive::inventory::ListedObject;

use crate::StorageError;

/// Maximum length of a range that is read at once, in bytes: 8 MiB.
pub const MAX_RANGE_BYTES: u64 = 8 << 20;

/// One version of an object: as long as it is the stored one, every read sees the same content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectVersion {
    /// Whole key, from the bucket's root, decoded.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Entity tag without its quotes; `None` if it is not known. Versions without one are told apart
    /// by their size alone.
    pub etag: Option<String>,
}

impl ObjectVersion {
    /// Returns the version that a listing shows.
    ///
    /// Large objects have an entity tag only in a listing of
    /// [`EntityTags::OfAllObjects`](crate::EntityTags::OfAllObjects).
    #[must_use]
    pub fn of(listed: &ListedObject) -> Self {
        Self {
            key: listed.key.clone(),
            size: listed.size,
            etag: listed.etag.clone().filter(|etag| !etag.is_empty()),
        }
    }

    /// Checks that a range can be read at once.
    ///
    /// # Errors
    /// Returns an error of kind [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the range is
    /// empty, longer than [`MAX_RANGE_BYTES`] or not within the object.
    pub fn check_range(&self, range: &Range<u64>) -> Result<(), StorageError> {
        let length = range.end.saturating_sub(range.start);
        if length > 0 && length <= MAX_RANGE_BYTES && range.end <= self.size {
            return Ok(());
        }
        Err(StorageError::internal(format!(
            "bytes {} to {} of `{}` cannot be asked for: it has {} bytes, and a range has 1 to \
             {MAX_RANGE_BYTES}",
            range.start, range.end, self.key, self.size
        )))
    }
}

/// Checksums of the whole content of an object, as the store has them.
///
/// S3 keeps the one that the writer sent, or calculates a CRC-64/NVME itself (Amazon S3 User Guide,
/// "Checking object integrity"). Checksums that are composed of those of an upload's parts are left
/// out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectChecksums {
    /// CRC-32 as in gzip (`x-amz-checksum-crc32`); `None` if the store does not state it.
    pub crc32: Option<u32>,
    /// CRC-32C, Castagnoli's (`x-amz-checksum-crc32c`); `None` if the store does not state it.
    pub crc32c: Option<u32>,
    /// CRC-64/NVME (`x-amz-checksum-crc64nvme`); `None` if the store does not state it.
    pub crc64nvme: Option<u64>,
    /// SHA-256 (`x-amz-checksum-sha256`); `None` if the store does not state it.
    pub sha256: Option<[u8; 32]>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn version(size: u64) -> ObjectVersion {
        ObjectVersion {
            key: "k".to_owned(),
            size,
            etag: None,
        }
    }

    #[test]
    fn a_range_lies_within_the_object_and_is_not_empty() {
        assert!(version(3).check_range(&(0..3)).is_ok());
        assert!(version(3).check_range(&(2..3)).is_ok());

        for range in [0..0, 3..3, 2..4, 3..4, Range { start: 2, end: 1 }] {
            let error = version(3).check_range(&range).unwrap_err();

            assert_eq!(error.kind(), ErrorKind::Internal, "{range:?}");
            assert!(error.to_string().contains("`k`"), "{error}");
        }
    }

    #[test]
    fn a_range_has_at_most_eight_mebibytes() {
        let object = version(u64::MAX);

        assert!(object.check_range(&(5..5 + MAX_RANGE_BYTES)).is_ok());
        assert!(object.check_range(&(5..6 + MAX_RANGE_BYTES)).is_err());
        assert!(object.check_range(&(0..u64::MAX)).is_err());
    }
}
