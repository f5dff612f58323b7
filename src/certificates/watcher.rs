//! Reading certificates again and again.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::join_all;
use tls_certificates::x509::{CertificateStatus, LastChain, Verification};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::file::FileReads;
use super::pattern::{Matches, is_pattern, matches, name_below};
use super::reading::{CertificateOrigin, Reading, read};
use super::{ReadError, Subject, Watched};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Is told what is known of certificates.
pub trait CertificateObserver: Send + Sync {
    /// All that is known under one name, by the names of the certificates.
    fn certificates_read(&self, known: Vec<CertificateStatus>);
}

/// Watches what there is under one configured name.
pub struct Watcher {
    subject: Subject,
    time_limit: Duration,
    observer: Arc<dyn CertificateObserver>,
    clock: Clock,
    /// What is read off the async threads, by certificate; a pattern's directories under its own name.
    files: Mutex<BTreeMap<String, FileReads>>,
    /// What is known, by certificate.
    known: Mutex<BTreeMap<String, CertificateStatus>>,
    /// Held while reading.
    busy: tokio::sync::Mutex<()>,
}

/// One certificate to be read.
struct Task {
    name: String,
    place: String,
    /// Where it is, or why it cannot be read.
    origin: Result<CertificateOrigin, String>,
}

impl Watcher {
    /// Creates a watcher. Does no I/O.
    #[must_use]
    pub fn new(
        subject: Subject,
        time_limit: Duration,
        observer: Arc<dyn CertificateObserver>,
        clock: Clock,
    ) -> Self {
        Self {
            subject,
            time_limit,
            observer,
            clock,
            files: Mutex::default(),
            known: Mutex::default(),
            busy: tokio::sync::Mutex::default(),
        }
    }

    /// Reads everything once, unless it is being read already or `stop` is cancelled meanwhile.
    pub async fn read(&self, stop: &CancellationToken) {
        let Ok(_busy) = self.busy.try_lock() else {
            debug!(certificate = self.subject.name, "Skipped: the previous reading has not ended");
            return;
        };
        stop.run_until_cancelled(self.read_all()).await;
    }

    async fn read_all(&self) {
        let tasks = match self.limited(self.tasks()).await {
            Ok(tasks) => tasks,
            Err(error) => self.failing(&error, &[]),
        };
        self.forget_all_but(&tasks);
        self.publish();
        join_all(tasks.into_iter().map(|task| self.read_one(task))).await;
    }

