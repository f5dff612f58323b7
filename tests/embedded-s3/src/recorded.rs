//! Archives that were recorded from real programs.

use std::path::{Path, PathBuf};
use std::{fs, io};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::checksums::Checksums;
use crate::store::{Content, Object, Part, Store, Upload};

/// Facts about a recorded archive, in addition to its objects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Recorded {
    /// Only bucket of the store.
    pub bucket: String,
    /// End of the recording, by the faked clock.
    pub now: DateTime<Utc>,
}

/// Reason why a recorded archive cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// File that is missing or cannot be read.
    #[error("`{path}` cannot be read", path = path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// File that is not in the expected JSON form.
    #[error("`{path}` makes no sense", path = path.display())]
    Json {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        source: serde_json::Error,
    },
}

/// Makes a store of the directory of a recorded archive.
///
/// It holds `meta.json`, `listing.jsonl` with one object per line,
/// `multipart_uploads.json`, and below `objects/` the contents of some of the objects.
/// The others read as zero bytes of the listed size.
///
/// # Errors
///
/// If a file is missing or is not what it should be.
pub fn load(directory: &Path) -> Result<(Store, Recorded), LoadError> {
    let recorded: Recorded = parse_file(&directory.join("meta.json"))?;
    let store = Store::default();
    store.create_bucket(&recorded.bucket);
    let listing = directory.join("listing.jsonl");
    for line in read(&listing)?
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let listed: ListedObject = parse(&listing, line)?;
        let content = content(&directory.join("objects").join(&listed.key), listed.size)?;
        store.put(&recorded.bucket, listed.key.clone(), listed.with(content));
    }
    let uploads: Vec<ListedUpload> = parse_file(&directory.join("multipart_uploads.json"))?;
    for upload in uploads {
        store.begin_upload(&recorded.bucket, upload.into());
    }
    Ok((store, recorded))
}

fn content(path: &Path, size: u64) -> Result<Content, LoadError> {
    if !path.is_file() {
        return Ok(Content::Zeros(size));
    }
    Ok(Content::Bytes(Bytes::from(read(path)?)))
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })
}

fn parse_file<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    parse(path, &read(path)?)
}

fn parse<T: DeserializeOwned>(path: &Path, json: &[u8]) -> Result<T, LoadError> {
    serde_json::from_slice(json).map_err(|source| LoadError::Json {
        path: path.to_owned(),
        source,
    })
}

#[derive(Deserialize)]
struct ListedObject {
    key: String,
    size: u64,
    last_modified: DateTime<Utc>,
    etag: String,
    storage_class: String,
}

impl ListedObject {
    fn with(self, content: Content) -> Object {
        let Self {
            last_modified,
            etag,
            storage_class,
            ..
        } = self;
        Object {
            content,
            last_modified,
            etag,
            storage_class: storage_class.into(),
            checksums: Checksums::default(),
        }
    }
}

#[derive(Deserialize)]
struct ListedUpload {
    key: String,
    upload_id: String,
    initiated: DateTime<Utc>,
    parts: Vec<ListedPart>,
}

#[derive(Deserialize)]
struct ListedPart {
    part_number: i32,
    size: u64,
    last_modified: DateTime<Utc>,
    etag: String,
}

impl From<ListedUpload> for Upload {
    fn from(listed: ListedUpload) -> Self {
        let ListedUpload {
            key,
            upload_id,
            initiated,
            parts,
        } = listed;
        Self {
            key,
            upload_id,
            initiated,
            parts: parts.into_iter().map(Part::from).collect(),
        }
    }
}

impl From<ListedPart> for Part {
    fn from(listed: ListedPart) -> Self {
        let ListedPart {
            part_number: number,
            size,
            last_modified,
            etag,
        } = listed;
        Self {
            number,
            size,
            last_modified,
            etag,
        }
    }
}
