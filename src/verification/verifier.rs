//! Verifier of one archive.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use archive_store::{AdaptiveLimit, ObjectStore, StorageError};
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::ledger::{self, Granted};
use super::{
    Job, Ledger, PlannedJob, Planner, StateError, VerificationSettings, VerificationStatistics,
};
use crate::assess::{ArchiveTargets, ServerTargets};
use crate::clock::Clock;
use crate::evidence::ServerEvidence;

/// Shortest time between two looks for something to do.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// Longest time without looking for something to do.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Time without a refusal after which reads go on that the store has asked to slow down.
const CALM_AFTER: Duration = Duration::from_mins(1);

/// Shortest time after which a server is tried again whose job failed; doubled each time after that.
const SHORTEST_RETRY: Duration = Duration::from_secs(30);

/// Longest time after which a server is tried again.
const LONGEST_RETRY: Duration = Duration::from_mins(30);

/// Verifier of one archive, which carries out jobs as the plan and the budget allow.
pub struct Verifier<S> {
    /// Configured name of the archive.
    pub archive: String,
    /// Store that holds the archive's objects.
    pub store: Arc<S>,
    /// Limit of the scans, which shows if the store asks for fewer requests.
    pub limit: Arc<AdaptiveLimit>,
    /// Prefix of all keys of the archive: empty, or ending in a slash.
    pub prefix: String,
    /// Settings.
    pub settings: VerificationSettings,
    /// Evidence and budget.
    pub ledger: Arc<Ledger>,
    /// What the last scan found; `None` before the first.
    pub targets: watch::Receiver<Option<Arc<ArchiveTargets>>>,
    /// Counts for the metrics.
    pub statistics: Arc<VerificationStatistics>,
    /// Clock for budget and evidence.
    pub clock: Clock,
}

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
}

/// Job that has ended.
pub(super) struct EndedJob {
    pub(super) server: String,
    pub(super) result: Result<JobEnd, JobFailure>,
}

/// State of the verifier between jobs.
#[derive(Default)]
struct Progress {
    busy: BTreeSet<String>,
    /// Next job of each server; `None` if there is nothing to do.
    planned: BTreeMap<String, Option<PlannedJob>>,
    /// Servers whose jobs failed, with the moment of the next try and the wait before it.
    failed: BTreeMap<String, FailedServer>,
    /// Last job of each server since the scan, unless it was not carried out to its end.
    last: BTreeMap<String, Job>,
    /// Order in which servers were served.
    served: BTreeMap<String, u64>,
    turn: u64,
    /// Moment until which the budget does not allow the next job.
    blocked_until: Option<Instant>,
}

impl Progress {
    /// Time until something can be done that cannot be done now.
    fn wait(&self) -> Duration {
        let retries = self.failed.values().map(|failed| failed.try_at);
        let next = retries.chain(self.blocked_until).min();
        let wait = next.map_or(LONGEST_WAIT, |next| {
            next.saturating_duration_since(Instant::now())
        });
        wait.clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }
}

#[derive(Clone, Copy)]
struct FailedServer {
    try_at: Instant,
    wait: Duration,
}

