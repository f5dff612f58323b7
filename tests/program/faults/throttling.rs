//! Store that asks for fewer requests.

use embedded_s3::{Action, Fault, When};
use serde_json::json;
use test_support::{EmbeddedArchive, Samples};

use crate::faults::{Failure, SOON, Scene, count, float, value};

#[tokio::test]
async fn a_store_that_throttles_throughout_fails_the_scan() {
    let mut scene = Scene::healthy().await;
    let failure = Failure::new(
        "throttled",
        &["asked for fewer requests", "`scan.concurrency`"],
    );
    scene.assert_fault(Action::slow_down(), &failure).await;
}

#[tokio::test]
async fn a_store_that_throttles_a_few_times_only_slows_the_scan() {
    let archive = EmbeddedArchive::small(3).await;
    let twice = When::any().times(2);
    archive
        .s3()
        .faults()
        .set([Fault::new(twice, Action::slow_down())]);
    let scene = Scene::start(archive, &json!({ "maxAttempts": 3 })).await;

    let samples = scene.is_up().await;

    let throttled = [("operation", "ListObjectsV2"), ("outcome", "throttled")];
    assert_eq!(value(&samples, "s3_requests_total", &throttled), Some(2.0));
    assert_eq!(count(&samples, "scan_errors_total", "throttled"), 0.0);
    assert_eq!(count(&samples, "scans_total", "failure"), 0.0);
}

#[tokio::test]
async fn every_request_that_is_sent_is_counted() {
    let scene = Scene::healthy().await;
    scene
        .archive
        .s3()
        .faults()
        .set([Fault::new(When::any().times(1), Action::slow_down())]);
    let is_counted = |samples: &_| count(samples, "s3_requests_total", "throttled") == 1.0;
    scene
        .exporter
        .wait_for("a throttled request", SOON, is_counted)
        .await;
    scene.is_up().await;

    // Between two scans both sides have counted the same.
    let equal = |samples: &Samples| {
        let counted = samples.sum("barman_cloud_s3_requests_total", &[]);
        counted == float(scene.archive.s3().requests().len())
    };
    scene.exporter.wait_for("equal counts", SOON, equal).await;
}
