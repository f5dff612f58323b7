//! Operations on buckets and objects.

use std::time::SystemTime;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::header::CONTENT_RANGE;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use s3s::dto::{
    ChecksumMode, DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, EncodingType,
    GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput,
    HeadObjectOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input,
    ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutObjectInput, PutObjectOutput, Range,
    StreamingBlob, Timestamp,
};
use s3s::{Body, S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use crate::actions::RepeatToken;
use crate::body::Zeros;
use crate::checksums::Checksums;
use crate::encoding::KeyEncoding;
use crate::server::Product;
use crate::store::{Bucket, Content, Object, Store};

/// S3 operations on a store.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) store: Store,
    /// Maximum number of entries on one page.
    pub(crate) page_limit: usize,
    /// Encoding of keys for `encoding-type=url`.
    pub(crate) url_encoding: KeyEncoding,
    pub(crate) product: Product,
}

impl Service {
    /// Passes a bucket to a function, or returns an error if it does not exist.
    pub(crate) fn in_bucket<T>(
        &self,
        bucket: &str,
        look: impl FnOnce(&Bucket) -> T,
    ) -> S3Result<T> {
        let missing = || s3_error!(NoSuchBucket, "The specified bucket does not exist");
        self.store.bucket(bucket, look).ok_or_else(missing)
    }

    fn object(&self, bucket: &str, key: &str) -> S3Result<Object> {
        let missing = || s3_error!(NoSuchKey, "The specified key does not exist.");
        self.in_bucket(bucket, |bucket| bucket.objects.get(key).cloned())?
            .ok_or_else(missing)
    }

    /// Number of entries that the answer may have; a negative request is refused.
    pub(crate) fn limit(&self, wished: Option<i32>) -> S3Result<usize> {
        let Some(wished) = wished else {
            return Ok(self.page_limit);
        };
        let negative = |_| {
            s3_error!(
                InvalidArgument,
                "The number of entries must not be negative"
            )
        };
        Ok(usize::try_from(wished)
            .map_err(negative)?
            .min(self.page_limit))
    }

    pub(crate) fn key_encoding(&self, asked: Option<&EncodingType>) -> S3Result<KeyEncoding> {
        match asked.map(EncodingType::as_str) {
            None => Ok(KeyEncoding::Plain),
            Some(EncodingType::URL) => Ok(self.url_encoding),
            Some(_) => Err(s3_error!(
                InvalidArgument,
                "Invalid Encoding Method specified in Request"
            )),
        }
    }
}

/// Refuses a request for another version of an object.
fn check_version(object: &Object, condition: Option<&ETagCondition>) -> S3Result<()> {
    let is_met = match condition {
        None | Some(ETagCondition::Any) => true,
        Some(ETagCondition::ETag(etag)) => etag.as_strong() == Some(&object.etag),
    };
    if is_met {
        return Ok(());
    }
    Err(s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold"
    ))
}

/// Error for a range beyond the end of an object.
fn beyond_end(whole: u64) -> S3Error {
    let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
    let headers = HeaderValue::try_from(format!("bytes */{whole}"))
        .map(|value| HeaderMap::from_iter([(CONTENT_RANGE, value)]));
    error.set_headers(headers.unwrap_or_default());
    error
}

/// Content, or the requested range of it, with the value of `Content-Range`.
fn read(content: Content, range: Option<Range>) -> S3Result<(Content, Option<String>)> {
    let Some(range) = range else {
        return Ok((content, None));
    };
    let whole = content.len();
    let range = range.check(whole).map_err(|_| beyond_end(whole))?;
    let words = format!(
        "bytes {}-{}/{whole}",
        range.start,
        range.end.saturating_sub(1)
    );
    let part = match content {
        Content::Zeros(_) => Content::Zeros(range.end - range.start),
        Content::Bytes(bytes) => {
            let [start, end] =
                [range.start, range.end].map(|at| at.try_into().unwrap_or(bytes.len()));
            Content::Bytes(bytes.slice(start..end))
        }
    };
    Ok((part, Some(words)))
}

fn body(content: Content) -> Body {
    match content {
        Content::Bytes(bytes) => Body::from(bytes),
        Content::Zeros(len) => Body::http_body(Zeros(len)),
    }
}

pub(crate) fn timestamp(moment: DateTime<Utc>) -> Timestamp {
    Timestamp::from(SystemTime::from(moment))
}

pub(crate) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(crate) fn count(entries: usize) -> i32 {
    i32::try_from(entries).unwrap_or(i32::MAX)
}

#[async_trait]
impl S3 for Service {
    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let repeats = RepeatToken::is_in(&request.extensions);
        self.list(request.input, repeats).map(S3Response::new)
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let object = self.object(&input.bucket, &input.key)?;
        if object.is_archived() {
            let message = "The operation is not valid for the object's storage class";
            return Err(s3_error!(InvalidObjectState, "{message}"));
        }
        check_version(&object, input.if_match.as_ref())?;
        let (content, content_range) = read(object.content, input.range)?;
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(size(content.len())),
            body: Some(StreamingBlob::from(body(content))),
            content_range,
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(timestamp(object.last_modified)),
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let object = self.object(&input.bucket, &input.key)?;
        check_version(&object, input.if_match.as_ref())?;
        let checksums = match input.checksum_mode {
            Some(mode) if mode.as_str() == ChecksumMode::ENABLED => object.checksums.clone(),
            Some(_) | None => Checksums::default(),
        };
        // S3 leaves the usual class out of this answer.
        let class = Some(object.storage_class).filter(|class| class != "STANDARD");
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(size(object.content.len())),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(timestamp(object.last_modified)),
            storage_class: class.map(|class| class.into_owned().into()),
            ..checksums.head()
        }))
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.in_bucket(&request.input.bucket, |_| {
            S3Response::new(HeadBucketOutput::default())
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an object is stamped when it arrives"
    )]
    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let mut input = request.input;
        self.in_bucket(&input.bucket, |_| ())?;
        let body = input.body.take().map_or_else(Body::empty, Body::from);
        let broken = |error| S3Error::with_source(S3ErrorCode::IncompleteBody, error);
        let content = body.collect().await.map_err(broken)?.to_bytes();
        let trailers = request
            .trailing_headers
            .and_then(|trailers| trailers.take());
        let checksums = Checksums::sent_with(&input, &trailers.unwrap_or_default());
        if !checksums.are_of(&content) {
            return Err(s3_error!(
                BadDigest,
                "The checksum you specified did not match what we received."
            ));
        }
        let object = Object::bytes(content, Utc::now()).with_checksums(checksums);
        let e_tag = Some(ETag::Strong(object.etag.clone()));
        self.store.put(&input.bucket, input.key, object);
        Ok(S3Response::new(PutObjectOutput {
            e_tag,
            ..Default::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.in_bucket(&request.input.bucket, |_| ())?;
        self.store.remove(&request.input.bucket, &request.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let repeats = RepeatToken::is_in(&request.extensions);
        self.list_uploads(request.input, repeats)
            .map(S3Response::new)
    }

    async fn list_parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let repeats = RepeatToken::is_in(&request.extensions);
        self.list_parts_of(request.input, repeats)
            .map(S3Response::new)
    }
}
