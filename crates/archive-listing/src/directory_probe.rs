//! Search for directories at which a listing can be divided.

use std::collections::BTreeSet;

use archive_store::{KeyOrder, ListPage, ListRequest};

use crate::error::ListingError;
use crate::progress::{Continuations, check_order};

/// Searches for directories, each within one directory.
///
/// What they find is only used to divide a listing: whatever a store answers, no key is missed.
#[derive(Debug, Default)]
pub(crate) struct DirectoryProbes {
    probes: Vec<DirectoryProbe>,
    /// Directories that were probed, or are being probed.
    probed: BTreeSet<String>,
}

impl DirectoryProbes {
    /// Returns whether nothing was probed yet.
    pub(crate) const fn is_empty(&self) -> bool {
        self.probes.is_empty()
    }

    /// Number of requests that were answered.
    pub(crate) fn pages(&self) -> u32 {
        self.probes.iter().map(|probe| probe.pages).sum()
    }

    /// Starts to probe a directory behind a position in it; returns false if that was done before.
    pub(crate) fn start(&mut self, directory: &str, position: Option<&str>) -> bool {
        let is_new = self.probed.insert(directory.to_owned());
        if is_new {
            self.probes.push(DirectoryProbe::new(directory, position));
        }
        is_new
    }

    /// Returns the next probe to send a request for. While the listing does not seem large, only
    /// the first page of each probe is asked for.
    pub(crate) fn next_to_ask(&self, is_large: bool) -> Option<usize> {
        self.probes.iter().position(|probe| {
            let is_worth_it = is_large || probe.pages == 0;
            !probe.is_asked && !probe.is_done && is_worth_it
        })
    }

    /// Returns the next request of a probe, which then waits for the answer.
    pub(crate) fn next_request(&mut self, index: usize) -> Option<ListRequest> {
        let probe = self.probes.get_mut(index)?;
        probe.is_asked = true;
        Some(probe.next_request())
    }

    /// Takes the page that a probe asked for; returns the directories that it found.
    ///
    /// # Errors
    /// Fails if the directories are in another order: then shards that are cut there would overlap
    /// or leave something out.
    pub(crate) fn take(
        &mut self,
        index: usize,
        page: ListPage,
        order: KeyOrder,
    ) -> Result<Vec<String>, ListingError> {
        match self.probes.get_mut(index) {
            Some(probe) => probe.take(page, order),
            None => Ok(Vec::new()),
        }
    }

    /// Ends a probe with the directories that it has found so far.
    pub(crate) fn give_up(&mut self, index: usize) {
        if let Some(probe) = self.probes.get_mut(index) {
            probe.pages += 1;
            probe.is_asked = false;
            probe.is_done = true;
        }
    }
}

/// Search for the directories directly below one directory, page after page.
#[derive(Debug)]
struct DirectoryProbe {
    directory: String,
    start_after: Option<String>,
    continuation: Option<String>,
    continuations: Continuations,
    /// Last directory that was found.
    last: Option<String>,
    pages: u32,
    is_asked: bool,
    is_done: bool,
}

impl DirectoryProbe {
    /// Creates a search that starts after the subdirectory in which `position` lies.
    fn new(directory: &str, position: Option<&str>) -> Self {
        let below = position.and_then(|position| position.strip_prefix(directory));
        let current = below
            .and_then(|below| below.split_once('/'))
            .map(|(name, _)| name);
        Self {
            directory: directory.to_owned(),
            start_after: current.map(|name| format!("{directory}{name}/")),
            continuation: None,
            continuations: Continuations::default(),
            last: None,
            pages: 0,
            is_asked: false,
            is_done: false,
        }
    }

    fn next_request(&self) -> ListRequest {
        ListRequest {
            prefix: self.directory.clone(),
            delimiter: Some('/'),
            start_after: self
                .start_after
                .clone()
                .filter(|_| self.continuation.is_none()),
            continuation: self.continuation.clone(),
            ..ListRequest::default()
        }
    }

    fn take(&mut self, page: ListPage, order: KeyOrder) -> Result<Vec<String>, ListingError> {
        let directories = page.common_prefixes.iter().map(String::as_str);
        check_order(self.last.as_deref(), directories, order)?;
        self.last = page.common_prefixes.last().cloned().or(self.last.take());
        self.pages += 1;
        self.is_asked = false;
        // A directory with objects alone could go on for ever without an answer.
        let has_found_none = page.common_prefixes.is_empty();
        let goes_on = page
            .next
            .as_ref()
            .is_some_and(|next| self.continuations.insert(next));
        self.is_done = has_found_none || !goes_on;
        self.continuation = page.next;
        let mut found = page.common_prefixes;
        let directory = &self.directory;
        found.retain(|found| found.len() > directory.len() && found.starts_with(directory));
        Ok(found)
    }
}
