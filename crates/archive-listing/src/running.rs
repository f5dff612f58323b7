//! Parallel listing under way: its requests and their answers.

use std::sync::Arc;

use archive_store::{ListPage, ListedObject, ObjectStore, StorageError};
use tokio::task::{JoinError, JoinSet};
use tracing::debug;

use crate::directory_probe::DirectoryProbes;
use crate::division::Division;
use crate::error::ListingError;
use crate::junctions::Junctions;
use crate::parallel::{BoundarySearch, ListingTask, ParallelListing};
use crate::shards::Shards;

/// Parallel listing under way.
pub(crate) struct RunningListing<'a, S, F> {
    listing: &'a ParallelListing<S>,
    sink: F,
    division: Division,
    probes: DirectoryProbes,
    requests: JoinSet<ListAnswer>,
    /// Evidence that no key was missed where shards meet.
    pub(crate) junctions: Junctions,
    is_large: bool,
    search: BoundarySearch,
}

/// Purpose of a request.
#[derive(Clone, Copy, Debug)]
enum Job {
    /// Next page of the shard with this number.
    Shard(u32),
    /// Next page of the directory probe with this number.
    Probe(usize),
}

/// Answer to a request.
struct ListAnswer {
    job: Job,
    page: Result<ListPage, StorageError>,
}

impl<'a, S: ObjectStore + 'static, F: FnMut(&ListedObject) + Send> RunningListing<'a, S, F> {
    pub(crate) fn new(listing: &'a ParallelListing<S>, task: ListingTask, sink: F) -> Self {
        let shards = Shards::new(listing.layout(), task.ranges);
        Self {
            listing,
            sink,
            division: Division::new(shards, task.directories, listing.page_size),
            probes: DirectoryProbes::default(),
            requests: JoinSet::new(),
            junctions: Junctions::default(),
            is_large: task.is_large,
            search: task.search,
        }
    }

    /// Number of requests that were answered, except for those that check junctions.
    pub(crate) fn requests_sent(&self) -> u32 {
        self.division.pages() + self.probes.pages()
    }

    /// Lists until every shard is done.
    pub(crate) async fn finish(&mut self) -> Result<(), ListingError> {
        loop {
            self.start_requests();
            let Some(answer) = self.requests.join_next().await else {
                break;
            };
            match answer {
                Ok(answer) => self.take_answer(answer)?,
                Err(error) => resume_panic(error),
            }
        }
        if !self.division.shards().is_empty() {
            return Err(ListingError::OutOfOrder(
                "shards of it wait for each other".to_owned(),
            ));
        }
        Ok(())
    }

    /// Sends as many requests as are allowed and useful.
    fn start_requests(&mut self) {
        while self.requests.len() < self.listing.concurrency.max(1) {
            match self.next_job() {
                Some(job) => self.ask(job),
                None if self.is_large && self.divide() => {}
                None => return,
            }
        }
    }

    fn next_job(&self) -> Option<Job> {
        let shards = self.division.shards();
        if let Some(id) = shards.next_ready() {
            return Some(Job::Shard(id));
        }
        if let Some(index) = self.probes.next_to_ask(self.is_large) {
            return Some(Job::Probe(index));
        }
        shards.next_new().map(Job::Shard)
    }

    /// Makes more requests possible: divides a shard, or starts to search for where to divide one.
    fn divide(&mut self) -> bool {
        if self.division.split_at_boundary() {
            return true;
        }
        match self.search {
            BoundarySearch::AtOnce | BoundarySearch::WhenLarge => {
                self.probe_another_directory() || self.division.split_at_guess()
            }
            BoundarySearch::Never => false,
        }
    }

    fn probe_another_directory(&mut self) -> bool {
        for directory in self.division.directories_to_probe() {
            if self.probe(&directory) {
                return true;
            }
        }
        false
    }

    /// Starts to probe a directory; returns false if that was done before.
    fn probe(&mut self, directory: &str) -> bool {
        let position = self.division.first_position_in(directory);
        self.probes.start(directory, position)
    }

    fn ask(&mut self, job: Job) {
        let request = match job {
            Job::Shard(id) => self.division.shards_mut().next_request(id),
            Job::Probe(index) => self.probes.next_request(index),
        };
        let Some(request) = request else { return };
        let store = Arc::clone(&self.listing.store);
        self.requests.spawn(async move {
            let page = store.list_page(&request).await;
            ListAnswer { job, page }
        });
    }

    fn take_answer(&mut self, answer: ListAnswer) -> Result<(), ListingError> {
        match answer.job {
            Job::Shard(id) => {
                let done = self.division.take_page(id, answer.page?, &mut self.sink)?;
                if let Some(shard) = done {
                    self.junctions.note(shard);
                }
            }
            Job::Probe(index) => self.take_probe(index, answer.page)?,
        }
        self.reconsider();
        Ok(())
    }

    fn take_probe(
        &mut self,
        index: usize,
        page: Result<ListPage, StorageError>,
    ) -> Result<(), ListingError> {
        match page {
            Ok(page) => {
                let found = self.probes.take(index, page, self.listing.order)?;
                self.division.add_directories(found);
            }
            // The listing goes on without: a probe only serves to divide it.
            Err(error) => {
                debug!(
                    target: "listing",
                    error = error.with_causes(),
                    "Directories could not be listed by their names"
                );
                self.probes.give_up(index);
            }
        }
        Ok(())
    }

    /// Decides from what was listed whether more requests than for a sequential listing are worth
    /// it.
    fn reconsider(&mut self) {
        if self.is_large {
            return;
        }
        if self.probes.is_empty() && self.search == BoundarySearch::AtOnce {
            for directory in self.division.first_directories_to_probe() {
                self.probe(&directory);
            }
        }
        let ParallelListing {
            page_size,
            small_pages,
            ..
        } = *self.listing;
        self.is_large = self.division.estimate().is_large(page_size, small_pages);
    }
}

/// Passes on a panic in a request. Nothing else ends one: requests are only aborted when the
/// listing is dropped.
fn resume_panic(error: JoinError) {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}
