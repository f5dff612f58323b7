//! State of a verifier between its jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::{Job, PlannedJob};

/// Shortest time between two looks for something to do.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// Longest time without looking for something to do.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Shortest time after which a server is tried again whose job failed; doubled each time after that.
const SHORTEST_RETRY: Duration = Duration::from_secs(30);

/// Longest time after which a server is tried again.
pub(super) const LONGEST_RETRY: Duration = Duration::from_mins(30);

/// State of the verifier between jobs.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) busy: BTreeSet<String>,
    /// Next job of each server; `None` if there is nothing to do.
    pub(super) planned: BTreeMap<String, Option<PlannedJob>>,
    /// Servers whose jobs failed.
    pub(super) failed: BTreeMap<String, FailedServer>,
    /// Last job of each server since the scan, unless it was not carried out to its end.
    pub(super) last: BTreeMap<String, Job>,
    /// Order in which servers were served.
    pub(super) served: BTreeMap<String, u64>,
    pub(super) turn: u64,
    /// Moment until which the budget does not allow the next job.
    pub(super) blocked_until: Option<Instant>,
}

impl Progress {
    /// Plans anew, after a scan.
    pub(super) fn begin_anew(&mut self) {
        self.planned.clear();
        self.last.clear();
        self.blocked_until = None;
    }

    /// Number of times that a job failed, one after the other.
    pub(super) fn failures(&self, server: &str, job: &Job) -> u32 {
        let failed = self.failed.get(server).filter(|failed| failed.job == *job);
        failed.map_or(0, |failed| failed.failures)
    }

    /// Puts a server off whose job failed, perhaps because of the object that it read.
    pub(super) fn put_off(&mut self, server: String, job: Job, is_of_object: bool) {
        let before = self.failed.get(&server);
        let wait = before.map_or(SHORTEST_RETRY, |failed| {
            (failed.wait * 2).min(LONGEST_RETRY)
        });
        let failures = if is_of_object {
            self.failures(&server, &job).saturating_add(1)
        } else {
            0
        };
        let failed = FailedServer {
            try_at: Instant::now() + wait,
            wait,
            job,
            failures,
        };
        self.failed.insert(server, failed);
    }

    /// Time until something can be done that cannot be done now.
    pub(super) fn wait(&self) -> Duration {
        let now = Instant::now();
        let retries = self.failed.values().map(|failed| failed.try_at);
        let in_future = retries.chain(self.blocked_until).filter(|next| *next > now);
        let wait = in_future.min().map_or(LONGEST_WAIT, |next| next - now);
        wait.clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }
}

pub(super) struct FailedServer {
    /// Moment of the next try, and the wait before it.
    pub(super) try_at: Instant,
    pub(super) wait: Duration,
    /// Job that failed, and how often one after the other.
    pub(super) job: Job,
    pub(super) failures: u32,
}
