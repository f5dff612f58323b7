//! The SDK's answers, translated and checked.

use archive_store::{ErrorKind, ErrorScope, StorageError, UnfinishedUpload};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::operation::list_parts::ListPartsOutput;
use aws_sdk_s3::primitives::{ByteStreamError, DateTime as SdkDateTime};
use aws_sdk_s3::types::{EncodingType, MultipartUpload};
use chrono::{DateTime, Utc};

use crate::encoding::decode;

/// Position at which the next page of uploads starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct UploadMarker {
    pub(super) key: Option<String>,
    pub(super) upload_id: Option<String>,
}

/// Complaint about an answer that makes no sense. Continues a sentence that names what was
/// requested.
#[derive(Debug)]
pub(super) struct AnswerProblem(pub(super) String);

/// A complaint, which goes on after the name of what was asked for.
pub(super) fn senseless(complaint: impl Into<String>) -> AnswerProblem {
    AnswerProblem(complaint.into())
}

/// Returns the marker at which a listing continues, from `IsTruncated` and the marker in an answer.
///
/// Only an explicit `false` ends a listing that has a marker. A store that leaves `IsTruncated` out
/// would otherwise have half a listing taken for a whole one.
pub(super) fn next<T>(
    truncated: Option<bool>,
    marker: Option<T>,
    lacking: &'static str,
) -> Result<Option<T>, AnswerProblem> {
    match (truncated, marker) {
        (Some(false), _) | (None, None) => Ok(None),
        (Some(true) | None, Some(marker)) => Ok(Some(marker)),
        (Some(true), None) => {
            Err(senseless(format!("goes on (`IsTruncated`), but has no `{lacking}`")))
        }
    }
}

/// A marker, unless it is empty.
pub(super) fn filled(marker: Option<String>) -> Option<String> {
    marker.filter(|marker| !marker.is_empty())
}

/// Adds a page of uploads; yields where the next page begins.
pub(super) fn uploads(
    output: ListMultipartUploadsOutput,
    found: &mut Vec<UnfinishedUpload>,
) -> Result<Option<UploadMarker>, AnswerProblem> {
    let encoded = is_encoded(output.encoding_type.as_ref());
    for listed in output.uploads.unwrap_or_default() {
        found.push(upload(listed, encoded)?);
    }
    let upload_id = filled(output.next_upload_id_marker);
    let key = next(output.is_truncated, filled(output.next_key_marker), "NextKeyMarker")?;
    Ok(key.map(|key| UploadMarker { key: Some(decoded(key, encoded)), upload_id }))
}

fn upload(listed: MultipartUpload, encoded: bool) -> Result<UnfinishedUpload, AnswerProblem> {
    let lacks = |field| senseless(format!("has an upload without `{field}`"));
    Ok(UnfinishedUpload {
        key: decoded(listed.key.ok_or_else(|| lacks("Key"))?, encoded),
        upload_id: listed.upload_id.ok_or_else(|| lacks("UploadId"))?,
        initiated_at: listed.initiated.as_ref().and_then(moment),
    })
}

/// Adds the bytes of a page of parts; yields the number of the part after which the next begins.
pub(super) fn parts(
    output: &ListPartsOutput,
    bytes: &mut u64,
) -> Result<Option<u32>, AnswerProblem> {
    for part in output.parts() {
        let size = part.size.and_then(|size| u64::try_from(size).ok());
        let size = size.ok_or_else(|| senseless("has a part without `Size`"))?;
        *bytes = bytes.saturating_add(size);
    }
    let marker = output.next_part_number_marker().filter(|marker| !marker.is_empty());
    let Some(marker) = next(output.is_truncated, marker, "NextPartNumberMarker")? else {
        return Ok(None);
    };
    let number: u32 = marker
        .parse()
        .map_err(|_| senseless(format!("has `{marker}` as `NextPartNumberMarker`")))?;
    // Parts are counted from 1: an upload without any has nothing to go on after.
    let is_end = number == 0 && output.is_truncated.is_none();
    Ok((!is_end).then_some(number))
}

/// Reason why a body was not read.
#[derive(Debug)]
pub(super) enum BodyError {
    TooLarge(StorageError),
    Broken(ByteStreamError),
}

/// The body of an object, unless it is larger than `max_bytes`.
pub(super) async fn body(
    output: GetObjectOutput,
    key: &str,
    max_bytes: u64,
) -> Result<Vec<u8>, BodyError> {
    let too_large = || {
        let text = format!("`{key}` is larger than the {max_bytes} bytes that it may have");
        BodyError::TooLarge(StorageError::new(
            ErrorKind::Protocol,
            ErrorScope::TooLargeObject,
            text,
        ))
    };
    let fits = |bytes: usize| u64::try_from(bytes).is_ok_and(|bytes| bytes <= max_bytes);
    if output
        .content_length
        .is_some_and(|length| u64::try_from(length).is_ok_and(|n| n > max_bytes))
    {
        return Err(too_large());
    }
    let mut stream = output.body;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk.map_err(BodyError::Broken)?);
        if !fits(bytes.len()) {
            return Err(too_large());
        }
    }
    Ok(bytes)
}

fn is_encoded(encoding: Option<&EncodingType>) -> bool {
    encoding == Some(&EncodingType::Url)
}

/// A key or marker, decoded where the listing is encoded.
pub(super) fn decoded(text: String, encoded: bool) -> String {
    if encoded { decode(text) } else { text }
}

/// The moment, unless it is too far away to be one.
pub(super) fn moment(at: &SdkDateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}
