//! Listing everything below a destination path.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::inventory::Inventory;
use crate::report::ErrorKind;
use crate::storage::{ListPage, ListRequest, ObjectStore, Reach, StorageError};

/// How many pages without an object may follow each other. A store may send one now and then;
/// thousands are a listing that does not end.
const MOST_EMPTY_PAGES: u32 = 1000;

/// Lists every object below a prefix and takes stock of it, page by page.
///
/// Within a server `base/` comes before `wals/`, as listings are in the order of the keys: a backup
/// that is seen as done finds its WAL.
pub(super) async fn take_stock(
    store: &impl ObjectStore,
    prefix: &str,
) -> Result<Inventory, StorageError> {
    let mut inventory = Inventory::default();
    let mut progress = Progress::default();
    let mut request = ListRequest { prefix: prefix.to_owned(), ..ListRequest::default() };
    loop {
        let page = store.list_page(&request).await?;
        progress.check(&page)?;
        for object in &page.objects {
            let Some(relative_key) = object.key.strip_prefix(prefix) else {
                return Err(protocol(format!(
                    "the listing of `{prefix}` holds the key `{}`, which does not begin so",
                    object.key
                )));
            };
            inventory.add(relative_key, object);
        }
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return Ok(inventory),
        }
    }
}

/// Makes sure that a listing comes to an end.
#[derive(Default)]
struct Progress {
    /// Hashes of the continuations so far: full texts would add up on large archives.
    continuations: HashSet<u64>,
    last_key: Option<String>,
    empty_pages: u32,
}

impl Progress {
    fn check(&mut self, page: &ListPage) -> Result<(), StorageError> {
        if let Some(next) = &page.next {
            let mut hasher = DefaultHasher::new();
            next.hash(&mut hasher);
            if !self.continuations.insert(hasher.finish()) {
                return Err(protocol("the store repeats a page of the listing without end"));
            }
        }
        if page.objects.is_empty() {
            self.empty_pages += 1;
            if self.empty_pages > MOST_EMPTY_PAGES {
                return Err(protocol("the store sends empty pages of the listing without end"));
            }
            return Ok(());
        }
        self.empty_pages = 0;
        let first_key = page.objects.first().map(|object| &object.key);
        if self.last_key.is_some() && first_key == self.last_key.as_ref() {
            return Err(protocol("a page of the listing begins with the key that ended the last"));
        }
        self.last_key = page.objects.last().map(|object| object.key.clone());
        Ok(())
    }
}

fn protocol(message: impl Into<String>) -> StorageError {
    StorageError::new(ErrorKind::Protocol, Reach::Scan, message)
}
