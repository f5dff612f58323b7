//! Finding the directories of a level, to divide a listing at them.

use std::collections::HashSet;

use archive_store::{KeyOrder, ListPage, ListRequest};

use super::error::ListingError;

/// Finds the directories that lie directly below one directory, page after page.
///
/// What it finds is only ever used to divide a listing: whatever a store answers, no key is missed.
#[derive(Debug)]
pub(super) struct DirectoryProbe {
    level: String,
    start_after: Option<String>,
    continuation: Option<String>,
    seen: HashSet<String>,
    last: Option<String>,
    pub(super) pages: u32,
    pub(super) is_asked: bool,
    pub(super) is_done: bool,
}

impl DirectoryProbe {
    /// Of the directories below `level`, after the one that holds `position`.
    pub(super) fn new(level: &str, position: Option<&str>) -> Self {
        let below = position.and_then(|position| position.strip_prefix(level));
        let current = below.and_then(|below| below.split_once('/')).map(|(name, _)| name);
        Self {
            level: level.to_owned(),
            start_after: current.map(|name| format!("{level}{name}/")),
            continuation: None,
            seen: HashSet::new(),
            last: None,
            pages: 0,
            is_asked: false,
            is_done: false,
        }
    }

    pub(super) fn next_request(&self) -> ListRequest {
        ListRequest {
            prefix: self.level.clone(),
            delimiter: Some('/'),
            start_after: self.start_after.clone().filter(|_| self.continuation.is_none()),
            continuation: self.continuation.clone(),
        }
    }

    /// Ends the probe with what it has found so far.
    pub(super) fn give_up(&mut self) {
        self.pages += 1;
        self.is_asked = false;
        self.is_done = true;
    }

    /// Takes a page; what it found.
    ///
    /// # Errors
    /// When the directories are in another order: then what is cut at one of them would fall apart.
    pub(super) fn take(
        &mut self,
        page: ListPage,
        order: KeyOrder,
    ) -> Result<Vec<String>, ListingError> {
        check_order(self.last.as_ref(), &page.common_prefixes, order)?;
        self.last = page.common_prefixes.last().cloned().or(self.last.take());
        self.pages += 1;
        self.is_asked = false;
        // A directory of objects alone could go on for ever, and says nothing.
        let is_fruitless = page.common_prefixes.is_empty();
        let is_new = page.next.as_ref().is_some_and(|next| self.seen.insert(next.clone()));
        self.is_done = is_fruitless || !is_new;
        self.continuation = page.next;
        let below = page.common_prefixes.into_iter();
        let is_below =
            |found: &String| found.len() > self.level.len() && found.starts_with(&self.level);
        Ok(below.filter(is_below).collect())
    }
}

/// Makes sure that directories come in order, after the last one of the page before.
pub(super) fn check_order(
    last: Option<&String>,
    directories: &[String],
    order: KeyOrder,
) -> Result<(), ListingError> {
    let all: Vec<&String> = last.into_iter().chain(directories).collect();
    let back = all.windows(2).find(|pair| match pair {
        [one, next] => !order.is_before(one, next),
        _ => false,
    });
    match back {
        Some([one, next]) => {
            Err(ListingError::OutOfOrder(format!("it lists `{next}` after `{one}`")))
        }
        _ => Ok(()),
    }
}
