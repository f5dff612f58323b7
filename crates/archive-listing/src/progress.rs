//! Making sure that a listing comes to an end.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use archive_store::{ErrorKind, ErrorScope, ListPage, StorageError};

/// How many pages without an object may follow each other. A store may send one now and then;
/// thousands are a listing that does not end.
const MOST_EMPTY_PAGES: u32 = 1000;

/// Makes sure that a listing comes to an end.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Hashes of the continuations so far: full texts would add up on large archives.
    continuations: HashSet<u64>,
    empty_pages: u32,
}

impl Progress {
    /// Takes the next page.
    ///
    /// # Errors
    /// When the listing goes round in circles.
    pub(crate) fn check(&mut self, page: &ListPage) -> Result<(), StorageError> {
        let is_new = page.next.as_ref().is_none_or(|next| self.continuations.insert(hash(next)));
        if !is_new {
            return Err(protocol("the store repeats a page of the listing without end"));
        }
        if !page.objects.is_empty() || !page.common_prefixes.is_empty() {
            self.empty_pages = 0;
            return Ok(());
        }
        self.empty_pages += 1;
        if self.empty_pages > MOST_EMPTY_PAGES {
            return Err(protocol("the store sends empty pages of the listing without end"));
        }
        Ok(())
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A store that contradicts itself.
pub fn protocol(message: impl Into<String>) -> StorageError {
    StorageError::new(ErrorKind::Protocol, ErrorScope::Scan, message)
}

/// A fault of the exporter's own.
pub fn internal(message: impl Into<String>) -> StorageError {
    StorageError::new(ErrorKind::Internal, ErrorScope::Scan, message)
}
