//! The daemon: scans on schedule, serves what they found, stops when told.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::config::ListenAddress;
use crate::config::{ArchiveConfig, Config, Credentials as CredentialsConfig, EndpointUrl};
use crate::report::{Expectations, RetentionPolicies};
use crate::scan::{Clock, Due, Knowledge, ScanLimits, Scanner, Ticker};
use crate::storage::{Credentials, S3Settings, S3Store};
use crate::web::{self, Limits};

use super::archive::PublishedArchive;
use super::build_info;
use super::exporter::Exporter;

/// How long scans get to notice that the program stops.
const STOP_DEADLINE: Duration = Duration::from_secs(3);

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When the program cannot start; once it runs, failures are logged and counted instead.
pub(super) async fn serve(config: Config, clock: Clock) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let listener = listen(config.web.listen_address).await?;
    info!(
        version = build_info::VERSION,
        revision = build_info::REVISION,
        address = %listener.local_addr()?,
        archives = config.archives.len(),
        "Started"
    );
    let (published, scanners): (Vec<_>, Vec<_>) =
        config.archives.iter().map(|archive| scanner(archive, &config, &clock)).unzip();
    let scans = TaskTracker::new();
    let (cron, zone) = (config.scan.schedule.cron().clone(), config.scan.time_zone);
    let due = Arc::new(Mutex::new(Due::new(cron, zone, clock())));
    start_scans(scanners, (Arc::clone(&due), clock.clone()), &scans, &stop).await?;
    let limits = Limits {
        max_connections: usize::try_from(config.web.max_connections)?,
        ..Limits::default()
    };
    let exporter = Arc::new(Exporter { archives: published, due, clock });
    web::serve(listener, exporter, limits, stop).await.context("the HTTP side failed")?;
    scans.close();
    if tokio::time::timeout(STOP_DEADLINE, scans.wait()).await.is_err() {
        warn!("A scan did not stop in time and is abandoned");
    }
    info!("Stopped");
    Ok(())
}

fn stop_on_signal() -> io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        info!(signal = name, "Stopping");
        stopped.cancel();
    });
    Ok(stop)
}

async fn listen(address: ListenAddress) -> anyhow::Result<TcpListener> {
    let candidates = address.socket_addresses();
    TcpListener::bind(candidates.as_slice()).await.with_context(|| {
        let names: Vec<_> = candidates.iter().map(ToString::to_string).collect();
        format!("cannot listen on {}: set `web.listenAddress`", names.join(" or "))
    })
}

/// One archive: what it publishes, and what scans it.
fn scanner(
    archive: &ArchiveConfig,
    config: &Config,
    clock: &Clock,
) -> (Arc<PublishedArchive>, Arc<Scanner<S3Store>>) {
    let published = Arc::new(PublishedArchive::new(archive));
    let prefix = match archive.destination.prefix.as_str() {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let servers = archive.servers.as_ref();
    let scanner = Scanner {
        archive: archive.name.clone(),
        store: S3Store::new(s3_settings(archive, config), published.clone()),
        prefix,
        expected: Expectations {
            servers: servers
                .map(|servers| servers.iter().map(|server| server.server_name.clone()).collect()),
            retention: RetentionPolicies {
                default: archive.retention_policy,
                by_server: servers
                    .into_iter()
                    .flatten()
                    .filter_map(|one| Some((one.server_name.clone(), one.retention_policy?)))
                    .collect(),
            },
            gap_grace_period: TimeDelta::from_std(config.backups.gap_grace_period)
                .unwrap_or(TimeDelta::MAX),
            max_running_time: TimeDelta::from_std(config.backups.max_running_time)
                .unwrap_or(TimeDelta::MAX),
        },
        limits: ScanLimits {
            timeout: config.scan.timeout,
            jitter: config.scan.jitter,
            concurrency: usize::try_from(config.scan.concurrency).unwrap_or(usize::MAX),
        },
        observer: published.clone(),
        clock: clock.clone(),
        knowledge: Knowledge::default().into(),
    };
    (published, Arc::new(scanner))
}

fn s3_settings(archive: &ArchiveConfig, config: &Config) -> S3Settings {
    let credentials = match archive.credentials.clone() {
        CredentialsConfig::Chain => Credentials::Chain { profile: None },
        CredentialsConfig::Profile(name) => Credentials::Chain { profile: Some(name) },
        CredentialsConfig::Files { access_key_id, secret_access_key, session_token } => {
            Credentials::Files { access_key_id, secret_access_key, session_token }
        }
    };
    S3Settings {
        bucket: archive.destination.bucket.clone(),
        endpoint_url: archive.endpoint_url.as_ref().map(EndpointUrl::as_str).map(str::to_owned),
        region: archive.region.clone(),
        path_style: archive.path_style,
        ca_file: archive.endpoint_ca_file.clone(),
        credentials,
        request_timeout: config.scan.request_timeout,
        max_attempts: config.scan.max_attempts,
    }
}

/// Scans every archive at once, and again whenever the schedule is due, each on its own.
async fn start_scans(
    scanners: Vec<Arc<Scanner<S3Store>>>,
    (due, clock): (Arc<Mutex<Due>>, Clock),
    scans: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    for scanner in &scanners {
        let (scanner, stop) = (Arc::clone(scanner), stop.clone());
        scans.spawn(async move { Box::pin(scanner.scan(&stop)).await });
    }
    let (tracker, stop_scans) = (scans.clone(), stop.clone());
    let tick = move || {
        if !due.lock().unwrap_or_else(PoisonError::into_inner).has_come(clock()) {
            return;
        }
        for scanner in &scanners {
            let (scanner, stop) = (Arc::clone(scanner), stop_scans.clone());
            tracker.spawn(async move { Box::pin(scanner.scan_on_schedule(&stop)).await });
        }
    };
    let ticker = Ticker::start(tick).await?;
    scans.spawn(ticker.run(stop.clone()));
    Ok(())
}
