//! Reading the certificates under one name again and again.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use tls_certificates::x509::{CertificateStatus, LastChain, Verification};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::file::FileReads;
use super::reading::{CertificateOrigin, Reading, read};
use super::tasks::{self, Known, Task};
use super::{ReadError, Subject, change};
use crate::clock::Clock;

/// Receiver of what is known of certificates.
pub trait CertificateObserver: Send + Sync {
    /// Receives everything known under one configured name, in the order of the certificates' names.
    fn certificates_read(&self, known: Vec<CertificateStatus>);
}

/// Watcher of the certificates under one configured name.
pub struct Watcher {
    subject: Subject,
    time_limit: Duration,
    observer: Arc<dyn CertificateObserver>,
    clock: Clock,
    /// Reads off the async threads, by certificate; those of a pattern's directories under the
    /// configured name.
    files: Mutex<BTreeMap<String, FileReads>>,
    known: Mutex<Known>,
    /// Held while reading.
    busy: tokio::sync::Mutex<()>,
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

    /// Reads everything once, unless a reading is under way or `stop` is cancelled meanwhile.
    pub async fn read(&self, stop: &CancellationToken) {
        let Ok(_busy) = self.busy.try_lock() else {
            let certificate = &self.subject.name;
            debug!(
                target: "certificates",
                certificate,
                "A reading was skipped, because the previous one is still running"
            );
            return;
        };
        stop.run_until_cancelled(self.read_all()).await;
    }

    async fn read_all(&self) {
        let tasks = self.tasks().await;
        self.forget_all_but(&tasks);
        self.publish();
        let mut readings = Vec::new();
        for task in tasks {
            readings.push(self.read_one(task));
        }
        join_all(readings).await;
    }

    /// Returns the certificates to read, each a task of its own.
    async fn tasks(&self) -> Vec<Task> {
        let files = self.files_of(&self.subject.name);
        let found = self.limited(tasks::find(&self.subject, &files)).await;
        let known = self.known();
        match found {
            Ok(found) => found.into_tasks(&self.subject, &known),
            Err(error) => tasks::failing(&self.subject, &known, &error, &[]),
        }
    }

    /// Forgets certificates that match the pattern no more.
    fn forget_all_but(&self, tasks: &[Task]) {
        let exists = |name: &String| tasks.iter().any(|task| task.name == *name);
        self.known().retain(|name, _| exists(name));
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|name, files| files.is_busy() || exists(name));
    }

    async fn read_one(&self, task: Task) {
        let reading = match &task.origin {
            Ok(origin) => self.read_origin(&task.name, origin).await,
            Err(error) => Err(error.clone()),
        };
        let status = self.status(task, reading);
        self.remember(status);
        self.publish();
    }

    async fn read_origin(&self, name: &str, origin: &CertificateOrigin) -> Result<Reading, String> {
        let files = self.files_of(name);
        let now = (self.clock)();
        let reading = read(origin, &self.subject.trust, &files, now, self.time_limit);
        self.limited(reading)
            .await
            .map_err(|error| error.with_causes())
    }

    /// Does some work within the time limit; a panic in it becomes an error.
    async fn limited<T>(
        &self,
        work: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        let work = AssertUnwindSafe(work).catch_unwind();
        match timeout(self.time_limit, work).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) => Err(ReadError::Internal),
            Err(_) => Err(ReadError::Timeout(self.time_limit)),
        }
    }

    fn status(&self, task: Task, reading: Result<Reading, String>) -> CertificateStatus {
        let mut status = CertificateStatus {
            name: task.name,
            source: self.subject.watched.source(),
            place: task.place,
            warn_before: self.subject.warn_before,
            last: None,
            verification: Verification::NotAsked,
            failure: None,
        };
        match reading {
            Ok(Reading {
                chain,
                verification,
            }) => {
                status.last = Some(LastChain {
                    chain,
                    read_at: (self.clock)(),
                });
                status.verification = verification;
            }
            Err(error) => status.failure = Some(error),
        }
        status
    }

    /// Remembers a status, and logs what has changed.
    fn remember(&self, status: CertificateStatus) {
        let mut known = self.known();
        let before = known.get(&status.name);
        let status = status.after(before);
        change::log(before, &status);
        known.insert(status.name.clone(), status);
    }

    fn publish(&self) {
        let known = self.known();
        let statuses = known.values().cloned().collect();
        // Under the lock, so that nothing newer is overwritten.
        self.observer.certificates_read(statuses);
    }

    fn files_of(&self, name: &str) -> FileReads {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(name.to_owned()).or_default().clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
