//! Listing ranges of keys, many requests at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Add;
use std::sync::Arc;

use archive_store::{KeyOrder, ListPage, ObjectStore, StorageError};
use barman_archive::barman::NestedNames;
use barman_archive::inventory::ListedObject;
use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tracing::debug;

use super::boundaries::{Boundaries, half_way};
use super::directory_probe::DirectoryProbe;
use super::error::ListingError;
use super::estimate::{DirectoryCounts, ListingEstimate};
use super::junctions::Junctions;
use super::key_range::{KeyRange, end_of};
use super::shard::{Shard, ShardState};

/// Guesses that may be bad whatever the length of the listing; beyond, one in as many pages.
const BAD_GUESSES: u32 = 8;

/// How to list in parallel.
#[derive(Debug)]
pub struct ParallelListing<S> {
    /// Store to list.
    pub store: Arc<S>,
    /// What all keys begin with: empty, or ending in a slash.
    pub root: String,
    /// Server names that contain a slash.
    pub names: NestedNames,
    /// The order in which the store lists.
    pub order: KeyOrder,
    /// How many requests may be under way at once.
    pub at_once: usize,
    /// Objects of a full page.
    pub page: usize,
    /// When the listing began, by the clock that is compared with the store's.
    pub began_at: DateTime<Utc>,
    /// What seems to have up to so many pages is listed with two requests more than plainly, and no
    /// more.
    pub small: u32,
}

/// What to list.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Ranges without a key in common.
    pub ranges: Vec<KeyRange>,
    /// Directories that are known to be there.
    pub directories: Vec<String>,
    /// Whether more than two requests may be spent to list faster.
    pub is_large: bool,
    /// Moment from which places to divide the listing are searched for.
    pub search: Search,
}

/// Moment from which requests are spent on where to divide a listing, on directories and on guesses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Search {
    /// After the first page.
    #[default]
    AtOnce,
    /// Once much seems to be left: what is there is known on the whole.
    WhenLarge,
    /// Never: the directories are known.
    Never,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
enum Job {
    Shard(u32),
    DirectoryProbe(usize),
}

impl<S: ObjectStore + 'static> ParallelListing<S> {
    /// Lists ranges, as many requests at once as are allowed, and hands on every object once.
    ///
    /// A listing is divided while it runs wherever much of it seems to be left: at directories that
    /// were found, else at a guess. In each server's directory, `base/` is listed to its end before
    /// `wals/` begins, so that a backup that is seen as done finds its WAL.
    ///
    /// Returns how many requests it took.
    ///
    /// # Errors
    /// When a page cannot be had, or the store does not list as S3 does.
    pub async fn list(
        &self,
        wanted: Wanted,
        sink: impl FnMut(&ListedObject) + Send,
    ) -> Result<u32, ListingError> {
        let mut boundaries = Boundaries::new(self.order);
        boundaries.add(wanted.directories);
        let mut run = RunningListing {
            listing: self,
            sink,
            shards: (0..).zip(wanted.ranges.into_iter().map(Shard::new)).collect(),
            next_shard: 0,
            boundaries,
            probes: Vec::new(),
            probed: BTreeSet::new(),
            requests: JoinSet::new(),
            junctions: Junctions::default(),
            counts: Counts::default(),
            is_large: wanted.is_large,
            search: wanted.search,
        };
        run.next_shard = u32::try_from(run.shards.len()).unwrap_or(u32::MAX);
        run.finish().await?;
        run.junctions.check(self.store.as_ref(), self.order, self.began_at).await?;
        Ok(run.counts.pages + run.probes.iter().map(|probe| probe.pages).sum::<u32>())
    }
}

impl<S> ParallelListing<S> {
    /// Returns the `base/` of the server in whose directory a key lies.
    fn base_of(&self, key: &str) -> Option<String> {
        let root = &self.root;
        let (server, _) = self.names.split(key.strip_prefix(root.as_str())?)?;
        Some(format!("{root}{server}/base/"))
    }
}

