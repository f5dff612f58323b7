//! The daemon: scans and reads certificates on schedule, serves what they found, stops when told.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::build_info;
use super::certificates::Certificates;
use super::exporter::Exporter;
use super::scanner::{ArchiveScanner, scanner};
use crate::clock::Clock;
use crate::config::{Config, ListenAddress};
use crate::scan::{ScanTimes, Ticker};
use crate::web::{self, ConnectionLimits};

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
    for warning in config.warnings() {
        warn!("The configuration is valid, and perhaps not as meant: {warning}");
    }
    let (published, scanners): (Vec<_>, Vec<_>) =
        config.archives.iter().map(|archive| scanner(archive, &config, &clock)).unzip();
    for archive in &published {
        archive.log_oddities();
    }
    let certificates = Certificates::new(&config, &scanners, &clock);
    let scans = TaskTracker::new();
    let cron = config.certificate_watch.schedule.cron().clone();
    let times = ScanTimes::new(cron, config.scan.time_zone, clock());
    certificates.watch(times, clock.clone(), &scans, &stop).await?;
    let (cron, zone) = (config.scan.schedule.cron().clone(), config.scan.time_zone);
    let times = Arc::new(Mutex::new(ScanTimes::new(cron, zone, clock())));
    start_scans(scanners, Arc::clone(&times), clock.clone(), &scans, &stop).await?;
    let limits = ConnectionLimits {
        max_connections: usize::try_from(config.web.max_connections)?,
        ..ConnectionLimits::default()
    };
    let exporter = Arc::new(Exporter { archives: published, certificates, times, clock });
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
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            warn!(
                signal = "SIGHUP",
                "The configuration is only read at startup: restart to reload it"
            );
        }
    });
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

/// Scans every archive at once, and again whenever the schedule is due, each on its own.
async fn start_scans(
    scanners: Vec<Arc<ArchiveScanner>>,
    times: Arc<Mutex<ScanTimes>>,
    clock: Clock,
    scans: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    for scanner in &scanners {
        let (scanner, stop) = (Arc::clone(scanner), stop.clone());
        scans.spawn(async move { Box::pin(scanner.scan(&stop)).await });
    }
    let (tracker, stop_scans) = (scans.clone(), stop.clone());
    let tick = move || {
        if !times.lock().unwrap_or_else(PoisonError::into_inner).has_come(clock()) {
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
