//! One server's directory in the bucket.

use chrono::{DateTime, SubsecRound, Utc};
use embedded_s3::{Object, Part, Store, Upload};

/// The bucket that everything is in.
pub(crate) const BUCKET: &str = "kilobase";

/// Part of the destination path behind the bucket.
pub(crate) const PREFIX: &str = "barman/backup";

/// Size of the parts of an upload: Barman's, with its default of 100 GB for an archive file.
pub(crate) const UPLOAD_PART_BYTES: u64 = 20_971_520;

/// One server's directory; keys are relative to it.
pub(crate) struct Directory {
    store: Store,
    path: String,
}

impl Directory {
    pub(crate) fn new(store: &Store, server: &str) -> Self {
        store.create_bucket(BUCKET);
        Self {
            store: store.clone(),
            path: format!("{PREFIX}/{server}/"),
        }
    }

    /// Puts an object with real content.
    pub(crate) fn put(&self, key: &str, content: impl Into<Vec<u8>>, at: DateTime<Utc>) {
        self.store.put_bytes(
            BUCKET,
            self.absolute(key),
            content.into(),
            whole_seconds(at),
        );
    }

    /// Puts an object of which only the size matters.
    pub(crate) fn put_zeros(&self, key: &str, bytes: u64, at: DateTime<Utc>) {
        self.store
            .put_zeros(BUCKET, self.absolute(key), bytes, whole_seconds(at));
    }

    /// Puts an object that was uploaded in parts, which its entity tag shows.
    pub(crate) fn put_upload(&self, key: &str, bytes: u64, at: DateTime<Utc>) {
        let object = Object::zeros(bytes, whole_seconds(at));
        let parts = bytes.div_ceil(UPLOAD_PART_BYTES).max(1);
        let etag = format!("{}-{parts}", object.etag);
        self.store
            .put(BUCKET, self.absolute(key), Object { etag, ..object });
    }

    /// Begins an upload, or lets it grow to that many parts.
    pub(crate) fn upload(&self, key: &str, begun_at: DateTime<Utc>, parts: i32, at: DateTime<Utc>) {
        let part = |number| Part {
            number,
            size: UPLOAD_PART_BYTES,
            last_modified: whole_seconds(at),
            etag: format!("{number:032x}"),
        };
        let upload = Upload {
            key: self.absolute(key),
            upload_id: upload_id(begun_at),
            initiated: whole_seconds(begun_at),
            parts: (1..=parts).map(part).collect(),
        };
        self.store.begin_upload(BUCKET, upload);
    }

    /// Ends an upload, which was completed.
    pub(crate) fn end_upload(&self, key: &str, begun_at: DateTime<Utc>) {
        self.store
            .end_upload(BUCKET, &self.absolute(key), &upload_id(begun_at));
    }

    pub(crate) fn remove(&self, key: &str) {
        self.store.remove(BUCKET, &self.absolute(key));
    }

    /// The keys that begin like this.
    pub(crate) fn keys(&self, beginning: &str) -> Vec<String> {
        let mut keys = self.store.keys(BUCKET);
        keys.retain(|key| key.starts_with(&self.absolute(beginning)));
        keys.iter()
            .filter_map(|key| key.strip_prefix(&self.path))
            .map(str::to_owned)
            .collect()
    }

    /// Bytes of all its objects.
    pub(crate) fn bytes(&self) -> u64 {
        let keys = self.keys("").into_iter();
        let objects = keys.filter_map(|key| self.store.get(BUCKET, &self.absolute(&key)));
        objects.map(|object| object.content.len()).sum()
    }

    fn absolute(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }
}

/// Listings of most stores know no fractions.
fn whole_seconds(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(0)
}

fn upload_id(begun_at: DateTime<Utc>) -> String {
    format!("upload-{:x}", begun_at.timestamp_micros())
}
