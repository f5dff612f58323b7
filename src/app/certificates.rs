//! The certificates at run time: their watchers, and what these publish.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use archive_store::LimitedStore;
use tls_certificates::x509::{CertificateStatus, WarnBefore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::scanner::{ArchiveScanner, time_delta};
use super::store::ConfiguredStore;
use crate::certificates::{
    CertificateObserver, EndpointFinder, EndpointResult, Subject, Trust, Watched, Watcher,
};
use crate::clock::Clock;
use crate::config::{
    ArchiveConfig, CertificateConfig, CertificateLocation, CertificateWatchConfig, Config,
};
use crate::scan::{ScanTimes, ScheduleError, Ticker};

/// Statuses of the certificates under one configured name, swapped in whole.
#[derive(Default)]
struct PublishedCertificates(RwLock<Vec<CertificateStatus>>);

impl CertificateObserver for PublishedCertificates {
    fn certificates_read(&self, known: Vec<CertificateStatus>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

impl PublishedCertificates {
    fn statuses(&self) -> Vec<CertificateStatus> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Watchers of the configured certificates and of the archives' endpoints.
#[derive(Clone)]
pub(super) struct Certificates {
    watched: Arc<[WatchedName]>,
}

/// One configured name with its watcher.
struct WatchedName {
    published: Arc<PublishedCertificates>,
    watcher: Arc<Watcher>,
}

impl WatchedName {
    fn new(subject: Subject, time_limit: Duration, clock: &Clock) -> Self {
        let published = Arc::new(PublishedCertificates::default());
        let watcher = Watcher::new(subject, time_limit, published.clone(), clock.clone());
        Self {
            published,
            watcher: Arc::new(watcher),
        }
    }
}

impl Certificates {
    /// Creates the watchers; nothing is read yet. Each scanner belongs to the archive in its place.
    pub(super) fn new(config: &Config, scanners: &[Arc<ArchiveScanner>], clock: &Clock) -> Self {
        let watch = &config.certificate_watch;
        let mut subjects = Vec::new();
        for certificate in &config.certificates {
            subjects.push(configured(certificate, watch));
        }
        for (archive, scanner) in config.archives.iter().zip(scanners) {
            subjects.push(endpoint(archive, scanner, watch));
        }
        let mut watched = Vec::new();
        for subject in subjects {
            watched.push(WatchedName::new(subject, watch.timeout, clock));
        }
        Self {
            watched: watched.into(),
        }
    }

    /// Statuses of all certificates, in the order of the configuration; each name once.
    pub(super) fn statuses(&self) -> Vec<CertificateStatus> {
        let mut statuses = Vec::new();
        for name in self.watched.iter() {
            statuses.extend(name.published.statuses());
        }
        statuses
    }

    /// Reads each certificate once; none waits for another.
    pub(super) async fn read(&self, stop: &CancellationToken) {
        let readings = TaskTracker::new();
        self.start_reading(&readings, stop);
        readings.close();
        readings.wait().await;
    }

    /// Reads each certificate now, and again whenever the schedule is due.
    ///
    /// # Errors
    /// If the scheduler cannot be started.
    pub(super) async fn watch(
        &self,
        times: ScanTimes,
        clock: Clock,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<(), ScheduleError> {
        self.start_reading(tasks, stop);
        let times = Mutex::new(times);
        let certificates = self.clone();
        let (tracker, stop_reading) = (tasks.clone(), stop.clone());
        let tick = move || {
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            if times.has_come(clock()) {
                certificates.start_reading(&tracker, &stop_reading);
            }
        };
        let ticker = Ticker::start(tick).await?;
        tasks.spawn(ticker.run(stop.clone()));
        Ok(())
    }

    fn start_reading(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        for name in self.watched.iter() {
            let watcher = Arc::clone(&name.watcher);
            let stop = stop.clone();
            tasks.spawn(async move { watcher.read(&stop).await });
        }
    }
}

/// Returns a certificate of the configuration as it is watched.
fn configured(certificate: &CertificateConfig, watch: &CertificateWatchConfig) -> Subject {
    let watched = match certificate.source.clone() {
        CertificateLocation::File(path) => Watched::Files(path),
        CertificateLocation::PostgreSql {
            address,
            server_name,
            negotiation,
        } => Watched::PostgreSql {
            address,
            server_name,
            negotiation,
        },
    };
    let trust = match certificate.ca_file.clone() {
        Some(file) => Trust::File(file),
        None => Trust::None,
    };
    let warn_before = warn_before(certificate.warn_before, watch);
    Subject {
        name: certificate.name.clone(),
        watched,
        trust,
        warn_before,
    }
}

/// Returns when to warn of an end: as set for the certificate, otherwise as set for all.
fn warn_before(own: Option<Duration>, watch: &CertificateWatchConfig) -> WarnBefore {
    match own {
        Some(own) => WarnBefore::Exactly(time_delta(own)),
        None => WarnBefore::AtMost(time_delta(watch.warn_before)),
    }
}

/// Returns the endpoint of an archive as it is watched; it may turn out to be reached without TLS.
fn endpoint(
    archive: &ArchiveConfig,
    scanner: &Arc<ArchiveScanner>,
    watch: &CertificateWatchConfig,
) -> Subject {
    let find = endpoint_finder(Arc::clone(&scanner.store));
    let trust = match archive.store.endpoint_ca_file() {
        Some(file) => Trust::File(file.to_owned()),
        None => Trust::System,
    };
    Subject {
        // Cannot be the name of a configured certificate: that has no slash.
        name: format!("s3/{}", archive.name),
        watched: Watched::Endpoint {
            url: archive.store.endpoint_name().to_owned(),
            find,
        },
        trust,
        warn_before: warn_before(watch.endpoint_warn_before, watch),
    }
}

fn endpoint_finder(store: Arc<LimitedStore<ConfiguredStore>>) -> EndpointFinder {
    Arc::new(move || {
        let store = Arc::clone(&store);
        Box::pin(async move { find_endpoint(&store.store).await })
    })
}

async fn find_endpoint(store: &ConfiguredStore) -> EndpointResult {
    let found = store
        .tls_endpoint()
        .await
        .map_err(|error| error.with_causes())?;
    Ok(found.cloned())
}
