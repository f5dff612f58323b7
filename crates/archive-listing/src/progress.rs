//! Check that a listing comes to an end.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use archive_store::{ListPage, StorageError};

/// Most consecutive pages without an object. A store may send one now and then; thousands are a
/// listing that does not end.
const MOST_EMPTY_PAGES: u32 = 1000;

/// Check that a listing comes to an end.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Hashes of the continuations so far: full texts would add up on large archives.
    continuations: HashSet<u64>,
    empty_pages: u32,
}

impl Progress {
    /// Checks the next page.
    ///
    /// # Errors
    /// Fails if the listing repeats itself, or consists of empty pages.
    pub(crate) fn check(&mut self, page: &ListPage) -> Result<(), StorageError> {
        let is_new = page
            .next
            .as_ref()
            .is_none_or(|next| self.continuations.insert(hash(next)));
        if !is_new {
            return Err(StorageError::protocol(
                "the store repeats a page of the listing without end",
            ));
        }
        if !page.objects.is_empty() || !page.common_prefixes.is_empty() {
            self.empty_pages = 0;
            return Ok(());
        }
        self.empty_pages += 1;
        if self.empty_pages > MOST_EMPTY_PAGES {
            return Err(StorageError::protocol(
                "the store sends empty pages of the listing without end",
            ));
        }
        Ok(())
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Returns the failure for a listing that contains a key without the prefix that was asked for.
pub(crate) fn stray_key(prefix: &str, key: &str) -> StorageError {
    let why = format!("the listing of `{prefix}` holds the key `{key}`, which does not begin so");
    StorageError::protocol(why)
}
