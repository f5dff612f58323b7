//! Job of one server, with what all kinds of jobs share.

use std::sync::Arc;
use std::time::Duration;

use archive_store::{AdaptiveLimit, ErrorKind, ErrorScope, ObjectStore, StorageError};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::sleep;

use super::ledger::{self, Granted};
use super::{Job, Ledger, StateError, VerificationStatistics};
use crate::assess::ServerTargets;
use crate::clock::Clock;
use crate::evidence::{FaultKind, ServerEvidence};

/// Time without a refusal after which reads go on that the store has asked to slow down.
pub(super) const CALM_AFTER: Duration = Duration::from_mins(1);

/// Number of failures of one job after which the object that it reads is to blame: its directory could
/// be listed each time.
const MOST_FAILURES: u32 = 2;

/// End of a job that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobEnd {
    /// Everything was read.
    Done,
    /// There are not enough bytes in the budget; the time until there are, `None` for never.
    Blocked(Option<TimeDelta>),
}

/// Failure of a job. The objects are not to blame.
#[derive(Debug, thiserror::Error)]
pub(super) enum JobFailure {
    /// A directory cannot be listed.
    #[error(transparent)]
    Listing(StorageError),
    /// The store does not answer as it should.
    #[error(transparent)]
    Store(StorageError),
    /// The budget cannot be saved, so nothing more may be read.
    #[error(transparent)]
    State(StateError),
    /// Bug in the program.
    #[error("the verification hit a bug in the exporter: please report it")]
    Panicked,
}

/// Everything that a job of one server needs.
pub(super) struct ServerJob<'a, S> {
    pub(super) store: &'a Arc<S>,
    pub(super) limit: &'a AdaptiveLimit,
    pub(super) prefix: &'a str,
    pub(super) server: &'a str,
    pub(super) targets: &'a ServerTargets,
    pub(super) ledger: &'a Arc<Ledger>,
    pub(super) statistics: &'a VerificationStatistics,
    pub(super) clock: &'a Clock,
    /// Number of times that the same job failed before.
    pub(super) failures: u32,
}

impl<S: ObjectStore + 'static> ServerJob<'_, S> {
    pub(super) async fn carry_out(&self, job: Job) -> Result<JobEnd, JobFailure> {
        match job {
            Job::WalEdges(wal_dir) => self.wal_edges(wal_dir).await,
            Job::EdgesAgain { wal_dir, edges } => self.edges_again(wal_dir, &edges).await,
            Job::Walk { first, last } => self.walk(first, last).await,
            Job::Examine { wal_dir, file } => self.examine(wal_dir, file).await,
            Job::BackupEdges(id) => self.backup_edges(&id).await,
            Job::Backup(id) => self.backup(&id).await,
        }
    }

    /// Asks for bytes to read, and waits while the store asks for fewer requests. Returns the end of
    /// the job if there are not enough.
    pub(super) async fn grant(&self, bytes: u64) -> Result<Option<JobEnd>, JobFailure> {
        self.calm().await;
        match self.ledger.take(bytes, self.now()) {
            Granted::Now { after_save: false } => Ok(None),
            Granted::Now { after_save: true } => {
                let saved = ledger::save(self.ledger, self.now()).await;
                if saved.is_err() {
                    self.ledger.cancel(bytes);
                }
                saved.map(|()| None).map_err(JobFailure::State)
            }
            Granted::After(wait) => Ok(Some(JobEnd::Blocked(wait))),
        }
    }

    /// Waits while the store asks for fewer requests.
    pub(super) async fn calm(&self) {
        calm(self.limit).await;
    }

    /// Returns why an object cannot be read; `None` if the failure is not of the object, and a later
    /// try may succeed.
    pub(super) fn fault_of_object(&self, error: &StorageError) -> Option<FaultKind> {
        let is_of_way = matches!(error.kind(), ErrorKind::Throttled | ErrorKind::Network);
        match error.scope() {
            ErrorScope::GoneObject | ErrorScope::ReplacedObject => Some(FaultKind::NotGivenOut),
            ErrorScope::RefusedObject => (!is_of_way).then_some(FaultKind::Refused),
            ErrorScope::TooLargeObject => Some(FaultKind::Refused),
            ErrorScope::Scan if self.failures >= MOST_FAILURES => match error.kind() {
                ErrorKind::Network
                | ErrorKind::Timeout
                | ErrorKind::Protocol
                | ErrorKind::Internal => Some(FaultKind::Unanswered),
                ErrorKind::Auth | ErrorKind::NotFound | ErrorKind::Throttled => None,
            },
            ErrorScope::Scan | ErrorScope::RefusedCall => None,
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    /// Looks at the evidence about the server.
    pub(super) fn look<T>(&self, look: impl FnOnce(&ServerEvidence) -> T) -> T {
        let nothing = ServerEvidence::default();
        self.ledger
            .read(|evidence| look(evidence.server(self.server).unwrap_or(&nothing)))
    }

    /// Changes the evidence about the server.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut ServerEvidence) -> T) -> T {
        self.ledger
            .update(|evidence| change(evidence.server_mut(self.server)))
    }
}

/// Waits while a store asks for fewer requests.
pub(super) async fn calm(limit: &AdaptiveLimit) {
    while let Some(at) = limit.throttled_at()
        && at.elapsed() < CALM_AFTER
    {
        sleep(CALM_AFTER.saturating_sub(at.elapsed())).await;
    }
}
