//! Unfinished uploads that cannot be listed, or end while they are.

use chrono::DateTime;
use embedded_s3::{Action, Fault, Operation, Part, Upload, When};
use serde_json::json;
use test_support::{EmbeddedArchive, SMALL_BUCKET, SMALL_SERVER, Samples, small_key};

use crate::{Failure, SOON, Scene, count, value};

const FAMILIES: [&str; 3] = [
    "barman_cloud_incomplete_uploads",
    "barman_cloud_incomplete_uploads_bytes",
    "barman_cloud_incomplete_uploads_oldest_timestamp_seconds",
];

fn has_uploads(samples: &Samples) -> bool {
    FAMILIES.iter().any(|family| !samples.all(family, &[]).is_empty())
}

async fn assert_unknown_until_listed(refusal: Action) {
    let archive = EmbeddedArchive::small(1000).await;
    let listing = When::operation(Operation::ListUploads);
    archive.s3().faults().set([Fault::new(listing, refusal)]);
    let scene = Scene::start(archive, &json!({})).await;

    let samples = scene.is_up().await;

    assert!(!has_uploads(&samples), "what is not known is absent");
    assert_eq!(value(&samples, "scan_objects", &[]), Some(7.0));
    assert_eq!(count(&samples, "scans_total", "failure"), 0.0);

    scene.archive.s3().faults().clear();
    scene.exporter.wait_for("the uploads", SOON, has_uploads).await;
}

#[tokio::test]
async fn uploads_that_may_not_be_listed_are_not_known() {
    assert_unknown_until_listed(Action::access_denied()).await;
}

#[tokio::test]
async fn uploads_of_a_store_that_cannot_list_them_are_not_known() {
    assert_unknown_until_listed(Action::not_implemented()).await;
}

#[tokio::test]
async fn uploads_of_a_store_that_calls_the_request_invalid_are_not_known() {
    assert_unknown_until_listed(Action::error(400, "InvalidRequest", "Not here.")).await;
}

/// The small archive with an unfinished upload of one part, and a fault.
async fn with_upload(operation: Operation, action: Action) -> Scene {
    let archive = EmbeddedArchive::small(1000).await;
    let initiated = DateTime::UNIX_EPOCH;
    let etag = "etag".to_owned();
    let upload = Upload {
        key: small_key("base/20260103T030000/data.tar.gz"),
        upload_id: "upload".to_owned(),
        initiated,
        parts: vec![Part { number: 1, size: 5000, last_modified: initiated, etag }],
    };
    archive.store().begin_upload(SMALL_BUCKET, upload);
    archive.s3().faults().set([Fault::new(When::operation(operation), action)]);
    Scene::start(archive, &json!({})).await
}

fn uploads(samples: &Samples) -> [Option<f64>; 2] {
    let server = [("server", SMALL_SERVER)];
    ["incomplete_uploads", "incomplete_uploads_bytes"].map(|name| value(samples, name, &server))
}

#[tokio::test]
async fn an_upload_whose_parts_may_not_be_listed_is_counted_without_its_bytes() {
    let scene = with_upload(Operation::ListParts, Action::access_denied()).await;

    assert_eq!(uploads(&scene.is_up().await), [Some(1.0), None]);

    scene.archive.s3().faults().clear();
    let is_whole = |samples: &_| uploads(samples) == [Some(1.0), Some(5000.0)];
    scene.exporter.wait_for("the bytes", SOON, is_whole).await;
}

#[tokio::test]
async fn an_upload_that_ends_while_it_is_listed_is_none() {
    let gone = Action::error(404, "NoSuchUpload", "The specified upload does not exist.");
    let scene = with_upload(Operation::ListParts, gone).await;

    assert_eq!(uploads(&scene.is_up().await), [Some(0.0), Some(0.0)]);
}

#[tokio::test]
async fn a_listing_of_uploads_without_end_fails_the_scan() {
    for operation in [Operation::ListUploads, Operation::ListParts] {
        let scene = with_upload(operation, Action::RepeatToken).await;

        let failed = |samples: &_| count(samples, "scan_errors_total", "protocol") >= 1.0;
        let samples = scene.exporter.wait_for("a failed scan", SOON, failed).await;

        assert_eq!(value(&samples, "up", &[]), Some(0.0));
        scene.assert_logged(&Failure::new("protocol", &[]));
    }
}
