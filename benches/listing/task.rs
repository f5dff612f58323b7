//! Task of a process, and its measurements.

use std::sync::Arc;
use std::time::{Duration, Instant};

use barman_cloud_exporter::report::Report;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::exporter::{Exporter, gzip_bytes};
use crate::process::{MEASURE, process};
use crate::sdk::{Pages, paginate};
use crate::simulator::archive_one_more;

/// Something to do, once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// The SDK's paginator goes through everything.
    Paginate,
    /// The same, and each `backup.info` is read, one after the other.
    PaginateAndRead,
    /// The exporter scans everything, with so many requests at once.
    Scan(usize),
    /// The exporter scans everything, and then so many times what can have changed, each time five
    /// minutes and a segment later.
    Rescan(u32),
    /// The exporter scans everything, and its page is encoded.
    Encode,
    /// As `Rescan`, with its page scraped every 15 seconds.
    Fleet(u32),
}

/// Time, memory and requests that a task took.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Objects that were found.
    pub(crate) objects: u64,
    /// Time that passed.
    pub(crate) seconds: f64,
    /// Time that processors took for it.
    pub(crate) processor_seconds: f64,
    /// The most memory that was resident.
    pub(crate) peak_bytes: u64,
    /// Requests for pages of each scan.
    pub(crate) requests: Vec<u64>,
    /// Requests for files of the first scan.
    pub(crate) file_requests: u64,
    /// Time that each scrape took, compressed as the exporter does it.
    pub(crate) scrapes: Vec<f64>,
    /// The page, where it was encoded.
    pub(crate) page: Option<PageMeasured>,
}

/// Time and sizes of an encoded page.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct PageMeasured {
    pub(crate) seconds: f64,
    pub(crate) bytes: usize,
    pub(crate) gzip_bytes: usize,
}

/// Number of times that a page is encoded.
const ENCODINGS: usize = 15;

/// Number of scrapes between two scans: every 15 seconds for five minutes.
const SCRAPES: usize = 20;

impl Task {
    /// Does it in a process of its own.
    pub(crate) fn run(self, port: u16) -> Measured {
        let output = process(MEASURE, &(self, port))
            .output()
            .expect("this program can be started");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("what was measured makes sense")
    }
}

/// Does something, given as JSON; what it took, as JSON.
pub(crate) async fn measure(what: &str) -> String {
    let (task, port): (Task, u16) = serde_json::from_str(what).expect("the task makes sense");
    let (began, processor) = (Instant::now(), processor_time());
    let done = Box::pin(perform(task, port)).await;
    let measured = Measured {
        seconds: began.elapsed().as_secs_f64(),
        processor_seconds: processor_time().saturating_sub(processor).as_secs_f64(),
        peak_bytes: peak_bytes(),
        ..done
    };
    serde_json::to_string(&measured).expect("it can be written as JSON")
}

async fn perform(task: Task, port: u16) -> Measured {
    match task {
        Task::Paginate => Measured {
            objects: paginate(port, Pages::ThrownAway).await,
            ..Measured::default()
        },
        Task::PaginateAndRead => Measured {
            objects: paginate(port, Pages::BackupsRead).await,
            ..Measured::default()
        },
        Task::Scan(at_once) => {
            let mut exporter = Exporter::new(port, at_once);
            let (report, requests) = exporter.scan().await;
            let measured = scanned(&report, requests);
            Measured {
                file_requests: exporter.file_requests(),
                ..measured
            }
        }
        Task::Rescan(times) => {
            let mut exporter = Exporter::new(port, 16);
            let (report, requests) = exporter.scan().await;
            let mut measured = scanned(&report, requests);
            for _ in 0..times {
                exporter.wait(5 * 60);
                archive_one_more(port);
                let (report, requests) = exporter.scan().await;
                measured.objects += report.servers.len() as u64;
                assert_eq!(
                    report.usage.sums.objects, measured.objects,
                    "it sees what is new"
                );
                measured.requests.push(requests);
            }
            measured
        }
        Task::Fleet(times) => Box::pin(fleet(times, port)).await,
        Task::Encode => {
            let mut exporter = Exporter::new(port, 16);
            let (report, requests) = exporter.scan().await;
            let report = Arc::new(report);
            let page = Some(encode(&exporter, &report));
            let objects = report.usage.sums.objects;
            Measured {
                objects,
                requests: vec![requests],
                page,
                ..Measured::default()
            }
        }
    }
}

async fn fleet(times: u32, port: u16) -> Measured {
    let mut exporter = Exporter::new(port, 16);
    let (mut report, requests) = exporter.scan().await;
    let file_requests = exporter.file_requests();
    let mut measured = Measured {
        requests: vec![requests],
        file_requests,
        ..Measured::default()
    };
    for _ in 0..times {
        // The report that is shown stays until the next one takes its place.
        let shown = Arc::new(report);
        for _ in 0..SCRAPES {
            let began = Instant::now();
            let page = exporter.page(Arc::clone(&shown)).openmetrics();
            gzip_bytes(&page.expect("the page can be encoded"));
            measured.scrapes.push(began.elapsed().as_secs_f64());
        }
        exporter.wait(5 * 60);
        archive_one_more(port);
        let requests;
        (report, requests) = exporter.scan().await;
        drop(shown);
        measured.requests.push(requests);
    }
    measured.objects = report.usage.sums.objects;
    measured
}

fn scanned(report: &Report, requests: u64) -> Measured {
    let objects = report.usage.sums.objects;
    Measured {
        objects,
        requests: vec![requests],
        ..Measured::default()
    }
}

fn encode(exporter: &Exporter, report: &Arc<Report>) -> PageMeasured {
    let mut times = Vec::new();
    let mut text = String::new();
    for _ in 0..ENCODINGS {
        let page = exporter.page(Arc::clone(report));
        let began = Instant::now();
        text = page.openmetrics().expect("the page can be encoded");
        times.push(began.elapsed().as_secs_f64());
    }
    PageMeasured {
        seconds: least(times),
        bytes: text.len(),
        gzip_bytes: gzip_bytes(&text),
    }
}

/// Returns the least of several times.
pub(crate) fn least(times: impl IntoIterator<Item = f64>) -> f64 {
    times.into_iter().fold(f64::INFINITY, f64::min)
}

/// Time that processors have spent on this process.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("no process has spent less than nothing")
}

fn peak_bytes() -> u64 {
    let status = procfs::process::Process::myself().and_then(|process| process.status());
    1024 * status
        .ok()
        .and_then(|status| status.vmhwm)
        .unwrap_or_default()
}