    /// What matches a pattern no more is gone.
    fn forget_all_but(&self, tasks: &[Task]) {
        let is_there = |name: &String| tasks.iter().any(|task| task.name == *name);
        self.locked().retain(|name, _| is_there(name));
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|name, files| files.is_busy() || is_there(name));
    }

    /// Everything that is known and not among what was found, and the name itself: with an error.
    fn failing(&self, error: &ReadError, found: &[Task]) -> Vec<Task> {
        let error = error.with_causes();
        let known = self.locked();
        let known = known.values().map(|status| (status.name.clone(), status.place.clone()));
        let all: BTreeMap<_, _> =
            known.chain([(self.subject.name.clone(), self.subject.watched.place())]).collect();
        let is_found = |name: &String| found.iter().any(|task| task.name == *name);
        let rest = all.into_iter().filter(|(name, _)| !is_found(name));
        rest.map(|(name, place)| Task { name, place, origin: Err(error.clone()) }).collect()
    }

    async fn read_one(&self, task: Task) {
        let reading = match task.origin {
            Ok(origin) => {
                let files = self.files_of(&task.name);
                let reading =
                    read(&origin, &self.subject.trust, &files, (self.clock)(), self.time_limit);
                self.limited(reading).await.map_err(|error| error.with_causes())
            }
            Err(error) => Err(error),
        };
        let status = self.status(task.name, task.place, reading);
        self.note(status);
        self.publish();
    }

    /// What is to be read, each for itself.
    async fn tasks(&self) -> Result<Vec<Task>, ReadError> {
        match &self.subject.watched {
            Watched::Files(path) if is_pattern(path) => {
                let files = self.files_of(&self.subject.name);
                let found = files.run(path, |path| Ok(matches(path))).await?;
                Ok(self.matching(path, found))
            }
            Watched::Files(path) => Ok(vec![self.alone(CertificateOrigin::File(path.clone()))]),
            Watched::PostgreSql { address, server_name, negotiation } => {
                Ok(vec![self.alone(CertificateOrigin::PostgreSql {
                    address: address.clone(),
                    server_name: server_name.clone(),
                    negotiation: *negotiation,
                })])
            }
            Watched::Endpoint { find, .. } => {
                let found = find().await.map_err(ReadError::Endpoint)?;
                Ok(found
                    .map(|address| self.alone(CertificateOrigin::Web(address)))
                    .into_iter()
                    .collect())
            }
        }
    }

    fn alone(&self, origin: CertificateOrigin) -> Task {
        Task {
            name: self.subject.name.clone(),
            place: self.subject.watched.place(),
            origin: Ok(origin),
        }
    }

    fn matching(&self, pattern: &Path, found: Matches) -> Vec<Task> {
        let task = |path: PathBuf| Task {
            name: format!("{}/{}", self.subject.name, name_below(pattern, &path)),
            place: path.to_string_lossy().into_owned(),
            origin: Ok(CertificateOrigin::File(path)),
        };
        let mut tasks: Vec<_> = found.files.into_iter().map(task).collect();
        match found.error {
            None => {}
            // What may lie there is not gone, it cannot be seen.
            Some(error @ ReadError::Directory(..)) => tasks.extend(self.failing(&error, &tasks)),
            Some(error) => tasks.push(Task {
                name: self.subject.name.clone(),
                place: self.subject.watched.place(),
                origin: Err(error.with_causes()),
            }),
        }
        tasks
    }

    /// With an end in time, and without a panic that takes anything else down.
    async fn limited<T>(
        &self,
        work: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        let work = AssertUnwindSafe(work).catch_unwind();
        match tokio::time::timeout(self.time_limit, work).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) => Err(ReadError::Internal),
            Err(_) => Err(ReadError::Timeout(self.time_limit)),
        }
    }

    fn status(
        &self,
        name: String,
        place: String,
        reading: Result<Reading, String>,
    ) -> CertificateStatus {
        let source = self.subject.watched.source();
        let (last, verification, failure) = match reading {
            Ok(Reading { chain, verification }) => {
                (Some(LastChain { chain, read_at: (self.clock)() }), verification, None)
            }
            Err(error) => (None, Verification::NotAsked, Some(error)),
        };
        CertificateStatus {
            name,
            source,
            place,
            warn_before: self.subject.warn_before,
            last,
            verification,
            failure,
        }
    }

    /// Remembers what was read, and says in the log what has changed.
    fn note(&self, status: CertificateStatus) {
        let mut known = self.locked();
        let before = known.get(&status.name);
        let status = status.after(before);
        log(before, &status);
        known.insert(status.name.clone(), status);
    }

    fn publish(&self) {
        let known = self.locked();
        // Under the lock, so that nothing newer is overwritten.
        self.observer.certificates_read(known.values().cloned().collect());
    }

    fn files_of(&self, name: &str) -> FileReads {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(name.to_owned()).or_default().clone()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, CertificateStatus>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One line for what is new, and none for what stays as it was.
fn log(before: Option<&CertificateStatus>, now: &CertificateStatus) {
    let (certificate, place) = (&now.name, &now.place);
    if let Some(error) = &now.failure {
        if before.and_then(|before| before.failure.as_ref()) != Some(error) {
            warn!(certificate, place, error, "A certificate cannot be read");
        }
        return;
    }
    let was_read = before.filter(|before| before.failure.is_none());
    let chain = now.chain();
    if was_read.and_then(CertificateStatus::chain) != chain {
        let serial = chain.map(|chain| chain.leaf().serial.as_str());
        let not_after = chain.map(|chain| chain.first_to_end().not_after.to_rfc3339());
        info!(certificate, place, serial, not_after, "A certificate was read");
    }
    if was_read.map(|before| &before.verification) != Some(&now.verification) {
        match &now.verification {
            Verification::NotAsked | Verification::Verified => {}
            Verification::Refused(error) => {
                warn!(certificate, place, error, "A certificate does not verify");
            }
            Verification::Unknown(error) | Verification::Unread(error) => {
                warn!(certificate, place, error, "A certificate cannot be verified");
            }
        }
    }
}
