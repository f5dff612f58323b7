//! Store in memory, and wrappers that do one bad thing each, for tests.
//!
//! [`MemoryStore`] is honest: it lists what was put into it, page after page. Its two [`Quirk`]s are
//! what real stores are allowed to do. Anything else is a [`StoreWrapper`]: [`MisreadingStore`] does not do
//! what it is asked, [`FailingStore`] fails once, and [`RecordingStore`] keeps what it was asked. Those
//! that read contents badly are [`ReplacingStore`], [`FlappingStore`], [`CuttingStore`] and
//! [`ThrottlingStore`].

mod readings;
mod wrappers;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use barman_archive::inventory::{ListedObject, SmallFile, UnfinishedUpload};
use chrono::{DateTime, Utc};

pub use self::readings::{CuttingStore, FlappingStore, ReplacingStore, ThrottlingStore};
pub use self::wrappers::{
    FailingStore, Misreading, MisreadingStore, RangeRead, RecordingStore, StoreWrapper,
    ignore_start_after, refuse_delimiters, skip_directory,
};
use crate::key_order::KeyOrder;
use crate::{
    EntityTags, ErrorKind, ErrorScope, ListPage, ListRequest, ObjectChecksums, ObjectStore,
    ObjectVersion, StorageError, UploadListing,
};

/// Difference from S3 that a store is allowed to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quirk {
    /// No difference.
    #[default]
    None,
    /// Directories are listed even if nothing is left in them.
    KeepsEmptyDirectories,
    /// Every other page holds fewer objects than it could.
    ShortPages,
}

/// Store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    contents: Mutex<Contents>,
    /// Number of entries on a full page.
    pub page_size: usize,
    /// Order in which it lists keys.
    pub order: KeyOrder,
    /// Difference from S3.
    pub quirk: Quirk,
}

/// Contents of a store.
#[derive(Debug, Default)]
struct Contents {
    objects: BTreeMap<String, StoredObject>,
    /// Directories that hold something, or held something once.
    directories: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct StoredObject {
    content: Vec<u8>,
    stored_at: DateTime<Utc>,
    etag: String,
    checksums: ObjectChecksums,
}

/// Entries of a listing by key: objects, and `None` for a directory that stands for its objects.
type Entries = BTreeMap<String, Option<ListedObject>>;

/// Position in a listing, which a continuation carries from one page to the next.
#[derive(Debug)]
struct Position {
    start_after: Option<String>,
    /// Last entry of the previous page.
    last: Option<String>,
}

impl MemoryStore {
    /// Creates an empty store that lists as S3 does.
    #[must_use]
    pub fn new(page_size: usize) -> Self {
        Self {
            page_size,
            ..Self::default()
        }
    }

    /// Makes the store list keys in this order.
    #[must_use]
    pub fn with_order(self, order: KeyOrder) -> Self {
        Self { order, ..self }
    }

    /// Gives the store a quirk.
    #[must_use]
    pub fn with_quirk(self, quirk: Quirk) -> Self {
        Self { quirk, ..self }
    }

    /// Stores an object, as of this moment. Its entity tag follows from the content, and there are no
    /// checksums of it.
    pub fn put(&self, key: &str, content: &[u8], stored_at: DateTime<Utc>) {
        let mut contents = self.contents();
        let object = StoredObject {
            content: content.to_vec(),
            stored_at,
            etag: etag(content),
            checksums: ObjectChecksums::default(),
        };
        contents.objects.insert(key.to_owned(), object);
        for (index, _) in key.match_indices('/') {
            contents.directories.insert(key[..=index].to_owned());
        }
    }

    /// Deletes an object, if it exists.
    pub fn remove(&self, key: &str) {
        self.contents().objects.remove(key);
    }

    /// Gives an object another entity tag, if it exists.
    pub fn set_etag(&self, key: &str, etag: &str) {
        if let Some(object) = self.contents().objects.get_mut(key) {
            etag.clone_into(&mut object.etag);
        }
    }