/// What was listed so far.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    pages: u32,
    keys: usize,
    /// Boundaries that shards that are done have passed.
    passed: DirectoryCounts,
    bad_guesses: u32,
}

/// A parallel listing under way.
struct RunningListing<'a, S, F> {
    listing: &'a ParallelListing<S>,
    sink: F,
    shards: BTreeMap<u32, Shard>,
    next_shard: u32,
    boundaries: Boundaries,
    probes: Vec<DirectoryProbe>,
    /// Directories whose subdirectories were probed, or are being.
    probed: BTreeSet<String>,
    requests: JoinSet<(Job, Result<ListPage, StorageError>)>,
    junctions: Junctions,
    counts: Counts,
    is_large: bool,
    search: Search,
}

impl<S: ObjectStore + 'static, F: FnMut(&ListedObject) + Send> RunningListing<'_, S, F> {
    async fn finish(&mut self) -> Result<(), ListingError> {
        loop {
            while self.requests.len() < self.listing.at_once.max(1) && self.start_one() {}
            match self.requests.join_next().await {
                None if self.shards.is_empty() => return Ok(()),
                None => {
                    return Err(ListingError::OutOfOrder(
                        "shards of it wait for each other".to_owned(),
                    ));
                }
                Some(Ok((Job::Shard(id), page))) => self.take_page(id, page?)?,
                Some(Ok((Job::DirectoryProbe(index), Ok(page)))) => {
                    self.take_probe(index, page)?;
                }
                Some(Ok((Job::DirectoryProbe(index), Err(error)))) => {
                    self.give_up_probe(index, &error);
                }
                Some(Err(error)) => {
                    // Nobody aborts a request but who drops all of this.
                    if let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
        }
    }

    /// Sends one more request, if there is any that helps.
    fn start_one(&mut self) -> bool {
        if let Some(job) = self.next_job() {
            self.ask(job);
            return true;
        }
        self.is_large && (self.divide() || self.search()) && self.start_one()
    }

    /// Looks for where to divide the listing, unless that is not worth a request.
    fn search(&mut self) -> bool {
        self.search != Search::Never && (self.probe() || self.guess())
    }

    fn next_job(&self) -> Option<Job> {
        let in_state = |state| self.shards.iter().filter(move |(_, shard)| shard.state == state);
        let ready = in_state(ShardState::Ready).map(|(id, _)| Job::Shard(*id)).next();
        let probes = self.probes.iter().enumerate();
        // Who lists plainly so far looks at the first page of a level, and no further.
        let mut probes = probes
            .filter(|(_, one)| !one.is_asked && !one.is_done && (self.is_large || one.pages == 0));
        let probe = || probes.next().map(|(index, _)| Job::DirectoryProbe(index));
        let new = || in_state(ShardState::New).find(|(id, shard)| self.may_start(**id, shard));
        ready.or_else(probe).or_else(|| new().map(|(id, _)| Job::Shard(*id)))
    }

    /// Whether a shard may be begun: in a server's directory only when all of its `base/` is listed.
    fn may_start(&self, id: u32, shard: &Shard) -> bool {
        let order = self.listing.order;
        let Some((after, base)) = shard.range.after.as_deref().zip(self.base_of(shard)) else {
            return true;
        };
        let begins_in_base = order.is_before(after, &end_of(&base));
        let mut others = self.shards.iter().filter(|(other, _)| **other != id);
        begins_in_base || !others.any(|(_, other)| other.may_hold(&base, order))
    }

    /// The `base/` of the server in whose directory a shard begins.
    fn base_of(&self, shard: &Shard) -> Option<String> {
        let after = shard.range.after.as_deref()?;
        self.listing.base_of(after)
    }

    fn ask(&mut self, job: Job) {
        let request = match job {
            Job::Shard(id) => self.shards.get_mut(&id).map(|shard| {
                shard.state = ShardState::Asked;
                shard.next_request()
            }),
            Job::DirectoryProbe(index) => self.probes.get_mut(index).map(|probe| {
                probe.is_asked = true;
                probe.next_request()
            }),
        };
        let Some(request) = request else { return };
        let store = Arc::clone(&self.listing.store);
        self.requests.spawn(async move { (job, store.list_page(&request).await) });
    }

    fn take_page(&mut self, id: u32, page: ListPage) -> Result<(), ListingError> {
        let Some(shard) = self.shards.get_mut(&id) else { return Ok(()) };
        let before = shard.listed_to().map(str::to_owned);
        self.counts.pages += 1;
        self.counts.keys += page.objects.len();
        self.counts.bad_guesses += u32::from(shard.is_guess && page.objects.is_empty());
        shard.is_guess = false;
        shard.take(page, self.listing.order, &mut self.sink)?;
        let passed = self.boundaries.between(before.as_deref(), shard.position.as_deref());
        if !passed.is_empty() {
            shard.pages_in_one_directory = 1;
        }
        if shard.state == ShardState::Done
            && let Some(shard) = self.shards.remove(&id)
        {
            let all =
                self.boundaries.between(shard.range.after.as_deref(), shard.position.as_deref());
            let all = DirectoryCounts::of(all, &self.listing.root);
            self.counts.passed = self.counts.passed + all;
            self.junctions.note(shard);
        }
        self.consider();
        Ok(())
    }

    fn take_probe(&mut self, index: usize, page: ListPage) -> Result<(), ListingError> {
        if let Some(probe) = self.probes.get_mut(index) {
            let found = probe.take(page, self.listing.order)?;
            let of_so_many = self.boundaries.add(found);
            self.counts.passed.servers /= of_so_many;
            self.counts.passed.deeper /= of_so_many;
        }
        self.consider();
        Ok(())
    }

    /// Continues without an probe that failed: it only serves to divide the listing.
    fn give_up_probe(&mut self, index: usize, error: &StorageError) {
        debug!(error = error.with_causes(), "Directories could not be listed by their names");
        if let Some(probe) = self.probes.get_mut(index) {
            probe.give_up();
        }
        self.consider();
    }

    /// Looks where the listing stands: it may be worth more requests than a plain one.
    fn consider(&mut self) {
        if self.is_large {
            return;
        }
        if self.probes.is_empty() && self.search == Search::AtOnce {
            let shard = self.shards.values().next();
            let levels =
                shard.map(|shard| shard.directories(&self.listing.root)).unwrap_or_default();
            // The level at which the listing stands, and that of the servers.
            let first = [levels.get(1), levels.last()].into_iter().flatten().cloned();
            for level in first.collect::<BTreeSet<_>>() {
                self.probe_level(&level);
            }
        }
        let seen = ListingEstimate {
            pages: self.counts.pages,
            keys: self.counts.keys,
            passed: self.counts.passed + self.levels(Self::behind),
            ahead: self.levels(Self::ahead),
        };
        self.is_large = seen.is_large(self.listing.page, self.listing.small);
    }

    fn levels(
        &self,
        boundaries: for<'a> fn(&'a Self, &'a Shard) -> &'a [String],
    ) -> DirectoryCounts {
        let of_shard = |shard| DirectoryCounts::of(boundaries(self, shard), &self.listing.root);
        self.shards.values().map(of_shard).fold(DirectoryCounts::default(), Add::add)
    }

    /// The boundaries that are left in a shard.
    fn ahead(&self, shard: &Shard) -> &[String] {
        self.boundaries.between(shard.listed_to(), shard.range.until.as_deref())
    }

    /// The boundaries that a shard has passed.
    fn behind(&self, shard: &Shard) -> &[String] {
        let from = shard.range.after.as_deref();
        shard.position.as_deref().map_or(&[], |to| self.boundaries.between(from, Some(to)))
    }

    /// How many keys lie between two boundaries, on the whole.
    fn keys_each(&self) -> usize {
        let passed: usize = self.shards.values().map(|shard| self.behind(shard).len()).sum();
        self.counts.keys / (self.counts.passed.count() + passed).max(1)
    }

    /// Divides the shard in front of which most lies, at the boundary in the middle.
    fn divide(&mut self) -> bool {
        let under_way = self.shards.iter().filter(|(_, shard)| shard.state != ShardState::New);
        let ahead = under_way.map(|(id, shard)| (*id, self.ahead(shard)));
        let Some((id, ahead)) = ahead.max_by_key(|(_, ahead)| ahead.len()) else { return false };
        let keys_each = self.keys_each().max(1);
        // The page that is under way goes so far.
        let in_a_page = self.listing.page.div_ceil(keys_each);
        if ahead.len() < 2 * in_a_page {
            return false;
        }
        let middle = ahead.get((ahead.len() / 2).max(in_a_page)).cloned();
        middle.is_some_and(|boundary| self.divide_at(id, &boundary, false))
    }

    fn divide_at(&mut self, id: u32, boundary: &str, is_guess: bool) -> bool {
        let Some(shard) = self.shards.get_mut(&id) else { return false };
        let mut right = shard.range.split_off(boundary);
        // What comes after `base/` must wait for all of it.
        let base = self.listing.base_of(boundary);
        let base =
            base.filter(|base| boundary.starts_with(base) && !right.prefix.starts_with(base));
        let end = base.map(|base| end_of(&base));
        let goes_on = |end: &String| {
            let until = right.until.as_deref();
            until.is_none_or(|until| self.listing.order.is_before(end, until))
        };
        let rest = end.filter(goes_on).map(|end| right.split_off(&end));
        self.add(Shard::new(right).begun_at(is_guess));
        if let Some(rest) = rest {
            self.add(Shard::new(rest));
        }
        true
    }

    fn add(&mut self, shard: Shard) {
        self.shards.insert(self.next_shard, shard);
        self.next_shard += 1;
    }

    /// Probes a level of a shard that goes on and on without any boundary in front of it.
    fn probe(&mut self) -> bool {
        let order = |shard: &&Shard| std::cmp::Reverse(shard.pages_in_one_directory);
        let mut stuck: Vec<&Shard> =
            self.shards.values().filter(|shard| self.is_stuck(shard)).collect();
        stuck.sort_by_key(order);
        let levels = stuck.iter().flat_map(|shard| {
            // The innermost directory holds the objects themselves.
            shard.directories(&self.listing.root).into_iter().skip(1)
        });
        let new = levels.into_iter().find(|level| !self.probed.contains(level));
        new.is_some_and(|level| {
            self.probe_level(&level);
            true
        })
    }

    fn probe_level(&mut self, level: &str) {
        if self.probed.insert(level.to_owned()) {
            let position = self.shards.values().filter_map(|shard| shard.position.as_deref());
            let position = position.filter(|position| position.starts_with(level)).min();
            self.probes.push(DirectoryProbe::new(level, position));
        }
    }

    fn is_stuck(&self, shard: &Shard) -> bool {
        let is_long = shard.pages_in_one_directory >= 2 && shard.state != ShardState::New;
        is_long && self.ahead(shard).is_empty()
    }

    /// Divides a shard at a guess, unless too many were bad.
    fn guess(&mut self) -> bool {
        let Counts { bad_guesses, pages, .. } = self.counts;
        if bad_guesses >= BAD_GUESSES + pages / BAD_GUESSES {
            return false;
        }
        let guessed: BTreeSet<_> = self
            .shards
            .values()
            .filter(|shard| shard.is_guess)
            .filter_map(|shard| shard.range.after.clone())
            .collect();
        let is_open =
            |shard: &Shard| shard.range.until.as_ref().is_none_or(|until| !guessed.contains(until));
        let mut stuck =
            self.shards.iter().filter(|(_, shard)| self.is_stuck(shard) && is_open(shard));
        let guess = |(id, shard): (&u32, &Shard)| {
            let position = shard.position.as_deref()?;
            let directory = shard.directories(&self.listing.root).into_iter().next()?;
            let until = shard.range.until.as_deref();
            Some((*id, half_way(&directory, position, until, shard.alphabet)?))
        };
        let found = stuck.find_map(guess);
        found.is_some_and(|(id, boundary)| self.divide_at(id, &boundary, true))
    }
}