impl<S: ObjectStore + 'static> Verifier<S> {
    /// Verifies until `stop` is cancelled. What was found by then is saved.
    pub async fn run(mut self, stop: &CancellationToken) {
        stop.run_until_cancelled(self.work()).await;
        self.save().await;
    }

    /// Carries out jobs until nothing is left to do that the budget allows.
    ///
    /// For commands; returns true if everything was done.
    pub async fn run_once(&mut self) -> bool {
        let mut progress = Progress::default();
        let Some(targets) = self.targets.borrow_and_update().clone() else {
            return false;
        };
        self.forget_gone(&targets);
        loop {
            let mut running = FuturesUnordered::new();
            while running.len() < self.settings.parallel.max(1)
                && let Some((server, planned)) = self.next(&mut progress, &targets)
            {
                running.push(self.carry_out(server, planned.job, &targets));
            }
            if running.is_empty() {
                return progress.blocked_until.is_none() && progress.failed.is_empty();
            }
            while let Some(ended) = running.next().await {
                self.note(&mut progress, ended);
            }
        }
    }

    async fn work(&mut self) {
        let mut progress = Progress::default();
        loop {
            let targets = self.targets.borrow_and_update().clone().unwrap_or_default();
            if !targets.servers.is_empty() {
                self.forget_gone(&targets);
            }
            progress.planned.clear();
            progress.last.clear();
            progress.blocked_until = None;
            self.work_on(&mut progress, &targets).await;
        }
    }

    /// Carries out jobs until another scan has ended.
    async fn work_on(&mut self, progress: &mut Progress, targets: &Arc<ArchiveTargets>) {
        let mut scans = self.targets.clone();
        let mut has_changed = false;
        let mut running = FuturesUnordered::new();
        loop {
            let may_start = !has_changed && self.may_start();
            while may_start
                && running.len() < self.settings.parallel.max(1)
                && let Some((server, planned)) = self.next(progress, targets)
            {
                running.push(self.carry_out(server, planned.job, targets));
            }
            if has_changed && running.is_empty() {
                return;
            }
            tokio::select! {
                Some(ended) = running.next(), if !running.is_empty() => self.note(progress, ended),
                end = scans.changed(), if !has_changed => {
                    if end.is_err() {
                        // The scanner is gone, and with it the program.
                        std::future::pending::<()>().await;
                    }
                    has_changed = true;
                }
                () = sleep(progress.wait()), if running.is_empty() => {
                    progress.planned.clear();
                    progress.blocked_until = None;
                }
            }
            if self.ledger.is_save_due((self.clock)()) {
                self.save().await;
            }
        }
    }

    /// Returns whether a job may start now.
    fn may_start(&self) -> bool {
        let is_calm = self
            .limit
            .throttled_at()
            .is_none_or(|at| at.elapsed() >= CALM_AFTER);
        let hours = self.settings.hours.as_ref();
        is_calm && hours.is_none_or(|hours| hours.include((self.clock)()))
    }

    /// Returns the job that comes first, and makes its server busy.
    fn next(
        &self,
        progress: &mut Progress,
        targets: &ArchiveTargets,
    ) -> Option<(String, PlannedJob)> {
        let now = Instant::now();
        if progress.blocked_until.is_some_and(|until| until > now) {
            return None;
        }
        for (server, of_server) in &targets.servers {
            let is_busy = progress.busy.contains(server);
            if !is_busy && !progress.planned.contains_key(server) {
                let planned = self.plan(server, of_server);
                // A job that changed nothing is of something that was deleted since the scan.
                let is_new = |planned: &PlannedJob| progress.last.get(server) != Some(&planned.job);
                let planned = planned.filter(is_new);
                progress.planned.insert(server.clone(), planned);
            }
        }
        let is_waiting = |server: &str| {
            let failed = progress.failed.get(server);
            progress.busy.contains(server) || failed.is_some_and(|failed| failed.try_at > now)
        };
        let candidates = progress.planned.iter().filter_map(|(server, planned)| {
            let planned = planned.as_ref().filter(|_| !is_waiting(server))?;
            let turn = progress.served.get(server).copied().unwrap_or(0);
            Some((
                planned.priority,
                planned.evidence_from,
                turn,
                server,
                planned,
            ))
        });
        let (_, _, _, server, planned) =
            candidates.min_by_key(|(priority, evidence_from, turn, _, _)| {
                (*priority, *evidence_from, *turn)
            })?;
        let (server, planned) = (server.clone(), planned.clone());
        progress.turn += 1;
        progress.served.insert(server.clone(), progress.turn);
        progress.busy.insert(server.clone());
        progress.last.insert(server.clone(), planned.job.clone());
        progress.planned.remove(&server);
        Some((server, planned))
    }

    fn plan(&self, server: &str, targets: &ServerTargets) -> Option<PlannedJob> {
        let now = (self.clock)();
        let most_bytes = self.ledger.budget(now).map(|(_, most)| most);
        self.ledger.read(|evidence| {
            let nothing = ServerEvidence::default();
            let evidence = evidence.servers.get(server).unwrap_or(&nothing);
            let planner = Planner {
                targets,
                evidence,
                reverify_after: self.settings.reverify_after,
                most_bytes,
                now,
            };
            planner.next()
        })
    }

    /// Carries out a job of a server.
    pub(super) async fn carry_out(
        &self,
        server: String,
        job: Job,
        targets: &ArchiveTargets,
    ) -> EndedJob {
        let Some(of_server) = targets.servers.get(&server) else {
            return EndedJob {
                server,
                result: Ok(JobEnd::Done),
            };
        };
        let context = self.job(&server, of_server);
        debug!(target: "verification", archive = self.archive, server, ?job, "Reading");
        // A panic must not end the daemon.
        let run = AssertUnwindSafe(context.carry_out(job)).catch_unwind();
        let result = run.await.unwrap_or(Err(JobFailure::Panicked));
        EndedJob { server, result }
    }

    /// Everything that a job of a server needs.
    pub(super) fn job<'a>(
        &'a self,
        server: &'a str,
        targets: &'a ServerTargets,
    ) -> ServerJob<'a, S> {
        ServerJob {
            store: &self.store,
            limit: &self.limit,
            prefix: &self.prefix,
            server,
            targets,
            ledger: &self.ledger,
            statistics: &self.statistics,
            clock: &self.clock,
        }
    }

    fn note(&self, progress: &mut Progress, ended: EndedJob) {
        let EndedJob { server, result } = ended;
        progress.busy.remove(&server);
        match result {
            Ok(JobEnd::Done) => {
                progress.failed.remove(&server);
            }
            Ok(JobEnd::Blocked(None)) => {
                progress.last.remove(&server);
                // The others must not wait for what never comes.
                let try_at = Instant::now() + LONGEST_RETRY;
                let wait = LONGEST_RETRY;
                progress
                    .failed
                    .insert(server, FailedServer { try_at, wait });
            }
            Ok(JobEnd::Blocked(wait)) => {
                progress.last.remove(&server);
                let wait = wait
                    .and_then(|wait| wait.to_std().ok())
                    .unwrap_or(LONGEST_WAIT);
                let until = Instant::now() + wait.min(LONGEST_WAIT);
                progress.blocked_until = Some(until);
            }
            Err(failure) => {
                progress.last.remove(&server);
                let error = error_causes::with_causes(&failure);
                let archive = &self.archive;
                warn!(
                    target: "verification",
                    archive, server, error, "Contents cannot be verified now"
                );
                let wait = progress
                    .failed
                    .get(&server)
                    .map_or(SHORTEST_RETRY, |failed| {
                        (failed.wait * 2).min(LONGEST_RETRY)
                    });
                let try_at = Instant::now() + wait;
                progress
                    .failed
                    .insert(server, FailedServer { try_at, wait });
            }
        }
    }

    /// Forgets the evidence about what does not exist any more.
    pub fn forget_gone(&self, targets: &ArchiveTargets) {
        self.ledger.tidy(|evidence| {
            evidence
                .servers
                .retain(|server, _| targets.servers.contains_key(server));
            for (server, known) in &mut evidence.servers {
                let Some(targets) = targets.servers.get(server) else {
                    continue;
                };
                let exists = |wal_dir| targets.dirs.contains_key(&wal_dir);
                known.wal.retain_dirs(exists, targets.segment_size);
                let ids: BTreeSet<&str> = targets
                    .backups
                    .iter()
                    .map(|backup| backup.id.as_str())
                    .collect();
                known.backups.retain(|id, _| ids.contains(id.as_str()));
            }
        });
    }

    pub(super) async fn save(&self) {
        if let Err(error) = ledger::save(&self.ledger, (self.clock)()).await {
            let error = error_causes::with_causes(&error);
            warn!(
                target: "verification",
                archive = self.archive, error, "What was verified cannot be saved"
            );
        }
    }
}

impl<S: ObjectStore + 'static> ServerJob<'_, S> {
    async fn carry_out(&self, job: Job) -> Result<JobEnd, JobFailure> {
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
                saved.map(|()| None).map_err(JobFailure::State)
            }
            Granted::After(wait) => Ok(Some(JobEnd::Blocked(wait))),
        }
    }

    /// Waits while the store asks for fewer requests.
    async fn calm(&self) {
        while let Some(at) = self.limit.throttled_at()
            && at.elapsed() < CALM_AFTER
        {
            sleep(CALM_AFTER.saturating_sub(at.elapsed())).await;
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    /// Looks at the evidence about the server.
    pub(super) fn look<T>(&self, look: impl FnOnce(&ServerEvidence) -> T) -> T {
        let nothing = ServerEvidence::default();
        self.ledger
            .read(|evidence| look(evidence.servers.get(self.server).unwrap_or(&nothing)))
    }

    /// Changes the evidence about the server.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut ServerEvidence) -> T) -> T {
        self.ledger
            .update(|evidence| change(evidence.servers.entry(self.server.to_owned()).or_default()))
    }
}
