//! Scans and scrapes while contents are verified, two objects at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use barman_cloud_exporter::evidence::Level;
use barman_cloud_exporter::report::Report;
use s3_simulator::Shape;
use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::archive::VerifiedArchive;
use crate::exporter::{Exporter, gzip_bytes};
use crate::generated::GeneratedStore;
use crate::process::{MEASURE, process};
use crate::results::{Bound, Results};
use crate::simulator::Simulator;

/// Number of times that everything is measured, with and without verification in turn.
const ROUNDS: usize = 9;

/// Scrapes in each round.
const SCRAPES: usize = 9;

/// Milliseconds that a request takes.
const LATENCY: u64 = 30;

/// Most that anything may take, compared with the time without verification.
const MOST: f64 = 1.1;

/// Decompressed bytes of each backup: more than is read meanwhile.
const BACKUP_BYTES: u64 = 60_000_000_000;

/// Time until both backups are being read.
const START: Duration = Duration::from_millis(500);

/// Archive that is listed.
const LISTED: Shape = Shape {
    servers: 1,
    backups: 14,
    timelines: 2,
    segments: 400_000,
};

/// Servers whose page is scraped.
const FLEET: Shape = Shape {
    servers: 1000,
    backups: 3,
    timelines: 3,
    segments: 50,
};

/// Ports of the simulators.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ports {
    listed: u16,
    fleet: u16,
}

/// Times with and without verification, in seconds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Times {
    without: Vec<f64>,
    with: Vec<f64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Measured {
    scans: Times,
    scrapes: Times,
    /// Bytes that were read in a second, while scans and scrapes ran.
    read: Vec<f64>,
}

/// Measures both, in a process of its own.
pub(crate) fn all(results: &mut Results) {
    let (listed, fleet) = (
        Simulator::start(LISTED, LATENCY),
        Simulator::start(FLEET, 0),
    );
    let ports = Ports {
        listed: listed.port,
        fleet: fleet.port,
    };
    let output = process(MEASURE, &ports).output();
    let output = output.expect("this program can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let measured: Measured =
        serde_json::from_slice(&output.stdout).expect("what was measured makes sense");
    add(
        results,
        "Full scan of 400,000 objects at 30 ms",
        &measured.scans,
    );
    add(
        results,
        "Scrape of 1,000 servers, compressed",
        &measured.scrapes,
    );
    results.note(&format!(
        "Medians of {ROUNDS} scans and {} scrapes each, in turn with and without verification of two base backups, of \
         which {:.0} MB/s were read meanwhile.",
        ROUNDS * SCRAPES,
        median(&measured.read) / 1e6
    ));
}

fn add(results: &mut Results, what: &str, times: &Times) {
    let (with, without) = (median(&times.with), median(&times.without));
    results.figure(
        &format!("{what}, while two objects are verified"),
        &format!(
            "{:.0} ms, without {:.0} ms",
            with * 1000.0,
            without * 1000.0
        ),
        &format!("{:.2} ×", with / without),
        Bound::AtMost(with / without, MOST),
    );
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Scans and scrapes; what they took, as JSON.
pub(crate) async fn measure(ports: &Ports) -> String {
    let mut fleet = Exporter::new(ports.fleet, 16);
    let report = Arc::new(fleet.scan().await.0);
    let fleet = Arc::new(fleet);
    let mut archive = verified_archive();
    archive.scan(Level::Full).await;
    let mut measured = Measured::default();
    for _ in 0..ROUNDS {
        measured.scans.without.push(scan(ports.listed).await);
        measured
            .scrapes
            .without
            .extend(scrapes(&fleet, &report).await);
        let verification = Verification::start(&archive).await;
        measured.scans.with.push(scan(ports.listed).await);
        measured.scrapes.with.extend(scrapes(&fleet, &report).await);
        measured.read.push(verification.stop(&archive).await);
    }
    serde_json::to_string(&measured).expect("it can be written as JSON")
}

/// Archive of two servers with a backup each.
fn verified_archive() -> VerifiedArchive<GeneratedStore> {
    let mut store = GeneratedStore::new();
    for server in ["a", "b"] {
        store.add_backup(server, BACKUP_BYTES);
    }
    VerifiedArchive::new(Arc::new(store), 2)
}

/// Verification that is under way.
struct Verification {
    stop: CancellationToken,
    task: JoinHandle<()>,
    began: Instant,
    bytes_before: u64,
}

impl Verification {
    async fn start(archive: &VerifiedArchive<GeneratedStore>) -> Self {
        let stop = CancellationToken::new();
        let verifier = archive.verifier(Level::Full);
        let task = tokio::spawn({
            let stop = stop.clone();
            async move { verifier.run(&stop).await }
        });
        sleep(START).await;
        Self {
            stop,
            task,
            began: Instant::now(),
            bytes_before: archive.bytes_read(),
        }
    }

    /// Stops it, and returns the bytes that it has read in a second.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    async fn stop(self, archive: &VerifiedArchive<GeneratedStore>) -> f64 {
        let bytes = archive.bytes_read() - self.bytes_before;
        let seconds = self.began.elapsed().as_secs_f64();
        self.stop.cancel();
        self.task.await.expect("the verifier does not panic");
        assert!(bytes > 0, "it was under way all the time");
        bytes as f64 / seconds
    }
}

/// Scans everything, as after a start.
async fn scan(port: u16) -> f64 {
    let mut exporter = Exporter::new(port, 16);
    let began = Instant::now();
    exporter.scan().await;
    began.elapsed().as_secs_f64()
}

/// Encodes and compresses the page several times, as the web server does.
async fn scrapes(exporter: &Arc<Exporter>, report: &Arc<Report>) -> Vec<f64> {
    let mut times = Vec::new();
    for _ in 0..SCRAPES {
        let (exporter, report) = (Arc::clone(exporter), Arc::clone(report));
        let began = Instant::now();
        let encoding = spawn_blocking(move || {
            let page = exporter.page(report).openmetrics();
            gzip_bytes(&page.expect("the page can be encoded"))
        });
        encoding.await.expect("encoding does not panic");
        times.push(began.elapsed().as_secs_f64());
    }
    times
}
