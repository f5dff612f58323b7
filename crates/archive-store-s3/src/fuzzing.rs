//! Decoders of answers without a store, for tests that make up answers.
//!
//! Each takes the bytes of an answer as a store sends them, and goes the way that the answer to a
//! real call goes.

use std::fmt::Debug;
use std::ops::Range;
use std::path::Path;

use archive_store::{
    EntityTags, ListPage, ListedObject, ObjectChecksums, Operation, StorageClass, StorageError,
    UnfinishedUpload,
};
use aws_sdk_s3::config::ConfigBag;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::list_multipart_uploads::{
    ListMultipartUploads, ListMultipartUploadsOutput,
};
use aws_sdk_s3::operation::list_objects_v2::{
    ListObjectsV2, ListObjectsV2Error, ListObjectsV2Output,
};
use aws_sdk_s3::operation::list_parts::{ListParts, ListPartsOutput};
use aws_sdk_s3::primitives::SdkBody;
use aws_sdk_s3::types::{ChecksumType, EncodingType, Object};
use aws_smithy_runtime_api::client::interceptors::context::OutputOrError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};

use crate::answers::{self, decoded, filled, moment, next};
use crate::fault::{Call, CallTarget};
use crate::pages::DecodedPage;
use crate::ranges::ContentRange;
use crate::{credentials, errors, versions};

/// Returns the page in an answer of `ListObjectsV2`, with these entity tags; `None` for every error.
#[must_use]
pub fn page(answer: &[u8], tags: EntityTags) -> Option<ListPage> {
    let page = DecodedPage::new(tags);
    let response = response(200, answer)?;
    let output = page.deserialize_nonstreaming_with_config(&response, &ConfigBag::base());
    output.is_ok().then(|| page.take().ok())?
}

/// Returns the page in an answer of `ListObjectsV2` as the SDK decodes it, with the entity tags of
/// small objects; `None` for every error.
#[must_use]
pub fn page_of_the_sdk(answer: &[u8]) -> Option<ListPage> {
    let output: ListObjectsV2Output = by_the_sdk(&ListObjectsV2::new(), answer)?;
    let encoded = output.encoding_type == Some(EncodingType::Url);
    let token = filled(output.next_continuation_token);
    let objects = output.contents.unwrap_or_default().into_iter();
    let prefixes = output.common_prefixes.unwrap_or_default().into_iter();
    Some(ListPage {
        objects: objects
            .map(|listed| object(listed, encoded))
            .collect::<Option<_>>()?,
        common_prefixes: prefixes
            .map(|common| Some(decoded(common.prefix?, encoded)))
            .collect::<Option<_>>()?,
        next: next(output.is_truncated, token, "NextContinuationToken").ok()?,
    })
}

fn object(listed: Object, encoded: bool) -> Option<ListedObject> {
    Some(ListedObject {
        key: decoded(listed.key?, encoded),
        size: listed.size?.try_into().ok()?,
        last_modified: moment(&listed.last_modified?)?,
        etag: listed
            .e_tag
            .map(|etag| etag.trim_matches('"').to_owned())
            .filter(|_| listed.size.is_some_and(|size| size <= 1 << 20)),
        storage_class: listed
            .storage_class
            .map(|class| StorageClass::of(class.as_str())),
    })
}

/// Returns the uploads in an answer of `ListMultipartUploads`, and whether the listing goes on; `None`
/// for every error.
#[must_use]
pub fn uploads(answer: &[u8]) -> Option<(Vec<UnfinishedUpload>, bool)> {
    let output: ListMultipartUploadsOutput = by_the_sdk(&ListMultipartUploads::new(), answer)?;
    let mut found = Vec::new();
    let marker = answers::uploads(output, &mut found).ok()?;
    Some((found, marker.is_some()))
}

