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
/// All keys begin with `root`, which ends in a slash or is empty; `below` narrows the listing down.
///
/// Within a server `base/` comes before `wals/`, as listings are in the order of the keys: a backup
/// that is seen as done finds its WAL.
pub(super) async fn take_stock(
    store: &impl ObjectStore,
    root: &str,
    below: &str,
) -> Result<Inventory, StorageError> {
    let mut inventory = Inventory::default();
    let mut progress = Progress::default();
    let prefix = format!("{root}{below}");
    let mut request = ListRequest { prefix: prefix.clone(), ..ListRequest::default() };
    loop {
        let page = store.list_page(&request).await?;
        progress.check(&page)?;
        for object in &page.objects {
            let is_below = object.key.starts_with(&prefix);
            let Some(relative_key) = object.key.strip_prefix(root).filter(|_| is_below) else {
                return Err(protocol(format!(
                    "the listing of `{prefix}` holds the key `{}`, which does not begin so",
                    object.key
                )));
            };
            inventory.add(relative_key, object);
        }
        if let Some(next) = page.next { request.continuation = Some(next) } else {
            inventory.settle();
            return Ok(inventory);
        }
    }
}

/// Makes sure that a listing comes to an end.
#[derive(Default)]
struct Progress {
    /// Hashes of the continuations so far: full texts would add up on large archives.
    continuations: HashSet<u64>,
    /// Hashes of the keys that pages began with. Not every store lists in the order of the keys
    /// (`SeaweedFS` goes by directories), so that a smaller key is no sign of going back.
    first_keys: HashSet<u64>,
    empty_pages: u32,
}

impl Progress {
    fn check(&mut self, page: &ListPage) -> Result<(), StorageError> {
        let is_new = page.next.as_ref().is_none_or(|next| self.continuations.insert(hash(next)));
        if !is_new {
            return Err(protocol("the store repeats a page of the listing without end"));
        }
        let Some(first) = page.objects.first() else {
            self.empty_pages += 1;
            if self.empty_pages > MOST_EMPTY_PAGES {
                return Err(protocol("the store sends empty pages of the listing without end"));
            }
            return Ok(());
        };
        self.empty_pages = 0;
        if !self.first_keys.insert(hash(&first.key)) {
            let message = format!("two pages of the listing begin with the key `{}`", first.key);
            return Err(protocol(message));
        }
        Ok(())
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn protocol(message: impl Into<String>) -> StorageError {
    StorageError::new(ErrorKind::Protocol, Reach::Scan, message)
}
