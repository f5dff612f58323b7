//! The certificates at run time: what watches them, and what that publishes.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use archive_store::LimitedStore;
use archive_store_s3::{S3Store, TlsEndpoint};
use chrono::TimeDelta;
use tls_certificates::x509::{CertificateStatus, WarnBefore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::scanner::ArchiveScanner;
use crate::certificates::{
    Address, CertificateObserver, EndpointFinder, Negotiation, Subject, Trust, Watched, Watcher,
};
use crate::config::{
    ArchiveConfig, CertificateConfig, CertificateLocation, CertificateWatchConfig, Config,
    EndpointUrl, SslNegotiation,
};
use crate::scan::{Clock, ScanTimes, ScheduleError, Ticker};

/// What is known under one configured name, swapped in whole.
#[derive(Default)]
struct PublishedCertificates(RwLock<Vec<CertificateStatus>>);

impl CertificateObserver for PublishedCertificates {
    fn certificates_read(&self, known: Vec<CertificateStatus>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

/// Everything that is watched: what the configuration lists, and the archives' endpoints.
#[derive(Clone)]
pub(super) struct Certificates {
    watchers: Arc<[(Arc<PublishedCertificates>, Arc<Watcher>)]>,
}

impl Certificates {
    /// Nothing is read yet. Each scanner belongs to the archive in its place.
    pub(super) fn new(config: &Config, scanners: &[Arc<ArchiveScanner>], clock: &Clock) -> Self {
        let watch = &config.certificate_watch;
        let listed = config.certificates.iter().map(|certificate| listed(certificate, watch));
        let archives = config.archives.iter().zip(scanners);
        let endpoints = archives.map(|(archive, scanner)| endpoint(archive, scanner, watch));
        let watcher = |watched| {
            let published = Arc::new(PublishedCertificates::default());
            let (observer, limit) = (published.clone(), watch.timeout);
            let watcher = Watcher::new(watched, limit, observer, clock.clone());
            (published, Arc::new(watcher))
        };
        let watchers = listed.chain(endpoints).map(watcher).collect();
        Self { watchers }
    }

    /// What is known of each, in the order of the configuration; each name once.
    pub(super) fn statuses(&self) -> Vec<CertificateStatus> {
        let known = |published: &PublishedCertificates| {
            published.0.read().unwrap_or_else(PoisonError::into_inner).clone()
        };
        self.watchers.iter().flat_map(|(published, _)| known(published)).collect()
    }

    /// Reads each once, none waiting for another.
    pub(super) async fn read(&self, stop: &CancellationToken) {
        let readings = TaskTracker::new();
        self.start(&readings, stop);
        readings.close();
        readings.wait().await;
    }

    /// Reads each now, and again whenever the schedule is due.
    ///
    /// # Errors
    /// When the scheduler cannot be started.
    pub(super) async fn watch(
        &self,
        times: ScanTimes,
        clock: Clock,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<(), ScheduleError> {
        self.start(tasks, stop);
        let times = Mutex::new(times);
        let (watched, tracker, stop_reading) = (self.clone(), tasks.clone(), stop.clone());
        let tick = move || {
            if times.lock().unwrap_or_else(PoisonError::into_inner).has_come(clock()) {
                watched.start(&tracker, &stop_reading);
            }
        };
        let ticker = Ticker::start(tick).await?;
        tasks.spawn(ticker.run(stop.clone()));
        Ok(())
    }

    fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        for (_, watcher) in self.watchers.iter() {
            let (watcher, stop) = (Arc::clone(watcher), stop.clone());
            tasks.spawn(async move { watcher.read(&stop).await });
        }
    }
}

fn listed(certificate: &CertificateConfig, watch: &CertificateWatchConfig) -> Subject {
    let watched = match &certificate.source {
        CertificateLocation::File(path) => Watched::Files(path.clone()),
        CertificateLocation::PostgreSql { address, server_name, negotiation } => {
            Watched::PostgreSql {
                address: Address { host: address.host.as_str().to_owned(), port: address.port },
                server_name: server_name.clone(),
                negotiation: match negotiation {
                    SslNegotiation::Postgres => Negotiation::Postgres,
                    SslNegotiation::Direct => Negotiation::Direct,
                },
            }
        }
    };
    Subject {
        name: certificate.name.clone(),
        watched,
        trust: certificate.ca_file.clone().map_or(Trust::None, Trust::File),
        warn_before: warn_before(certificate.warn_before, watch),
    }
}

/// Returns when to warn of an end: as set for the certificate, otherwise as for all.
fn warn_before(own: Option<Duration>, watch: &CertificateWatchConfig) -> WarnBefore {
    let time = |time: Duration| TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
    match own {
        Some(own) => WarnBefore::Exactly(time(own)),
        None => WarnBefore::AtMost(time(watch.warn_before)),
    }
}

/// The endpoint of an archive, which may turn out to be reached without TLS.
fn endpoint(
    archive: &ArchiveConfig,
    scanner: &Arc<ArchiveScanner>,
    watch: &CertificateWatchConfig,
) -> Subject {
    let url = archive.endpoint_url.as_ref().map(EndpointUrl::as_str);
    let url = url.unwrap_or("Amazon S3").to_owned();
    let trust = archive.endpoint_ca_file.clone().map_or(Trust::System, Trust::File);
    let find = finder(Arc::clone(&scanner.store));
    Subject {
        // A configured name has no slash.
        name: format!("s3/{}", archive.name),
        watched: Watched::Endpoint { url, find },
        trust,
        warn_before: warn_before(watch.endpoint_warn_before, watch),
    }
}

fn finder(store: Arc<LimitedStore<S3Store>>) -> EndpointFinder {
    Arc::new(move || {
        let store = Arc::clone(&store);
        Box::pin(async move {
            let found = store.store.tls_endpoint().await.map_err(|error| error.with_causes())?;
            let address = |TlsEndpoint { host, port }: &TlsEndpoint| Address {
                host: host.clone(),
                port: *port,
            };
            Ok(found.map(address))
        })
    })
}
