//! Verifier of one archive.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use archive_store::{AdaptiveLimit, ObjectStore};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::ledger;
use super::progress::{FailedServer, LONGEST_RETRY, LONGEST_WAIT, Progress};
use super::server_job::{CALM_AFTER, JobEnd, JobFailure, ServerJob};
use super::{
    Job, Ledger, PlannedJob, Planner, StateError, VerificationSettings, VerificationStatistics,
};
use crate::assess::{ArchiveTargets, ServerTargets};
use crate::clock::Clock;
use crate::evidence::ServerEvidence;

/// Time after which a file is tried again that another process uses.
const FILE_RETRY: Duration = Duration::from_secs(5);

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

/// Job that has ended.
pub(super) struct EndedJob {
    pub(super) server: String,
    pub(super) job: Job,
    pub(super) result: Result<JobEnd, JobFailure>,
}

impl<S: ObjectStore + 'static> Verifier<S> {
    /// Verifies until `stop` is cancelled. What was found by then is saved.
    pub async fn run(self, stop: &CancellationToken) {
        let work = async {
            self.open_file().await;
            self.work().await;
        };
        stop.run_until_cancelled(work).await;
        self.save().await;
    }

    /// Opens the file in which evidence is saved, as soon as no other process uses it: an exporter that
    /// is replaced, for example, or the command `verify`. A file that cannot be used costs what was
    /// remembered, and nothing else.
    async fn open_file(&self) {
        let mut is_first = true;
        while let Err(error) = self.ledger.open((self.clock)()) {
            let is_in_use = matches!(error, StateError::InUse { .. });
            let error = error_causes::with_causes(&error);
            let archive = &self.archive;
            if !is_in_use {
                warn!(
                    target: "verification",
                    archive,
                    error,
                    "What was verified is not remembered: everything is read again after a restart"
                );
                return;
            }
            if is_first {
                warn!(
                    target: "verification",
                    archive, error, "Contents are not verified until the state file is free"
                );
            }
            is_first = false;
            sleep(FILE_RETRY).await;
        }
    }

    /// Carries out jobs until nothing is left to do that the budget allows.
    ///
    /// For commands; returns true if everything was done.
    pub async fn run_once(&mut self) -> bool {
        let mut progress = Progress::default();
        let Some(targets) = self.targets.borrow_and_update().clone() else {
            return false;
        };
        self.take_over(&targets);
        loop {
            let mut running = FuturesUnordered::new();
            while running.len() < self.settings.parallel.max(1)
                && let Some((server, planned)) = self.next(&mut progress, &targets)
            {
                let failures = progress.failures(&server, &planned.job);
                running.push(self.carry_out(server, planned.job, failures, Arc::clone(&targets)));
            }
            if running.is_empty() {
                return progress.blocked_until.is_none() && progress.failed.is_empty();
            }
            while let Some(ended) = running.next().await {
                self.note(&mut progress, ended);
            }
        }
    }

    /// Carries out jobs for ever. A job that is under way when a scan ends goes on with what the scan
    /// before found.
    async fn work(&self) {
        let mut progress = Progress::default();
        let mut scans = self.targets.clone();
        let mut targets = self.newest_targets(&mut scans);
        let mut running = FuturesUnordered::new();
        loop {
            while self.may_start()
                && running.len() < self.settings.parallel.max(1)
                && let Some((server, planned)) = self.next(&mut progress, &targets)
            {
                let failures = progress.failures(&server, &planned.job);
                running.push(self.carry_out(server, planned.job, failures, Arc::clone(&targets)));
            }
            tokio::select! {
                Some(ended) = running.next(), if !running.is_empty() => {
                    self.note(&mut progress, ended);
                }
                end = scans.changed() => {
                    if end.is_err() {
                        // The scanner is gone, and with it the program.
                        std::future::pending::<()>().await;
                    }
                    targets = self.newest_targets(&mut scans);
                    progress.begin_anew();
                }
                () = sleep(progress.wait()) => progress.planned.clear(),
            }
            if self.ledger.is_save_due((self.clock)()) {
                self.save().await;
            }
        }
    }

    /// Returns what the last scan found, after the evidence about everything else is forgotten.
    fn newest_targets(
        &self,
        scans: &mut watch::Receiver<Option<Arc<ArchiveTargets>>>,
    ) -> Arc<ArchiveTargets> {
        let targets = scans.borrow_and_update().clone().unwrap_or_default();
        if !targets.servers.is_empty() {
            self.take_over(&targets);
        }
        targets
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
            let evidence = evidence.server(server).unwrap_or(&nothing);
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
        failures: u32,
        targets: impl Deref<Target = ArchiveTargets>,
    ) -> EndedJob {
        let Some(of_server) = targets.servers.get(&server) else {
            return EndedJob {
                server,
                job,
                result: Ok(JobEnd::Done),
            };
        };
        let context = ServerJob {
            failures,
            ..self.job(&server, of_server)
        };
        debug!(target: "verification", archive = self.archive, server, ?job, "Reading");
        // A panic must not end the daemon.
        let run = AssertUnwindSafe(context.carry_out(job.clone())).catch_unwind();
        let result = run.await.unwrap_or(Err(JobFailure::Panicked));
        EndedJob {
            server,
            job,
            result,
        }
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
            failures: 0,
        }
    }

    fn note(&self, progress: &mut Progress, ended: EndedJob) {
        let EndedJob {
            server,
            job,
            result,
        } = ended;
        progress.busy.remove(&server);
        match result {
            Ok(JobEnd::Done) => {
                progress.failed.remove(&server);
            }
            Ok(JobEnd::Blocked(None)) => {
                progress.last.remove(&server);
                // The others must not wait for what never comes.
                let failed = FailedServer {
                    try_at: Instant::now() + LONGEST_RETRY,
                    wait: LONGEST_RETRY,
                    job,
                    failures: 0,
                };
                progress.failed.insert(server, failed);
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
                let is_of_object = matches!(failure, JobFailure::Store(_));
                progress.put_off(server, job, is_of_object);
            }
        }
    }

    /// Takes over what a scan found: forgets the evidence about what does not exist any more, and notes the
    /// level of each server.
    pub fn take_over(&self, targets: &ArchiveTargets) {
        let now = (self.clock)();
        self.ledger.adapt(|evidence| {
            let mut is_new = false;
            evidence
                .servers
                .retain(|server, _| targets.servers.contains_key(server));
            for (server, targets) in &targets.servers {
                is_new |= evidence.note_level(server, targets.level, now);
                let known = evidence.server_mut(server);
                let exists = |wal_dir| targets.dirs.contains_key(&wal_dir);
                known.wal.retain_dirs(exists, targets.segment_size);
                let ids: BTreeSet<&str> = targets
                    .backups
                    .iter()
                    .map(|backup| backup.id.as_str())
                    .collect();
                known.backups.retain(|id, _| ids.contains(id.as_str()));
            }
            is_new
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
