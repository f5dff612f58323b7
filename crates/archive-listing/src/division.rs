//! Division of a listing into shards: what is listed, what is left, and where to split next.

use std::collections::BTreeSet;

use archive_store::{ListPage, ListedObject};

use crate::boundaries::{Boundaries, half_way};
use crate::error::ListingError;
use crate::estimate::{DirectoryCounts, ListingEstimate};
use crate::shard::{Shard, ShardState};
use crate::shards::Shards;

/// Bad guesses that are allowed in any listing; a longer one may have one more for as many pages.
const BAD_GUESSES: u32 = 8;

/// Division of a listing into shards.
#[derive(Debug)]
pub(crate) struct Division {
    shards: Shards,
    boundaries: Boundaries,
    page_size: usize,
    /// Pages that were listed.
    pages: u32,
    /// Keys that were listed.
    keys: usize,
    /// Boundaries in shards that are done.
    passed: DirectoryCounts,
    /// Splits at a guess that left nothing on one side.
    bad_guesses: u32,
}

impl Division {
    /// Creates a division that starts with these shards, and knows these directories.
    pub(crate) fn new(shards: Shards, directories: Vec<String>, page_size: usize) -> Self {
        let mut boundaries = Boundaries::new(shards.layout().order);
        boundaries.add(directories);
        let passed = DirectoryCounts::default();
        Self {
            shards,
            boundaries,
            page_size,
            pages: 0,
            keys: 0,
            passed,
            bad_guesses: 0,
        }
    }

    /// Shards that are not done.
    pub(crate) const fn shards(&self) -> &Shards {
        &self.shards
    }

    /// Shards that are not done, to ask for their next pages.
    pub(crate) const fn shards_mut(&mut self) -> &mut Shards {
        &mut self.shards
    }

    /// Number of pages that were listed.
    pub(crate) const fn pages(&self) -> u32 {
        self.pages
    }

    /// Takes the page that a shard asked for; returns the shard if it is done.
    pub(crate) fn take_page(
        &mut self,
        id: u32,
        page: ListPage,
        sink: &mut impl FnMut(&ListedObject),
    ) -> Result<Option<Shard>, ListingError> {
        let order = self.shards.layout().order;
        let Some(shard) = self.shards.get_mut(id) else {
            return Ok(None);
        };
        let listed_before = shard.listed_to().map(str::to_owned);
        self.pages += 1;
        self.keys += page.objects.len();
        self.bad_guesses += u32::from(shard.is_guess && page.objects.is_empty());
        shard.is_guess = false;
        shard.take(page, order, sink)?;
        let position = shard.position.as_deref();
        if !self
            .boundaries
            .between(listed_before.as_deref(), position)
            .is_empty()
        {
            shard.pages_in_one_directory = 1;
        }
        if shard.state != ShardState::Done {
            return Ok(None);
        }
        let done = self.shards.remove(id);
        if let Some(shard) = &done {
            let start = shard.range.after.as_deref();
            let passed = self.boundaries.between(start, shard.position.as_deref());
            self.passed += DirectoryCounts::of(passed, self.root());
        }
        Ok(done)
    }

    /// Adds directories that were found.
    pub(crate) fn add_directories(&mut self, directories: Vec<String>) {
        let thinned_by = self.boundaries.add(directories);
        self.passed.servers /= thinned_by;
        self.passed.deeper /= thinned_by;
    }

    /// Estimates how much is left.
    pub(crate) fn estimate(&self) -> ListingEstimate {
        let mut passed = self.passed;
        let mut ahead = DirectoryCounts::default();
        for shard in self.shards.values() {
            passed += DirectoryCounts::of(self.behind(shard), self.root());
            ahead += DirectoryCounts::of(self.ahead(shard), self.root());
        }
        ListingEstimate {
            pages: self.pages,
            keys: self.keys,
            passed,
            ahead,
        }
    }

    fn root(&self) -> &str {
        &self.shards.layout().root
    }

    /// Returns the boundaries that are left in a shard.
    fn ahead(&self, shard: &Shard) -> &[String] {
        self.boundaries
            .between(shard.listed_to(), shard.range.until.as_deref())
    }

    /// Returns the boundaries that a shard has passed.
    fn behind(&self, shard: &Shard) -> &[String] {
        let Some(position) = shard.position.as_deref() else {
            return &[];
        };
        self.boundaries
            .between(shard.range.after.as_deref(), Some(position))
    }

