//! Checksums that clients send with objects.

use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha256};
use s3s::dto::{ChecksumType, HeadObjectOutput, PutObjectInput};

/// Checksums of an object, each in base64; those that the client did not send are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksums {
    /// CRC-32, as in gzip.
    pub crc32: Option<String>,
    /// CRC-32C, Castagnoli's.
    pub crc32c: Option<String>,
    /// CRC-64/NVME.
    pub crc64nvme: Option<String>,
    /// SHA-256.
    pub sha256: Option<String>,
    /// Content that they cover.
    pub kind: ChecksumKind,
}

/// Content that checksums cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumKind {
    /// The whole object.
    #[default]
    FullObject,
    /// The checksums of the parts of an upload.
    Composite,
}

impl Checksums {
    /// Calculates all checksums of a content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let mut hasher = ChecksumHasher {
            crc32: Some(Crc32::new()),
            crc32c: Some(Crc32c::new()),
            crc64nvme: Some(Crc64Nvme::new()),
            sha256: Some(Sha256::new()),
            sha1: None,
        };
        hasher.update(content);
        let sums = hasher.finalize();
        Self {
            crc32: sums.checksum_crc32,
            crc32c: sums.checksum_crc32c,
            crc64nvme: sums.checksum_crc64nvme,
            sha256: sums.checksum_sha256,
            kind: ChecksumKind::FullObject,
        }
    }

    /// Takes the checksums in the headers of a request, or in the trailers behind its body.
    pub(crate) fn sent_with(input: &PutObjectInput, trailers: &HeaderMap) -> Self {
        let trailer = |name: &str| Some(trailers.get(name)?.to_str().ok()?.to_owned());
        let sent = |header: &Option<String>, name| header.clone().or_else(|| trailer(name));
        Self {
            crc32: sent(&input.checksum_crc32, "x-amz-checksum-crc32"),
            crc32c: sent(&input.checksum_crc32c, "x-amz-checksum-crc32c"),
            crc64nvme: sent(&input.checksum_crc64nvme, "x-amz-checksum-crc64nvme"),
            sha256: sent(&input.checksum_sha256, "x-amz-checksum-sha256"),
            kind: ChecksumKind::FullObject,
        }
    }

    /// Returns whether those that are there are the checksums of a content.
    pub(crate) fn are_of(&self, content: &[u8]) -> bool {
        if self.is_empty() {
            return true;
        }
        let right = Self::of(content);
        let is_right = |stated: &Option<String>, right: &Option<String>| {
            stated.is_none() || stated.as_ref() == right.as_ref()
        };
        is_right(&self.crc32, &right.crc32)
            && is_right(&self.crc32c, &right.crc32c)
            && is_right(&self.crc64nvme, &right.crc64nvme)
            && is_right(&self.sha256, &right.sha256)
    }

    /// Returns an answer to a HEAD with these checksums, and nothing else.
    pub(crate) fn head(self) -> HeadObjectOutput {
        let kind = match self.kind {
            ChecksumKind::FullObject => ChecksumType::FULL_OBJECT,
            ChecksumKind::Composite => ChecksumType::COMPOSITE,
        };
        let checksum_type = (!self.is_empty()).then(|| ChecksumType::from_static(kind));
        HeadObjectOutput {
            checksum_crc32: self.crc32,
            checksum_crc32c: self.crc32c,
            checksum_crc64nvme: self.crc64nvme,
            checksum_sha256: self.sha256,
            checksum_type,
            ..HeadObjectOutput::default()
        }
    }

    fn is_empty(&self) -> bool {
        let Self {
            crc32,
            crc32c,
            crc64nvme,
            sha256,
            kind: _,
        } = self;
        let all = [crc32, crc32c, crc64nvme, sha256];
        all.iter().all(|checksum| checksum.is_none())
    }
}
