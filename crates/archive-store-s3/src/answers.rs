//! Translation and checks of the SDK's answers.

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

/// Creates a complaint that continues a sentence after the name of what was requested.
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
    marker_name: &'static str,
) -> Result<Option<T>, AnswerProblem> {
    match (truncated, marker) {
        (Some(false), _) | (None, None) => Ok(None),
        (Some(true) | None, Some(marker)) => Ok(Some(marker)),
        (Some(true), None) => Err(senseless(format!(
            "goes on (`IsTruncated`), but has no `{marker_name}`"
        ))),
    }
}

/// Returns a marker, unless it is empty.
pub(super) fn filled(marker: Option<String>) -> Option<String> {
    marker.filter(|marker| !marker.is_empty())
}

/// Adds a page of uploads; returns the start of the next page, and `None` after the last one.
pub(super) fn uploads(
    output: ListMultipartUploadsOutput,
    found: &mut Vec<UnfinishedUpload>,
) -> Result<Option<UploadMarker>, AnswerProblem> {
    let encoded = is_encoded(output.encoding_type.as_ref());
    for listed in output.uploads.unwrap_or_default() {
        found.push(upload(listed, encoded)?);
    }
    let upload_id = filled(output.next_upload_id_marker);
    let key = next(
        output.is_truncated,
        filled(output.next_key_marker),
        "NextKeyMarker",
    )?;
    Ok(key.map(|key| UploadMarker {
        key: Some(decoded(key, encoded)),
        upload_id,
    }))
}

fn upload(listed: MultipartUpload, encoded: bool) -> Result<UnfinishedUpload, AnswerProblem> {
    let lacks = |field| senseless(format!("has an upload without `{field}`"));
    Ok(UnfinishedUpload {
        key: decoded(listed.key.ok_or_else(|| lacks("Key"))?, encoded),
        upload_id: listed.upload_id.ok_or_else(|| lacks("UploadId"))?,
        initiated_at: listed.initiated.as_ref().and_then(moment),
    })
}

/// Adds the bytes of a page of parts; returns the number of the part after which the next page
/// starts, and `None` after the last page.
pub(super) fn parts(
    output: &ListPartsOutput,
    bytes: &mut u64,
) -> Result<Option<u32>, AnswerProblem> {
    for part in output.parts() {
        let Some(size) = part.size.and_then(as_bytes) else {
            return Err(senseless("has a part without `Size`"));
        };
        *bytes = bytes.saturating_add(size);
    }
    let marker = filled(output.next_part_number_marker().map(str::to_owned));
    let Some(marker) = next(output.is_truncated, marker, "NextPartNumberMarker")? else {
        return Ok(None);
    };
    let Ok(number) = marker.parse::<u32>() else {
        return Err(senseless(format!(
            "has `{marker}` as `NextPartNumberMarker`"
        )));
    };
    // Parts are counted from 1: the marker of an upload without parts is 0.
    let is_end = number == 0 && output.is_truncated.is_none();
    if is_end { Ok(None) } else { Ok(Some(number)) }
}

/// Converts a size of the SDK; `None` if it is negative.
fn as_bytes(size: i64) -> Option<u64> {
    u64::try_from(size).ok()
}

/// Reason why a body was not read.
#[derive(Debug)]
pub(super) enum BodyError {
    TooLarge(StorageError),
    Broken(ByteStreamError),
}

/// Reads the body of an object, unless it is larger than `max_bytes`.
pub(super) async fn body(
    output: GetObjectOutput,
    key: &str,
    max_bytes: u64,
) -> Result<Vec<u8>, BodyError> {
    if let Some(length) = output.content_length.and_then(as_bytes)
        && length > max_bytes
    {
        return Err(too_large(key, max_bytes));
    }
    let mut stream = output.body;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(BodyError::Broken)?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > max_bytes {
            return Err(too_large(key, max_bytes));
        }
    }
    Ok(bytes)
}

fn too_large(key: &str, max_bytes: u64) -> BodyError {
    let text = format!("`{key}` is larger than the {max_bytes} bytes that it may have");
    BodyError::TooLarge(StorageError::new(
        ErrorKind::Protocol,
        ErrorScope::TooLargeObject,
        text,
    ))
}

fn is_encoded(encoding: Option<&EncodingType>) -> bool {
    encoding == Some(&EncodingType::Url)
}

/// Decodes a key or marker, if the listing is encoded.
pub(super) fn decoded(text: String, encoded: bool) -> String {
    if encoded { decode(text) } else { text }
}

/// Converts a time; `None` if it is out of range.
pub(super) fn moment(at: &SdkDateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}
