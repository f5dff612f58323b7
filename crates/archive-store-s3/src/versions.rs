//! Versions of objects: the condition for reading one, and the checksums that the store has of it.

use archive_store::{ObjectChecksums, ObjectVersion};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumType;
use aws_smithy_types::base64;

use super::answers::as_bytes;

/// Returns the value of `If-Match` that asks for this version; `None` if its tag is not known.
pub(super) fn condition(object: &ObjectVersion) -> Option<String> {
    object.etag.as_ref().map(|etag| format!("\"{etag}\""))
}

/// Returns whether an answer with this entity tag can be about this version.
///
/// Stores that ignore `If-Match` are found out here. An answer without a tag is believed.
pub(super) fn is_tagged(object: &ObjectVersion, etag: Option<&str>) -> bool {
    match (&object.etag, etag) {
        (Some(expected), Some(found)) => expected == unquoted(found),
        (None, _) | (_, None) => true,
    }
}

/// Removes the quotes, and the mark that proxies add where they change an encoding.
fn unquoted(etag: &str) -> &str {
    etag.trim().trim_start_matches("W/").trim_matches('"')
}

/// Returns whether an answer about an object is about this version of it.
pub(super) fn is_version(object: &ObjectVersion, output: &HeadObjectOutput) -> bool {
    let size = output.content_length().and_then(as_bytes);
    is_tagged(object, output.e_tag()) && size.is_none_or(|size| size == object.size)
}

/// Reads the checksums of the whole content. Those that make no sense are left out.
pub(super) fn checksums(output: &HeadObjectOutput) -> ObjectChecksums {
    // A checksum of an upload in parts covers the checksums of its parts, unless it says otherwise.
    if output.checksum_type() != Some(&ChecksumType::FullObject) {
        return ObjectChecksums::default();
    }
    ObjectChecksums {
        crc32: decoded(output.checksum_crc32()).map(u32::from_be_bytes),
        crc32c: decoded(output.checksum_crc32_c()).map(u32::from_be_bytes),
        crc64nvme: decoded(output.checksum_crc64_nvme()).map(u64::from_be_bytes),
        sha256: decoded(output.checksum_sha256()),
    }
}

/// Decodes a checksum; `None` if it is not in base64, or of another length.
fn decoded<const N: usize>(text: Option<&str>) -> Option<[u8; N]> {
    base64::decode(text?).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(etag: Option<&str>) -> ObjectVersion {
        ObjectVersion {
            key: "k".to_owned(),
            size: 3,
            etag: etag.map(str::to_owned),
        }
    }

    #[test]
    fn tags_are_compared_without_quotes() {
        for found in ["\"a-1\"", "a-1", "W/\"a-1\"", " \"a-1\" "] {
            assert!(is_tagged(&tagged(Some("a-1")), Some(found)), "{found}");
        }
        for found in ["\"a-2\"", "\"\"", "a", "\"A-1\""] {
            assert!(!is_tagged(&tagged(Some("a-1")), Some(found)), "{found}");
        }
        assert!(is_tagged(&tagged(None), Some("a-1")));
        assert!(is_tagged(&tagged(Some("a-1")), None));
    }

    #[test]
    fn only_checksums_of_whole_objects_count() {
        let output = |kind| {
            HeadObjectOutput::builder()
                .checksum_crc32("NSRBwg==")
                .set_checksum_type(kind)
                .build()
        };

        let whole = checksums(&output(Some(ChecksumType::FullObject)));

        assert_eq!(whole.crc32, Some(0x3524_41c2));
        for kind in [None, Some(ChecksumType::Composite), Some("ODD".into())] {
            assert_eq!(checksums(&output(kind)), ObjectChecksums::default());
        }
    }

    #[test]
    fn checksums_that_make_no_sense_are_left_out() {
        for text in ["", "NSRBwg", "NSRBwg==-2", "NSRB", "NSRBwsI=", "ä"] {
            let output = HeadObjectOutput::builder()
                .checksum_crc32(text)
                .checksum_crc64_nvme("AAAAAAAAAAE=")
                .checksum_type(ChecksumType::FullObject)
                .build();

            let found = checksums(&output);

            assert_eq!((found.crc32, found.crc64nvme), (None, Some(1)), "{text}");
        }
    }
}
