//! A store in memory that lists as stores do, the odd ones too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use barman_archive::inventory::{ListedObject, UnfinishedUpload};
use chrono::{DateTime, Utc};

use crate::key_order::KeyOrder;
use crate::{
    ErrorKind, ErrorScope, ListPage, ListRequest, ObjectStore, StorageError, UploadListing,
};

/// What a store does otherwise than S3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quirk {
    /// Nothing.
    #[default]
    None,
    /// It takes `start-after` for nothing.
    IgnoresStartAfter,
    /// It leaves out the directory after whose name it is asked to start.
    SkipsDirectory,
    /// Directories are listed though nothing is left in them.
    KeepsEmptyDirectories,
    /// Every other page holds less than it could.
    ShortPages,
    /// It refuses listings with a delimiter.
    RefusesDelimiters,
}

/// Content of an object, and when it arrived.
type Stored = (Vec<u8>, DateTime<Utc>);

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<String, Stored>>,
    /// Directories that once held something.
    directories: Mutex<BTreeSet<String>>,
    /// Most entries of a page.
    pub page: usize,
    /// Order in which it lists.
    pub order: KeyOrder,
    /// Difference from S3.
    pub quirk: Quirk,
    /// After how many more pages it fails, once; `None` for never.
    fails_after: Mutex<Option<u32>>,
    /// Pages of keys that were asked for so far.
    pages: AtomicU32,
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new(page: usize, order: KeyOrder, quirk: Quirk) -> Self {
        Self { page, order, quirk, ..Self::default() }
    }

    /// Stores an object that arrives at this moment.
    pub fn put(&self, key: &str, content: &[u8], at: DateTime<Utc>) {
        locked(&self.objects).insert(key.to_owned(), (content.to_vec(), at));
        let slashes = key.match_indices('/').map(|(index, _)| key[..=index].to_owned());
        locked(&self.directories).extend(slashes);
    }

    /// Deletes an object, if it is there.
    pub fn remove(&self, key: &str) {
        locked(&self.objects).remove(key);
    }

    /// Returns all keys, sorted by their bytes.
    pub fn keys(&self) -> Vec<String> {
        locked(&self.objects).keys().cloned().collect()
    }

    /// Returns how many directories are empty, which the store may list all the same.
    pub fn empty_directories(&self) -> usize {
        let objects = locked(&self.objects);
        let is_empty = |directory: &&String| {
            let mut below = objects.range::<String, _>(*directory..);
            below.next().is_none_or(|(key, _)| !key.starts_with(directory.as_str()))
        };
        locked(&self.directories).iter().filter(is_empty).count()
    }

    /// Makes one request for a page of keys fail, after `pages` more that succeed.
    pub fn fail_after(&self, pages: u32) {
        *locked(&self.fails_after) = Some(pages);
    }

    /// Returns how many pages of keys were asked for since the last call.
    pub fn take_pages(&self) -> u32 {
        self.pages.swap(0, Ordering::Relaxed)
    }

    fn fails_now(&self) -> bool {
        let mut left = locked(&self.fails_after);
        let fails = *left == Some(0);
        *left = left.and_then(|pages| pages.checked_sub(1));
        fails
    }

    /// What a listing shows after an entry, in order: objects, and directories for those that are
    /// rolled up. No more than make it clear that a page is not the last.
    fn entries(
        &self,
        request: &ListRequest,
        last: Option<&str>,
    ) -> Vec<(String, Option<ListedObject>)> {
        let objects = locked(&self.objects);
        let mut entries: BTreeMap<String, Option<ListedObject>> = BTreeMap::new();
        let in_order = self.order == KeyOrder::Bytes && self.quirk != Quirk::KeepsEmptyDirectories;
        // In the order of the map, the rest need not be looked at.
        let from = last.filter(|_| in_order).unwrap_or(&request.prefix).max(&request.prefix);
        for (key, (content, at)) in objects.range(from.to_owned()..) {
            if !key.starts_with(&request.prefix) || (in_order && entries.len() > self.page) {
                break;
            }
            let below = &key[request.prefix.len()..];
            let rolled_up = request.delimiter.and_then(|delimiter| below.find(delimiter));
            let entry = rolled_up.map(|index| format!("{}{}", request.prefix, &below[..=index]));
            let is_new = |entry: &str| last.is_none_or(|last| self.order.is_before(last, entry));
            if !self.is_after(key, request) || !is_new(entry.as_deref().unwrap_or(key)) {
                continue;
            }
            let object = ListedObject {
                key: key.clone(),
                size: content.len() as u64,
                last_modified: *at,
                etag: Some(format!("{content:?}")),
                storage_class: None,
            };
            match entry {
                Some(entry) => entries.insert(entry, None),
                None => entries.insert(key.clone(), Some(object)),
            };
        }
        if self.quirk == Quirk::KeepsEmptyDirectories && request.delimiter.is_some() {
            for directory in locked(&self.directories).iter() {
                let below = directory.strip_prefix(&request.prefix).unwrap_or_default();
                let is_new = last.is_none_or(|last| self.order.is_before(last, directory));
                let is_direct = below.find('/').is_some_and(|index| index + 1 == below.len());
                if is_direct && is_new && self.is_after(directory, request) {
                    entries.entry(directory.clone()).or_default();
                }
            }
        }
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by(|(one, _), (other, _)| self.order.compare(one, other));
        entries
    }

    fn is_after(&self, key: &str, request: &ListRequest) -> bool {
        let Some(after) = &request.start_after else { return true };
        match self.quirk {
            Quirk::IgnoresStartAfter => true,
            Quirk::SkipsDirectory => {
                let skipped = after.ends_with('/') && key.starts_with(after.as_str());
                !skipped && self.order.is_before(after, key)
            }
            Quirk::None
            | Quirk::KeepsEmptyDirectories
            | Quirk::ShortPages
            | Quirk::RefusesDelimiters => self.order.is_before(after, key),
        }
    }
}

