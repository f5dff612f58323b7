//! Contents of the buckets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use s3s::crypto::{Checksum as _, Md5};

use crate::checksums::Checksums;
use crate::encoding::hex;

/// Buckets in memory, shared by all clones.
///
/// Changes are seen by the next request.
#[derive(Clone, Debug, Default)]
pub struct Store(Arc<RwLock<Buckets>>);

type Buckets = BTreeMap<String, Bucket>;

/// Bucket: its objects by key, its uploads by key and upload id.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) objects: BTreeMap<String, Object>,
    pub(crate) uploads: BTreeMap<(String, String), Upload>,
}

/// Object, with everything that a listing shows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Content that a client reads.
    pub content: Content,
    /// Time of the upload, as listings show it.
    pub last_modified: DateTime<Utc>,
    /// Entity tag, without quotes.
    pub etag: String,
    /// Storage class; `STANDARD` unless another one was set.
    pub storage_class: Cow<'static, str>,
    /// Checksums that the client sent with it.
    pub checksums: Checksums,
}

/// Bytes of an object, or only their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Real bytes.
    Bytes(Bytes),
    /// This many zero bytes, generated while they are sent.
    Zeros(u64),
}

/// Multipart upload that was started and not completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Key of the object that it would become.
    pub key: String,
    /// Identifier that distinguishes uploads to one key.
    pub upload_id: String,
    /// Start of the upload.
    pub initiated: DateTime<Utc>,
    /// Parts that arrived, by ascending number.
    pub parts: Vec<Part>,
}

/// Part of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of the part, from 1 to 10000.
    pub number: i32,
    /// Size in bytes.
    pub size: u64,
    /// Arrival time.
    pub last_modified: DateTime<Utc>,
    /// Entity tag, without quotes.
    pub etag: String,
}

impl Content {
    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Zeros(len) => *len,
        }
    }

    /// Returns whether the content is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Object {
    /// Creates an object with real content; its entity tag is the MD5 sum, as in S3.
    pub fn bytes(content: impl Into<Bytes>, last_modified: DateTime<Utc>) -> Self {
        let content = content.into();
        let etag = hex(&Md5::checksum(&content));
        Self::new(Content::Bytes(content), last_modified, etag)
    }

    /// Creates an object without its content; its entity tag follows from size and time.
    #[must_use]
    pub fn zeros(len: u64, last_modified: DateTime<Utc>) -> Self {
        let etag = format!("{len:016x}{:016x}", last_modified.timestamp_micros());
        Self::new(Content::Zeros(len), last_modified, etag)
    }

    /// Creates an object with real content that was uploaded in parts of this size; its entity tag is
    /// the MD5 sum of those of its parts, and their number, as in S3.
    pub fn in_parts(
        content: impl Into<Bytes>,
        part_bytes: usize,
        last_modified: DateTime<Utc>,
    ) -> Self {
        let content = content.into();
        let parts = content.chunks(part_bytes.max(1));
        let number = parts.len();
        let sums: Vec<u8> = parts.flat_map(Md5::checksum).collect();
        let etag = format!("{}-{number}", hex(&Md5::checksum(&sums)));
        Self::new(Content::Bytes(content), last_modified, etag)
    }

    fn new(content: Content, last_modified: DateTime<Utc>, etag: String) -> Self {
        Self {
            content,
            last_modified,
            etag,
            storage_class: Cow::Borrowed("STANDARD"),
            checksums: Checksums::default(),
        }
    }

    /// Returns this object with checksums.
    #[must_use]
    pub fn with_checksums(self, checksums: Checksums) -> Self {
        Self { checksums, ..self }
    }

    /// Returns this object in another storage class, such as `GLACIER`.
    #[must_use]
    pub fn stored_as(self, storage_class: impl Into<Cow<'static, str>>) -> Self {
        Self {
            storage_class: storage_class.into(),
            ..self
        }
    }

    /// Returns whether it must be restored before it can be read.
    pub(crate) fn is_archived(&self) -> bool {
        matches!(&*self.storage_class, "GLACIER" | "DEEP_ARCHIVE")
    }
}

impl Store {
    /// Makes an empty bucket, unless it is there.
    pub fn create_bucket(&self, bucket: &str) {
        self.write().entry(bucket.to_owned()).or_default();
    }

    /// Puts an object, in place of any with the same key; creates the bucket if necessary.
    pub fn put(&self, bucket: &str, key: impl Into<String>, object: Object) {
        self.write()
            .entry(bucket.to_owned())
            .or_default()
            .objects
            .insert(key.into(), object);
    }

    /// Puts real content; see [`Store::put`].
    pub fn put_bytes(
        &self,
        bucket: &str,
        key: impl Into<String>,
        content: impl Into<Bytes>,
        last_modified: DateTime<Utc>,
    ) {
        self.put(bucket, key, Object::bytes(content, last_modified));
    }

    /// Puts an object of that size without its content; see [`Store::put`].
    pub fn put_zeros(
        &self,
        bucket: &str,
        key: impl Into<String>,
        len: u64,
        last_modified: DateTime<Utc>,
    ) {
        self.put(bucket, key, Object::zeros(len, last_modified));
    }

    /// Removes an object, if it is there.
    pub fn remove(&self, bucket: &str, key: &str) {
        if let Some(bucket) = self.write().get_mut(bucket) {
            bucket.objects.remove(key);
        }
    }

    /// Object with this key; `None` if there is none.
    #[must_use]
    pub fn get(&self, bucket: &str, key: &str) -> Option<Object> {
        self.read().get(bucket)?.objects.get(key).cloned()
    }

    /// Changes an object in place; returns `false` if it does not exist.
    pub fn update(&self, bucket: &str, key: &str, change: impl FnOnce(&mut Object)) -> bool {
        let mut buckets = self.write();
        let object = buckets
            .get_mut(bucket)
            .and_then(|bucket| bucket.objects.get_mut(key));
        object.map(change).is_some()
    }

    /// All keys of a bucket, in the order of their bytes; empty if the bucket does not exist.
    #[must_use]
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let keys = |bucket: &Bucket| bucket.objects.keys().cloned().collect();
        self.read().get(bucket).map(keys).unwrap_or_default()
    }

    /// Adds an upload that is not completed; makes the bucket if need be.
    pub fn begin_upload(&self, bucket: &str, upload: Upload) {
        let id = (upload.key.clone(), upload.upload_id.clone());
        self.write()
            .entry(bucket.to_owned())
            .or_default()
            .uploads
            .insert(id, upload);
    }

    /// Removes an upload, if it is there, as if completed or aborted.
    ///
    /// The object of a completed one has to be [put](Store::put).
    pub fn end_upload(&self, bucket: &str, key: &str, upload_id: &str) {
        if let Some(bucket) = self.write().get_mut(bucket) {
            bucket
                .uploads
                .remove(&(key.to_owned(), upload_id.to_owned()));
        }
    }

    /// Passes a bucket to a function; `None` if the bucket does not exist.
    pub(crate) fn bucket<T>(&self, bucket: &str, look: impl FnOnce(&Bucket) -> T) -> Option<T> {
        self.read().get(bucket).map(look)
    }

    fn read(&self) -> RwLockReadGuard<'_, Buckets> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Buckets> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