    /// Sets the checksums that are stated for an object, if it exists.
    pub fn set_checksums(&self, key: &str, checksums: ObjectChecksums) {
        if let Some(object) = self.contents().objects.get_mut(key) {
            object.checksums = checksums;
        }
    }

    /// Returns the version of an object that is stored now; `None` if there is none.
    pub fn version(&self, key: &str) -> Option<ObjectVersion> {
        let contents = self.contents();
        let object = contents.objects.get(key)?;
        Some(object.version(key))
    }

    /// Returns all keys, sorted by their bytes.
    pub fn keys(&self) -> Vec<String> {
        self.contents().objects.keys().cloned().collect()
    }

    /// Returns the number of empty directories.
    pub fn empty_directories(&self) -> usize {
        let contents = self.contents();
        let is_empty = |directory: &&String| {
            let mut below = contents.objects.range::<String, _>(*directory..);
            below
                .next()
                .is_none_or(|(key, _)| !key.starts_with(directory.as_str()))
        };
        contents.directories.iter().filter(is_empty).count()
    }

    /// Locks the contents. A panic elsewhere leaves them whole, as nothing here stops half-way.
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the entries of a listing after a position, in order. The last page is complete; of
    /// an earlier one, there is at least one entry more than fits.
    fn entries(
        &self,
        request: &ListRequest,
        position: &Position,
    ) -> Vec<(String, Option<ListedObject>)> {
        let contents = self.contents();
        let mut entries = Entries::new();
        // Where entries come in the order of the map, only those of the page are looked at.
        let is_sorted = self.order == KeyOrder::Bytes && self.quirk != Quirk::KeepsEmptyDirectories;
        let last = position.last.as_ref().filter(|_| is_sorted);
        let first = last.unwrap_or(&request.prefix).max(&request.prefix);
        for (key, object) in contents.objects.range(first.clone()..) {
            if !key.starts_with(&request.prefix) || (is_sorted && entries.len() > self.page_size) {
                break;
            }
            let directory = rolled_up(key, request);
            let entry = directory.as_ref().unwrap_or(key);
            if !position.is_before(key, entry, self.order) {
                continue;
            }
            let listed = directory
                .is_none()
                .then(|| object.listed(key, request.entity_tags));
            entries.insert(entry.clone(), listed);
        }
        if self.quirk == Quirk::KeepsEmptyDirectories && request.delimiter.is_some() {
            for directory in &contents.directories {
                let is_direct = rolled_up(directory, request).as_ref() == Some(directory);
                if is_direct && position.is_before(directory, directory, self.order) {
                    entries.entry(directory.clone()).or_default();
                }
            }
        }
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by(|(key, _), (other, _)| self.order.compare(key, other));
        entries
    }

    /// Returns the number of entries on the page after a position.
    fn page_size_after(&self, position: &Position) -> usize {
        let is_short = match &position.last {
            Some(last) => last.len().is_multiple_of(2),
            None => true,
        };
        match self.quirk {
            Quirk::ShortPages if is_short => self.page_size.div_ceil(2),
            Quirk::None | Quirk::KeepsEmptyDirectories | Quirk::ShortPages => self.page_size,
        }
    }
}

impl Contents {
    /// Returns the object, if this version of it is the one that is stored.
    fn version(&self, asked: &ObjectVersion) -> Result<&StoredObject, StorageError> {
        let object = self.objects.get(&asked.key).ok_or_else(gone)?;
        let stored = object.version(&asked.key);
        let is_same = stored.size == asked.size && (asked.etag.is_none() || stored == *asked);
        if is_same {
            return Ok(object);
        }
        Err(StorageError::new(
            ErrorKind::NotFound,
            ErrorScope::ReplacedObject,
            "replaced",
        ))
    }
}

impl StoredObject {
    fn listed(&self, key: &str, tags: EntityTags) -> ListedObject {
        let ObjectVersion { key, size, etag } = self.version(key);
        let is_tagged = match tags {
            EntityTags::OfAllObjects => true,
            EntityTags::OfSmallObjects => size <= SmallFile::MAX_BYTES,
        };
        ListedObject {
            key,
            size,
            last_modified: self.stored_at,
            etag: etag.filter(|_| is_tagged),
            storage_class: None,
        }
    }

