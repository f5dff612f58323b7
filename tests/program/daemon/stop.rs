//! Tests of the daemon's end.

use std::time::{Duration, Instant};

use test_support::{Exporter, Signal, every_second, until};

use crate::daemon::{ARCHIVE, SOON, hanging, scanned};

/// Time to end in: Kubernetes waits longer, a person does not.
const PROMPTLY: Duration = Duration::from_secs(5);

async fn assert_ends_while_a_scan_hangs(signal: Signal, name: &str) {
    let archive = hanging().await;
    let configuration = every_second([archive.settings(ARCHIVE)]).to_string();
    let mut exporter = Exporter::start(configuration).await;
    until("a request", SOON, || {
        archive.s3().requests().into_iter().next()
    });

    let told = Instant::now();
    exporter.signal(signal);
    let (status, log) = exporter.ended();

    assert_eq!(status.code(), Some(0), "{log}");
    assert!(told.elapsed() < PROMPTLY, "{:?}", told.elapsed());
    assert!(
        log.contains(name) && log.contains("A scan was cancelled"),
        "{log}"
    );
    assert!(log.trim_end().ends_with("Stopped"), "{log}");
}

// `until` waits without giving way: the server needs a thread of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_termination_ends_a_scan_that_hangs() {
    assert_ends_while_a_scan_hangs(Signal::TERM, "SIGTERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_a_scan_that_hangs() {
    assert_ends_while_a_scan_hangs(Signal::INT, "SIGINT").await;
}

#[tokio::test]
async fn a_termination_between_scans_is_no_error() {
    let (_archive, exporter) = scanned().await;

    let (status, log) = exporter.stop();

    assert_eq!(status.code(), Some(0));
    assert!(!log.contains("ERROR"), "{log}");
}

/// A hangup signal does not end the daemon: it logs the thing to do instead, as it does not reload
/// anything yet.
#[tokio::test]
async fn a_hangup_ends_nothing() {
    let (_archive, mut exporter) = scanned().await;

    exporter.signal(Signal::HUP);
    until("the message", SOON, || {
        exporter.log().contains("SIGHUP").then_some(())
    });
    let samples = exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

    assert_eq!(
        samples.value("barman_cloud_up", &[("archive", ARCHIVE)]),
        Some(1.0)
    );
    let (status, _) = exporter.stop();
    assert_eq!(status.code(), Some(0));
}
