//! Daemon: scans archives and reads certificates on schedule, and serves the results, until a signal.

use std::io;
use std::net::SocketAddr;
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
use super::verification::ArchiveVerification;
use crate::clock::Clock;
use crate::config::{Config, ListenAddress};
use crate::scan::{ScanTimes, Ticker};
use crate::web::{self, ConnectionLimits};

/// Time for scans to stop when the program ends.
const STOP_DEADLINE: Duration = Duration::from_secs(3);

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// If the program cannot start. Once it runs, failures are logged and counted instead.
pub(super) async fn serve(config: Config, clock: Clock) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let listener = listen(config.web.listen_address).await?;
    log_start(&config, listener.local_addr()?);
    let mut published = Vec::new();
    let mut scanners = Vec::new();
    let mut verifiers = Vec::new();
    for archive in &config.archives {
        let verification = ArchiveVerification::of_daemon(archive, &config, &clock);
        let (state, scanner) = scanner(archive, &config, &clock, verification.clone());
        state.log_oddities();
        verifiers.extend(
            verification.map(|verification| verification.verifier(archive, &scanner.store, &clock)),
        );
        published.push(state);
        scanners.push(scanner);
    }
    let certificates = Certificates::new(&config, &scanners, &clock);
    let tasks = TaskTracker::new();
    let cron = config.certificate_watch.schedule.cron().clone();
    let zone = config.scan.time_zone;
    let readings = ScanTimes::new(cron, zone, clock());
    certificates
        .watch(readings, clock.clone(), &tasks, &stop)
        .await?;
    let cron = config.scan.schedule.cron().clone();
    let times = Arc::new(Mutex::new(ScanTimes::new(cron, zone, clock())));
    start_scans(scanners, Arc::clone(&times), clock.clone(), &tasks, &stop).await?;
    for verifier in verifiers {
        let stop = stop.clone();
        tasks.spawn(async move { Box::pin(verifier.run(&stop)).await });
    }
    let limits = ConnectionLimits {
        max_connections: usize::try_from(config.web.max_connections)?,
        ..ConnectionLimits::default()
    };
    let exporter = Arc::new(Exporter {
        archives: published,
        certificates,
        times,
        clock,
    });
    web::serve(listener, exporter, limits, stop)
        .await
        .context("the HTTP server failed")?;
    finish(&tasks).await;
    Ok(())
}

/// Logs the start, and what is probably wrong in the configuration.
fn log_start(config: &Config, address: SocketAddr) {
    let (version, revision) = (build_info::VERSION, build_info::REVISION);
    let archives = config.archives.len();
    info!(target: "app", version, revision, %address, archives, "Started");
    for warning in config.warnings() {
        warn!(target: "config", warning, "A setting is valid, but probably not intended");
    }
}

/// Waits for tasks to stop, but not for long.
async fn finish(tasks: &TaskTracker) {
    tasks.close();
    if tokio::time::timeout(STOP_DEADLINE, tasks.wait())
        .await
        .is_err()
    {
        warn!(target: "app", "A scan did not stop in time and is abandoned");
    }
    info!(target: "app", "Stopped");
}

fn stop_on_signal() -> io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            warn!(
                target: "app",
                signal = "SIGHUP",
                "The configuration is only read at the start: restart to reload it"
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
        info!(target: "app", signal = name, "Stopping");
        stopped.cancel();
    });
    Ok(stop)
}

async fn listen(address: ListenAddress) -> anyhow::Result<TcpListener> {
    let candidates = address.socket_addresses();
    TcpListener::bind(candidates.as_slice())
        .await
        .with_context(|| {
            let names: Vec<_> = candidates.iter().map(ToString::to_string).collect();
            format!(
                "cannot listen on {}: set `web.listenAddress`",
                names.join(" or ")
            )
        })
}

/// Scans every archive now, and again whenever the schedule is due, independently of each other.
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
        if !times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .has_come(clock())
        {
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
