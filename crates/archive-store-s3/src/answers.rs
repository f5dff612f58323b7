//! Translation and checks of the SDK's answers.

use archive_store::UnfinishedUpload;
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
pub(super) fn as_bytes(size: i64) -> Option<u64> {
    u64::try_from(size).ok()
}

/// Reason why a body was not read to its end.
#[derive(Debug)]
pub(super) enum BodyError {
    /// More bytes than are wanted.
    TooLarge,
    /// Body that broke off.
    Broken(ByteStreamError),
}

/// Appends the body of an object, unless there would be more than `max_bytes` then. What has arrived
/// before a failure stays.
pub(super) async fn body(
    output: GetObjectOutput,
    max_bytes: u64,
    bytes: &mut Vec<u8>,
) -> Result<(), BodyError> {
    let room = |bytes: &[u8]| max_bytes.saturating_sub(bytes.len() as u64);
    let promised = output.content_length.and_then(as_bytes);
    if promised.is_some_and(|length| length > room(bytes)) {
        return Err(BodyError::TooLarge);
    }
    let mut stream = output.body;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(BodyError::Broken)?;
        if chunk.len() as u64 > room(bytes) {
            return Err(BodyError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(())
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
