//! Answers that make no sense, and listings that do not come to their end.

use embedded_s3::{Action, Fault, Operation, When};
use futures::future::join_all;
use serde_json::json;
use test_support::EmbeddedArchive;

use crate::faults::{Failure, SOON, Scene, count, value};

fn answer(body: &'static str) -> Action {
    Action::Raw {
        status: 200,
        content_type: "application/xml".to_owned(),
        body: body.into(),
    }
}

#[tokio::test]
async fn half_a_listing_is_not_taken_for_a_short_one() {
    let mut scene = Scene::healthy().await;
    let half = answer(
        "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>\
         <Contents><Key>production/orders/base/20260101T030000/data.tar</Key>",
    );
    let failure = Failure::new("protocol", &["makes no sense", "is truncated"]);
    scene.assert_fault(half, &failure).await;
}

#[tokio::test]
async fn something_else_than_a_listing_fails_the_scan() {
    let bodies = [
        "<html><body>It works!</body></html>",
        "\u{0}\u{1}garbage<<<",
        "",
    ];
    let failure = Failure::new("protocol", &["makes no sense", "is an S3 endpoint"]);
    let cases = bodies.map(async |body| {
        let mut scene = Scene::healthy().await;
        scene.assert_fault(answer(body), &failure).await;
    });
    join_all(cases).await;
}

#[tokio::test]
async fn a_listing_without_end_fails_the_scan() {
    let mut scene = Scene::healthy().await;
    let failure = Failure::new("protocol", &["does not advance"]);
    scene.assert_fault(Action::RepeatToken, &failure).await;
}

#[tokio::test]
async fn nothing_is_published_of_a_listing_that_fails_in_the_middle() {
    let archive = EmbeddedArchive::small(3).await;
    let from_page_two = When::operation(Operation::ListObjects).from_request(2);
    archive
        .s3()
        .faults()
        .set([Fault::new(from_page_two, Action::internal_error())]);
    let scene = Scene::start(archive, &json!({})).await;

    let failed = |samples: &_| count(samples, "scan_errors_total", "protocol") >= 1.0;
    let samples = scene.exporter.wait_for("a failed scan", SOON, failed).await;

    let listed = [("operation", "ListObjectsV2"), ("outcome", "success")];
    assert_eq!(value(&samples, "s3_requests_total", &listed), Some(1.0));
    assert_eq!(value(&samples, "up", &[]), Some(0.0));
    for family in ["scan_objects", "prefix_bytes", "backups", "server_info"] {
        assert!(
            samples
                .all(&format!("barman_cloud_{family}"), &[])
                .is_empty(),
            "{family}"
        );
    }

    scene.archive.s3().faults().clear();
    let healed = scene.is_up().await;
    assert_eq!(value(&healed, "scan_objects", &[]), Some(7.0));
}

#[tokio::test]
async fn a_page_that_fails_later_leaves_the_report_of_before() {
    let mut scene = Scene::healthy().await;
    let failure = Failure::new("throttled", &["asked for fewer requests"]);
    // The second page of every scan, which is its last then.
    let fail = async |archive: &mut EmbeddedArchive| {
        let faults = (0..20).map(|scan| {
            // Requests for directory names, which have a delimiter, are not pages.
            let page = When::operation(Operation::ListObjects).without_parameter("delimiter");
            let page = page.from_request(2 + 2 * scan).times(1);
            Fault::new(page, Action::slow_down())
        });
        archive.s3().faults().set(faults);
    };
    let heal = async |archive: &mut EmbeddedArchive| archive.s3().faults().clear();
    scene.assert_fails_until_healed(&failure, fail, heal).await;
}
