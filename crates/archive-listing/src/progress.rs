//! Check that a listing comes to an end.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use archive_store::{KeyOrder, ListPage, StorageError};

use crate::error::ListingError;

/// Most consecutive pages without an object. A store may send one now and then; thousands are a
/// listing that does not end.
const MOST_EMPTY_PAGES: u32 = 1000;

/// Continuations of a listing so far, as hashes: full texts would add up on large archives.
#[derive(Debug, Default)]
pub(crate) struct Continuations(HashSet<u64>);

impl Continuations {
    /// Adds a continuation; returns false for one that has come before.
    pub(crate) fn insert(&mut self, continuation: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        continuation.hash(&mut hasher);
        self.0.insert(hasher.finish())
    }
}

/// Check that a listing comes to an end.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    continuations: Continuations,
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
            .is_none_or(|next| self.continuations.insert(next));
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

/// Checks that texts (keys, directories) are in order, and come after the last one of the previous
/// page.
///
/// # Errors
/// Fails at the first text that is out of order.
pub(crate) fn check_order<'t>(
    last: Option<&'t str>,
    texts: impl IntoIterator<Item = &'t str>,
    order: KeyOrder,
) -> Result<(), ListingError> {
    let mut before = last;
    for text in texts {
        if let Some(before) = before
            && !order.is_before(before, text)
        {
            let why = format!("it lists `{text}` after `{before}`");
            return Err(ListingError::OutOfOrder(why));
        }
        before = Some(text);
    }
    Ok(())
}

/// Returns the failure for a listing that contains a key without the prefix that was asked for.
pub(crate) fn stray_key(prefix: &str, key: &str) -> StorageError {
    let why = format!("the listing of `{prefix}` holds the key `{key}`, which does not begin so");
    StorageError::protocol(why)
}
