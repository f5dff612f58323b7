//! Shard of a parallel listing.

use archive_store::{KeyOrder, ListPage, ListRequest, ListedObject};

use crate::boundaries::Alphabet;
use crate::error::ListingError;
use crate::key_range::{KeyRange, directories};
use crate::progress::{Progress, check_order, stray_key};

/// Shard of a listing: a range of keys, listed page after page.
#[derive(Debug)]
pub(super) struct Shard {
    /// Range to list. It ends earlier once the rest is split off.
    pub(super) range: KeyRange,
    /// Last key in the range that was listed.
    pub(super) position: Option<String>,
    /// First key that was listed, in the range or beyond it; `None` without any.
    pub(super) first_key: Option<String>,
    /// First key that was listed beyond the range; `None` if the listing ended before.
    pub(super) beyond: Option<String>,
    /// Pages since the listing last passed a boundary.
    pub(super) pages_in_one_directory: u32,
    /// True if the range starts at a guess, and no page has come yet.
    pub(super) is_guess: bool,
    /// Characters of the names that were listed, for guesses.
    pub(super) alphabet: Alphabet,
    /// State of the listing.
    pub(super) state: ShardState,
    continuation: Option<String>,
    progress: Progress,
}

/// State of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShardState {
    /// Not started.
    New,
    /// Ready for the next request.
    Ready,
    /// Waiting for an answer.
    Asked,
    /// Completely listed.
    Done,
}

/// Number of names of a page from which characters are learned.
const NAMES_PER_PAGE: usize = 20;

impl Shard {
    /// Creates a shard that is not started.
    pub(super) fn new(range: KeyRange) -> Self {
        Self {
            range,
            position: None,
            first_key: None,
            beyond: None,
            pages_in_one_directory: 0,
            is_guess: false,
            alphabet: Alphabet::default(),
            state: ShardState::New,
            continuation: None,
            progress: Progress::default(),
        }
    }

    /// Position up to which the range is listed.
    pub(super) fn listed_to(&self) -> Option<&str> {
        self.position.as_deref().or(self.range.after.as_deref())
    }

    /// Returns whether keys of a directory can still come.
    pub(super) fn may_hold(&self, directory: &str, order: KeyOrder) -> bool {
        self.state != ShardState::Done
            && self
                .range
                .may_hold(directory, self.position.as_deref(), order)
    }

    /// Returns the directories from that of the last key up to `root`.
    pub(super) fn directories(&self, root: &str) -> Vec<String> {
        self.position
            .as_deref()
            .map(|key| directories(root, key))
            .unwrap_or_default()
    }

    /// Returns the request for the next page.
    pub(super) fn next_request(&self) -> ListRequest {
        ListRequest {
            prefix: self.range.prefix.clone(),
            delimiter: None,
            start_after: self
                .range
                .after
                .clone()
                .filter(|_| self.continuation.is_none()),
            continuation: self.continuation.clone(),
            ..ListRequest::default()
        }
    }

    /// Takes a page, and passes on the objects in the range.
    ///
    /// The range may have become shorter since the page was requested.
    pub(super) fn take(
        &mut self,
        page: ListPage,
        order: KeyOrder,
        sink: &mut impl FnMut(&ListedObject),
    ) -> Result<(), ListingError> {
        self.progress.check(&page)?;
        self.check_keys(&page, order)?;
        self.pages_in_one_directory += 1;
        self.learn(page.objects.iter().map(|object| object.key.as_str()));
        if self.first_key.is_none() {
            self.first_key = page.objects.first().map(|object| object.key.clone());
        }
        let end = page
            .objects
            .partition_point(|object| !self.range.is_beyond(&object.key, order));
        let (within, beyond) = page.objects.split_at_checked(end).unwrap_or((&[], &[]));
        within.iter().for_each(&mut *sink);
        if let Some(last) = within.last() {
            self.position = Some(last.key.clone());
        }
        self.beyond = beyond.first().map(|object| object.key.clone());
        self.state = if page.next.is_none() || self.beyond.is_some() {
            ShardState::Done
        } else {
            ShardState::Ready
        };
        self.continuation = page.next;
        Ok(())
    }

    /// Checks that the keys have the prefix, and come in order.
    fn check_keys(&self, page: &ListPage, order: KeyOrder) -> Result<(), ListingError> {
        let prefix = self.range.prefix.as_str();
        let keys = || page.objects.iter().map(|object| object.key.as_str());
        if let Some(key) = keys().find(|key| !key.starts_with(prefix)) {
            return Err(stray_key(prefix, key).into());
        }
        check_order(self.listed_to(), keys(), order)
    }

    fn learn<'a>(&mut self, keys: impl ExactSizeIterator<Item = &'a str>) {
        let every = (keys.len() / NAMES_PER_PAGE).max(1);
        for key in keys.step_by(every) {
            let name = key.rsplit('/').next().unwrap_or_default();
            self.alphabet.learn(name);
        }
    }
}
