//! One of several shards of a listing that runs in parallel.

use archive_store::{KeyOrder, ListPage, ListRequest};
use barman_archive::inventory::ListedObject;

use super::boundaries::Alphabet;
use super::error::ListingError;
use super::key_range::{KeyRange, directories};
use super::progress::{Progress, protocol};

/// One shard of a listing: a range of keys, listed page after page.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) range: KeyRange,
    /// The last key of the range that was listed.
    pub(super) position: Option<String>,
    /// The very first key that was listed, in the range or beyond it; `None` without any.
    pub(super) first_key: Option<String>,
    /// The first key that was listed beyond the range; `None` where the listing ended before.
    pub(super) beyond: Option<String>,
    /// Pages that came.
    pub(super) pages: u32,
    /// Pages that came since the listing last passed a boundary.
    pub(super) pages_in_one_directory: u32,
    /// Whether it begins at a guess, and nothing has come yet.
    pub(super) is_guess: bool,
    pub(super) alphabet: Alphabet,
    pub(super) state: ShardState,
    continuation: Option<String>,
    progress: Progress,
}

/// State of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShardState {
    /// For its first request.
    New,
    /// For its next request.
    Ready,
    /// For an answer.
    Asked,
    /// For nothing: everything is listed.
    Done,
}

/// How many names of a page are looked at for their characters.
const NAMES_LOOKED_AT: usize = 20;

impl Shard {
    pub(super) fn new(range: KeyRange) -> Self {
        Self {
            range,
            position: None,
            first_key: None,
            beyond: None,
            pages: 0,
            pages_in_one_directory: 0,
            is_guess: false,
            alphabet: Alphabet::default(),
            state: ShardState::New,
            continuation: None,
            progress: Progress::default(),
        }
    }

    /// The same, begun where nothing is known to be.
    pub(super) fn begun_at(self, is_guess: bool) -> Self {
        Self { is_guess, ..self }
    }

    /// Up to where everything of the range is known.
    pub(super) fn listed_to(&self) -> Option<&str> {
        self.position.as_deref().or(self.range.after.as_deref())
    }

    /// Whether keys of a directory may still come.
    pub(super) fn may_hold(&self, directory: &str, order: KeyOrder) -> bool {
        self.state != ShardState::Done
            && self.range.may_hold(directory, self.position.as_deref(), order)
    }

    /// The directories that the last key lies in, the innermost first.
    pub(super) fn directories(&self, root: &str) -> Vec<String> {
        self.position.as_deref().map(|key| directories(root, key)).unwrap_or_default()
    }

    pub(super) fn next_request(&self) -> ListRequest {
        ListRequest {
            prefix: self.range.prefix.clone(),
            delimiter: None,
            start_after: self.range.after.clone().filter(|_| self.continuation.is_none()),
            continuation: self.continuation.clone(),
        }
    }

    /// Takes a page, and hands on the objects that lie in the range.
    ///
    /// The range may have become shorter since the page was asked for.
    pub(super) fn take(
        &mut self,
        page: ListPage,
        order: KeyOrder,
        sink: &mut impl FnMut(&ListedObject),
    ) -> Result<(), ListingError> {
        self.progress.check(&page)?;
        self.check_order(&page, order)?;
        self.pages += 1;
        self.pages_in_one_directory += 1;
        self.learn(page.objects.iter().map(|object| object.key.as_str()));
        if self.first_key.is_none() {
            self.first_key = page.objects.first().map(|object| object.key.clone());
        }
        let end = page.objects.partition_point(|object| !self.range.is_beyond(&object.key, order));
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

    fn check_order(&self, page: &ListPage, order: KeyOrder) -> Result<(), ListingError> {
        let mut before = self.listed_to();
        for object in &page.objects {
            let (key, prefix) = (object.key.as_str(), &self.range.prefix);
            if !key.starts_with(prefix.as_str()) {
                let why = format!(
                    "the listing of `{prefix}` holds the key `{key}`, which does not begin so"
                );
                return Err(ListingError::Failed(protocol(why)));
            }
            if let Some(before) = before
                && !order.is_before(before, key)
            {
                return Err(ListingError::OutOfOrder(format!("it lists `{key}` after `{before}`")));
            }
            before = Some(key);
        }
        Ok(())
    }

    fn learn<'a>(&mut self, keys: impl ExactSizeIterator<Item = &'a str>) {
        let every = (keys.len() / NAMES_LOOKED_AT).max(1);
        let names = keys.step_by(every).filter_map(|key| key.rsplit('/').next());
        names.for_each(|name| self.alphabet.learn(name));
    }
}