    fn version(&self, key: &str) -> ObjectVersion {
        ObjectVersion {
            key: key.to_owned(),
            size: self.content.len() as u64,
            etag: Some(self.etag.clone()),
        }
    }
}

/// Returns an entity tag for a content: its FNV-1a hash (Fowler, Noll and Vo) and its size. Nobody can
/// take it for an MD5 sum, which is longer.
fn etag(content: &[u8]) -> String {
    let hash = content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}-{}", content.len())
}

fn gone() -> StorageError {
    StorageError::new(ErrorKind::NotFound, ErrorScope::GoneObject, "gone")
}

/// Returns the directory that stands for a key in a listing with a delimiter; `None` if the key is
/// listed itself.
fn rolled_up(key: &str, request: &ListRequest) -> Option<String> {
    let below = key.strip_prefix(request.prefix.as_str())?;
    let index = below.find(request.delimiter?)?;
    Some(format!("{}{}", request.prefix, &below[..=index]))
}

impl Position {
    fn of(request: &ListRequest) -> Self {
        let Some(continuation) = request.continuation.as_deref() else {
            return Self {
                start_after: request.start_after.clone(),
                last: None,
            };
        };
        let (start, last) = continuation.split_once('\n').unwrap_or(("", continuation));
        let start_after = Some(start.to_owned()).filter(|start| !start.is_empty());
        Self {
            start_after,
            last: Some(last.to_owned()),
        }
    }

    /// Returns whether a key, and the entry that stands for it, come after the position.
    fn is_before(&self, key: &str, entry: &str, order: KeyOrder) -> bool {
        let is_started = self
            .start_after
            .as_ref()
            .is_none_or(|start| order.is_before(start, key));
        is_started
            && self
                .last
                .as_ref()
                .is_none_or(|last| order.is_before(last, entry))
    }

    fn continuation(&self, last: &str) -> String {
        let start = self.start_after.as_deref().unwrap_or_default();
        format!("{start}\n{last}")
    }
}

impl ObjectStore for MemoryStore {
    async fn list_page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        // Other tasks run in between, as with a store behind a network.
        tokio::task::yield_now().await;
        let position = Position::of(request);
        let mut entries = self.entries(request, &position);
        let size = self.page_size_after(&position);
        let mut page = ListPage::default();
        if entries.len() > size {
            entries.truncate(size);
            page.next = entries.last().map(|(last, _)| position.continuation(last));
        }
        for (key, object) in entries {
            match object {
                Some(object) => page.objects.push(object),
                None => page.common_prefixes.push(key),
            }
        }
        Ok(page)
    }

    async fn get_small(&self, key: &str, max_bytes: u64) -> Result<Vec<u8>, StorageError> {
        let contents = self.contents();
        let object = contents.objects.get(key).ok_or_else(gone)?;
        if object.content.len() as u64 > max_bytes {
            let scope = ErrorScope::TooLargeObject;
            return Err(StorageError::new(ErrorKind::Protocol, scope, "too large"));
        }
        Ok(object.content.clone())
    }

    async fn read_range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        // Other tasks run in between, as with a store behind a network.
        tokio::task::yield_now().await;
        object.check_range(&range)?;
        let contents = self.contents();
        let content = &contents.version(object)?.content;
        let [start, end] =
            [range.start, range.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        content
            .get(start..end)
            .map(<[u8]>::to_vec)
            .ok_or_else(|| StorageError::internal("the range is checked"))
    }

    async fn checksums(&self, object: &ObjectVersion) -> Result<ObjectChecksums, StorageError> {
        Ok(self.contents().version(object)?.checksums)
    }

    async fn list_uploads(&self, _: &str) -> Result<UploadListing, StorageError> {
        Ok(UploadListing::default())
    }

    async fn upload_bytes(&self, _: &UnfinishedUpload) -> Result<Option<u64>, StorageError> {
        Ok(None)
    }
}
