//! Pages of uploads that were not completed, and of their parts.

use std::ops::Bound;

use s3s::dto::{
    ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput,
    MultipartUpload, StorageClass,
};
use s3s::{S3Result, s3_error};

use crate::encoding::KeyEncoding;
use crate::service::{Service, count, size, timestamp};
use crate::store::{Bucket, Part, Upload};

impl Service {
    /// Uploads by key, then by upload id; without rolling them up.
    pub(crate) fn list_uploads(
        &self,
        input: ListMultipartUploadsInput,
        repeats: bool,
    ) -> S3Result<ListMultipartUploadsOutput> {
        if input
            .delimiter
            .as_ref()
            .is_some_and(|delimiter| !delimiter.is_empty())
        {
            return Err(s3_error!(
                NotImplemented,
                "Uploads are listed without a delimiter"
            ));
        }
        let encoding = self.key_encoding(input.encoding_type.as_ref())?;
        let limit = self.limit(input.max_uploads)?;
        let by_key = self.product.lists_uploads_by_key();
        let found = |bucket: &Bucket| {
            let mut found = uploads_behind_markers(bucket, &input, limit + 1);
            found.retain(|upload| !by_key || input.prefix.as_ref() == Some(&upload.key));
            found
        };
        let (uploads, truncated) = cut(self.in_bucket(&input.bucket, found)?, limit);
        let last = uploads.last().filter(|_| truncated || repeats);
        let given = input.key_marker.clone().filter(|_| repeats);
        let next_key = given.or_else(|| last.map(|upload| upload.key.clone()));
        let given = input.upload_id_marker.clone().filter(|_| repeats);
        let next_upload_id = given.or_else(|| last.map(|upload| upload.upload_id.clone()));
        Ok(ListMultipartUploadsOutput {
            is_truncated: Some(next_key.is_some()),
            next_key_marker: encoding.apply_to(next_key.as_deref()),
            next_upload_id_marker: next_upload_id,
            max_uploads: Some(count(limit)),
            uploads: Some(
                uploads
                    .iter()
                    .map(|upload| listed(upload, encoding))
                    .collect(),
            ),
            prefix: encoding.apply_to(input.prefix.as_deref()),
            key_marker: encoding.apply_to(input.key_marker.as_deref()),
            upload_id_marker: input.upload_id_marker,
            encoding_type: input.encoding_type,
            bucket: Some(input.bucket),
            ..Default::default()
        })
    }

    /// Parts by number.
    pub(crate) fn list_parts_of(
        &self,
        input: ListPartsInput,
        repeats: bool,
    ) -> S3Result<ListPartsOutput> {
        let limit = self.limit(input.max_parts)?;
        let marker = input.part_number_marker.unwrap_or_default();
        let id = (input.key.clone(), input.upload_id.clone());
        let upload = self.in_bucket(&input.bucket, |bucket| bucket.uploads.get(&id).cloned())?;
        let mut parts = upload.ok_or_else(|| s3_error!(NoSuchUpload))?.parts;
        parts.retain(|part| part.number > marker);
        let (parts, truncated) = cut(parts, limit);
        let given = input.part_number_marker.filter(|_| repeats);
        let last = parts
            .last()
            .filter(|_| truncated || repeats)
            .map(|part| part.number);
        let next_marker = given.or(last);
        Ok(ListPartsOutput {
            is_truncated: Some(next_marker.is_some()),
            next_part_number_marker: next_marker,
            part_number_marker: Some(marker),
            max_parts: Some(count(limit)),
            parts: Some(parts.into_iter().map(listed_part).collect()),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            ..Default::default()
        })
    }
}

fn uploads_behind_markers(
    bucket: &Bucket,
    input: &ListMultipartUploadsInput,
    most: usize,
) -> Vec<Upload> {
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let marker = input.key_marker.as_deref().unwrap_or_default();
    // Without an upload id, all uploads to the marked key are behind us.
    let whole_key = input.upload_id_marker.is_none();
    let behind = (
        marker.to_owned(),
        input.upload_id_marker.clone().unwrap_or_default(),
    );
    let first = behind.max((prefix.to_owned(), String::new()));
    let uploads = bucket
        .uploads
        .range((Bound::Excluded(first), Bound::Unbounded));
    let uploads = uploads.map(|(_, upload)| upload);
    uploads
        .skip_while(|upload| whole_key && !marker.is_empty() && upload.key == marker)
        .take_while(|upload| upload.key.starts_with(prefix))
        .take(most)
        .cloned()
        .collect()
}

/// Takes at most `limit` entries, and returns true if there were more; an empty page is the end.
fn cut<T>(mut entries: Vec<T>, limit: usize) -> (Vec<T>, bool) {
    let truncated = limit > 0 && entries.len() > limit;
    entries.truncate(limit);
    (entries, truncated)
}

fn listed(upload: &Upload, encoding: KeyEncoding) -> MultipartUpload {
    MultipartUpload {
        key: Some(encoding.apply(&upload.key)),
        upload_id: Some(upload.upload_id.clone()),
        initiated: Some(timestamp(upload.initiated)),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..Default::default()
    }
}

fn listed_part(part: Part) -> s3s::dto::Part {
    s3s::dto::Part {
        part_number: Some(part.number),
        size: Some(size(part.size)),
        e_tag: Some(ETag::Strong(part.etag)),
        last_modified: Some(timestamp(part.last_modified)),
        ..Default::default()
    }
}
