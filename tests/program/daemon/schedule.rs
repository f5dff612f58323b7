//! Scans on schedule, never two at once.

use std::time::Duration;

use embedded_s3::{Action, Fault, Operation, When};
use serde_json::json;
use test_support::{EmbeddedArchive, Exporter, Samples, every_second};

use crate::daemon::{ARCHIVE, SOON};

fn scans(samples: &Samples, outcome: &str) -> f64 {
    samples
        .value("barman_cloud_scans_total", &[("outcome", outcome)])
        .unwrap()
}

#[tokio::test]
async fn a_scan_is_skipped_while_the_one_before_runs() {
    let archive = EmbeddedArchive::small(1000).await;
    let slowly = Action::Delay(Duration::from_millis(1500));
    let listing = When::operation(Operation::ListObjects);
    archive.s3().faults().set([Fault::new(listing, slowly)]);
    let mut configuration = every_second([archive.settings(ARCHIVE)]);
    // One request at a time: two at once would be two scans.
    configuration["scan"]["concurrency"] = json!(1);
    let exporter = Exporter::start(configuration.to_string()).await;

    let both =
        |samples: &Samples| scans(samples, "success") >= 2.0 && scans(samples, "skipped") >= 2.0;
    let samples = exporter
        .wait_for("two scans and two skipped ones", SOON, both)
        .await;

    assert_eq!(archive.s3().most_requests_at_once(), 1);
    assert_eq!(scans(&samples, "failure"), 0.0);
    assert!(
        samples
            .value(
                "barman_cloud_scan_duration_seconds_count",
                &[("outcome", "skipped")]
            )
            .is_none()
    );
    let took = samples.value(
        "barman_cloud_scan_duration_seconds_sum",
        &[("outcome", "success")],
    );
    assert!(took.unwrap() >= 3.0, "{took:?}");
    assert!(exporter.log().contains("A scan was skipped"));
}

#[tokio::test]
async fn an_archive_is_scanned_at_the_start_and_then_when_scheduled() {
    let archive = EmbeddedArchive::small(1000).await;
    let mut configuration = every_second([archive.settings(ARCHIVE)]);
    configuration["scan"]["schedule"] = json!("0 0 0 29 2 *");
    let exporter = Exporter::start(configuration.to_string()).await;

    let scanned = |samples: &Samples| scans(samples, "success") == 1.0;
    let samples = exporter.wait_for("the first scan", SOON, scanned).await;

    let time =
        |name: &str| samples.value(&format!("barman_cloud_scan_{name}_timestamp_seconds"), &[]);
    let last = time("last_attempt").unwrap();
    assert_eq!(time("last_success"), Some(last));
    assert!(time("audited").unwrap() <= last);
    assert!(time("next").unwrap() > last);
    assert_eq!(time("next").unwrap() % 86400.0, 0.0);
}