/// Returns the bytes of the parts in an answer of `ListParts`, and the part after which the listing
/// goes on; `None` for every error.
#[must_use]
pub fn parts(answer: &[u8]) -> Option<(u64, Option<u32>)> {
    let output: ListPartsOutput = by_the_sdk(&ListParts::new(), answer)?;
    let mut bytes = 0;
    let marker = answers::parts(&output, &mut bytes).ok()?;
    Some((bytes, marker))
}

/// Answer that is an error, as the program understands it.
#[derive(Debug)]
pub struct Refusal {
    /// The error, with its advice.
    pub error: StorageError,
    /// Cause in one line, as the store words it.
    pub cause: String,
    /// Region that the store names as the right one, if the request failed only because of its own.
    pub region: Option<String>,
    /// Size of the object, if a range beyond its end was asked for.
    pub object_size: Option<u64>,
}

/// Headers that say something about an error.
const HEADERS: [&str; 4] = [
    "x-amz-bucket-region",
    "content-range",
    "content-type",
    "server",
];

/// Returns what an answer of `ListObjectsV2` with this HTTP status means, if all its headers have this
/// value; `None` if the answer is not an error.
#[must_use]
pub fn refusal(status: u16, header: &str, answer: &[u8]) -> Option<Refusal> {
    let mut response = response(status, answer)?;
    for name in HEADERS {
        // A value that no header can have is left out.
        let _ = response.headers_mut().try_insert(name, header.to_owned());
    }
    let failed = deserialized(&ListObjectsV2::new(), &response)?.err()?;
    let mut error = None;
    let _ = failed.map_operation_error(|erased| error = erased.downcast().ok());
    let error: Box<ListObjectsV2Error> = error?;
    let error = SdkError::service_error(*error, response);
    let target = CallTarget {
        bucket: "bucket",
        endpoint: Some("https://store.example.org"),
        region: "us-east-1",
        path_style: true,
    };
    let call = Call {
        operation: Operation::ListObjectsV2,
        key: "prefix/",
    };
    Some(Refusal {
        error: target.explain(call, &errors::fault(&error)),
        cause: errors::rendered(&error),
        region: errors::region_to_follow(&error, Operation::ListObjectsV2),
        object_size: errors::object_size(&error),
    })
}

/// Returns the bytes and the size of the object in a `Content-Range`, each if it is stated; `None` if
/// the text makes no sense.
#[must_use]
pub fn content_range(text: &str) -> Option<(Option<Range<u64>>, Option<u64>)> {
    let range = ContentRange::parse(text)?;
    Some((range.bytes, range.object_size))
}

/// Returns the checksums of an object whose headers all state this text.
#[must_use]
pub fn checksums(text: &str) -> ObjectChecksums {
    let output = HeadObjectOutput::builder()
        .checksum_crc32(text)
        .checksum_crc32_c(text)
        .checksum_crc64_nvme(text)
        .checksum_sha256(text)
        .checksum_type(ChecksumType::FullObject)
        .build();
    versions::checksums(&output)
}

/// Returns the credential in a file; `None` if the file does not hold one.
#[must_use]
pub fn credential(content: &[u8]) -> Option<String> {
    credentials::one_line(Path::new("key"), content.to_owned()).ok()
}

fn response(status: u16, body: &[u8]) -> Option<HttpResponse> {
    Some(HttpResponse::new(
        status.try_into().ok()?,
        SdkBody::from(body),
    ))
}

/// Returns a successful answer as the SDK reads it; `None` for every error.
fn by_the_sdk<T>(operation: &impl RuntimePlugin, answer: &[u8]) -> Option<T>
where
    T: Debug + Send + Sync + 'static,
{
    let output = deserialized(operation, &response(200, answer)?)?.ok()?;
    output.downcast().ok()
}

fn deserialized(operation: &impl RuntimePlugin, response: &HttpResponse) -> Option<OutputOrError> {
    let config = operation.config()?;
    let sdk = config.load::<SharedResponseDeserializer>()?;
    Some(sdk.deserialize_nonstreaming_with_config(response, &ConfigBag::base()))
}