/// Locks a part of the store. A panic elsewhere leaves it whole: nothing here stops half-way.
fn locked<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ObjectStore for MemoryStore {
    async fn list_page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        // Others have a turn in between, as with a store that is asked over a network.
        tokio::task::yield_now().await;
        self.pages.fetch_add(1, Ordering::Relaxed);
        let is_refused = self.quirk == Quirk::RefusesDelimiters && request.delimiter.is_some();
        if is_refused || (request.delimiter.is_none() && self.fails_now()) {
            return Err(StorageError::new(ErrorKind::Internal, ErrorScope::Scan, "as told"));
        }
        // A continuation is the last entry of the page before, and where the listing began.
        let (start_after, last) = match request.continuation.as_deref() {
            Some(text) => {
                let (start, last) = text.split_once('\n').unwrap_or(("", text));
                (Some(start.to_owned()).filter(|text| !text.is_empty()), Some(last.to_owned()))
            }
            None => (request.start_after.clone(), None),
        };
        let first = ListRequest { start_after: start_after.clone(), ..request.clone() };
        let mut rest = self.entries(&first, last.as_deref()).into_iter();
        let is_short =
            self.quirk == Quirk::ShortPages && last.as_ref().is_none_or(|key| key.len() % 2 == 0);
        let size = if is_short { self.page.div_ceil(2) } else { self.page };
        let entries: Vec<_> = rest.by_ref().take(size).collect();
        let next = rest.next().and_then(|_| {
            let (last, _) = entries.last()?;
            Some(format!("{}\n{last}", start_after.unwrap_or_default()))
        });
        let (objects, prefixes): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(_, object)| object.is_some());
        Ok(ListPage {
            objects: objects.into_iter().filter_map(|(_, object)| object).collect(),
            common_prefixes: prefixes.into_iter().map(|(key, _)| key).collect(),
            next,
        })
    }

    async fn get_small(&self, key: &str, _: u64) -> Result<Vec<u8>, StorageError> {
        let objects = locked(&self.objects);
        let gone = || StorageError::new(ErrorKind::NotFound, ErrorScope::GoneObject, "gone");
        objects.get(key).map(|(content, _)| content.clone()).ok_or_else(gone)
    }

    async fn list_uploads(&self, _: &str) -> Result<UploadListing, StorageError> {
        Ok(UploadListing::default())
    }

    async fn upload_bytes(&self, _: &UnfinishedUpload) -> Result<Option<u64>, StorageError> {
        Ok(None)
    }
}