    /// Returns the average number of keys between two boundaries.
    fn keys_per_boundary(&self) -> usize {
        let mut passed = self.passed.count();
        for shard in self.shards.values() {
            passed += self.behind(shard).len();
        }
        self.keys / passed.max(1)
    }

    /// Splits the started shard that has most boundaries ahead at the one in the middle, unless
    /// that is too close.
    pub(crate) fn split_at_boundary(&mut self) -> bool {
        let started = self
            .shards
            .iter()
            .filter(|(_, shard)| shard.state != ShardState::New);
        let longest = started
            .map(|(id, shard)| (id, self.ahead(shard)))
            .max_by_key(|(_, ahead)| ahead.len());
        let Some((id, ahead)) = longest else {
            return false;
        };
        // The page that is under way reaches this far.
        let boundaries_per_page = self.page_size.div_ceil(self.keys_per_boundary().max(1));
        if ahead.len() < 2 * boundaries_per_page {
            return false;
        }
        let middle = (ahead.len() / 2).max(boundaries_per_page);
        let Some(boundary) = ahead.get(middle).cloned() else {
            return false;
        };
        self.shards.split(id, &boundary, false)
    }

    /// Splits a shard without any boundary ahead at a guess, unless too many guesses were bad.
    pub(crate) fn split_at_guess(&mut self) -> bool {
        if self.bad_guesses >= BAD_GUESSES + self.pages / BAD_GUESSES {
            return false;
        }
        match self.next_guess() {
            Some((id, boundary)) => self.shards.split(id, &boundary, true),
            None => false,
        }
    }

    /// Returns the first shard that can be split at a guess, and the guess.
    fn next_guess(&self) -> Option<(u32, String)> {
        let untested = self.untested_guesses();
        for (id, shard) in self.shards.iter() {
            let until = shard.range.until.as_ref();
            if until.is_some_and(|until| untested.contains(until)) || !self.is_stuck(shard) {
                continue;
            }
            if let Some(boundary) = self.guess(shard) {
                return Some((id, boundary));
            }
        }
        None
    }

    /// Returns the guesses behind which no page has been listed.
    fn untested_guesses(&self) -> BTreeSet<String> {
        let guesses = self.shards.values().filter(|shard| shard.is_guess);
        guesses
            .filter_map(|shard| shard.range.after.clone())
            .collect()
    }

    /// Guesses a boundary in the middle of what is left of a shard's current directory.
    fn guess(&self, shard: &Shard) -> Option<String> {
        let position = shard.position.as_deref()?;
        let directory = shard.directories(self.root()).into_iter().next()?;
        half_way(
            &directory,
            position,
            shard.range.until.as_deref(),
            shard.alphabet,
        )
    }

    /// Returns the directories whose subdirectories would divide shards that go on and on without
    /// a boundary ahead: first those of the shard that is longest in one directory.
    pub(crate) fn directories_to_probe(&self) -> Vec<String> {
        let mut stuck: Vec<&Shard> = self
            .shards
            .values()
            .filter(|shard| self.is_stuck(shard))
            .collect();
        stuck.sort_by_key(|shard| std::cmp::Reverse(shard.pages_in_one_directory));
        let mut directories = Vec::new();
        for shard in stuck {
            // The innermost directory holds the objects themselves.
            directories.extend(shard.directories(self.root()).into_iter().skip(1));
        }
        directories
    }

    fn is_stuck(&self, shard: &Shard) -> bool {
        let is_long = shard.pages_in_one_directory >= 2 && shard.state != ShardState::New;
        is_long && self.ahead(shard).is_empty()
    }

    /// Returns the directories to probe after the first page: the one that holds the directory of
    /// the last key, and the root with the servers.
    pub(crate) fn first_directories_to_probe(&self) -> BTreeSet<String> {
        let Some(shard) = self.shards.values().next() else {
            return BTreeSet::new();
        };
        let directories = shard.directories(self.root());
        let outer = [directories.get(1), directories.last()];
        outer.into_iter().flatten().cloned().collect()
    }

    /// Returns the first position of a shard in a directory.
    pub(crate) fn first_position_in(&self, directory: &str) -> Option<&str> {
        let positions = self
            .shards
            .values()
            .filter_map(|shard| shard.position.as_deref());
        positions
            .filter(|position| position.starts_with(directory))
            .min()
    }
}
