//! Unfinished uploads that cannot be listed, or end while they are.

use std::collections::BTreeSet;
use std::time::SystemTime;

use chrono::DateTime;
use embedded_s3::{Action, Fault, Operation, Options, Part, Product, Request, Store, Upload, When};
use futures::future::join_all;
use serde_json::json;
use test_support::{
    EmbeddedArchive, SMALL_BUCKET, SMALL_DESTINATION, SMALL_SERVER, Samples, backup_info,
    small_archive, small_key,
};

use crate::faults::{ARCHIVE, SOON, Scene, count, value};

const FAMILIES: [&str; 3] = [
    "barman_cloud_incomplete_uploads",
    "barman_cloud_incomplete_uploads_bytes",
    "barman_cloud_incomplete_uploads_oldest_timestamp_seconds",
];

fn has_uploads(samples: &Samples) -> bool {
    FAMILIES
        .iter()
        .any(|family| !samples.all(family, &[]).is_empty())
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
    scene
        .exporter
        .wait_for("the uploads", SOON, has_uploads)
        .await;
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
async fn uploads_are_unknown_if_the_store_calls_the_request_invalid() {
    assert_unknown_until_listed(Action::error(400, "InvalidRequest", "Not here.")).await;
}

/// Small archive with an unfinished upload of one part, and a fault.
async fn with_upload(operation: Operation, action: Action) -> Scene {
    Scene::start(archive_with_upload(operation, action).await, &json!({})).await
}

async fn archive_with_upload(operation: Operation, action: Action) -> EmbeddedArchive {
    let archive = EmbeddedArchive::small(1000).await;
    let upload = upload_of(&small_key("base/20260103T030000/data.tar.gz"));
    archive.store().begin_upload(SMALL_BUCKET, upload);
    archive
        .s3()
        .faults()
        .set([Fault::new(When::operation(operation), action)]);
    archive
}

fn upload_of(key: &str) -> Upload {
    let initiated = DateTime::UNIX_EPOCH;
    let etag = "etag".to_owned();
    Upload {
        key: key.to_owned(),
        upload_id: "upload".to_owned(),
        initiated,
        parts: vec![Part {
            number: 1,
            size: 5000,
            last_modified: initiated,
            etag,
        }],
    }
}

fn uploads(samples: &Samples) -> [Option<f64>; 2] {
    let server = [("server", SMALL_SERVER)];
    ["incomplete_uploads", "incomplete_uploads_bytes"].map(|name| value(samples, name, &server))
}

#[tokio::test]
async fn an_upload_with_refused_parts_is_counted_without_bytes() {
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

/// Answers that are not a listing of uploads or parts.
fn senseless() -> Vec<Action> {
    let raw = |status, body: &'static str| Action::Raw {
        status,
        content_type: "application/xml".to_owned(),
        body: body.into(),
    };
    vec![
        raw(
            200,
            "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
        ),
        raw(200, "<html><body>It works!</body></html>"),
        raw(200, ""),
        raw(200, "<ListMultipartUploadsResult><Upload><Key>a"),
        raw(302, ""),
        raw(403, "<html>no</html>"),
        Action::moved("eu-west-1"),
        Action::error(401, "", ""),
        Action::expired_token(),
        Action::internal_error(),
        Action::slow_down(),
        Action::DropConnection,
        Action::TruncateBody(60),
        Action::RepeatToken,
    ]
}

fn complaints(scene: &Scene) -> usize {
    let entries = scene.exporter.log_entries();
    let says = |entry: &&serde_json::Value| {
        entry["message"]
            .as_str()
            .is_some_and(|message| message.contains("are unknown"))
    };
    entries.iter().filter(says).count()
}

#[tokio::test]
async fn no_answer_about_uploads_fails_a_scan() {
    let cases = senseless().into_iter().map(async |action| {
        let scene = with_upload(Operation::ListUploads, action.clone()).await;
        scene.is_up().await;
        let samples = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

        assert!(
            !has_uploads(&samples),
            "{action:?}: what is not known is absent"
        );
        assert_eq!(
            value(&samples, "scan_objects", &[]),
            Some(7.0),
            "{action:?}"
        );
        assert_eq!(count(&samples, "scans_total", "failure"), 0.0, "{action:?}");
        assert_eq!(complaints(&scene), 1, "{action:?} is told once");
    });
    join_all(cases).await;
}

#[tokio::test]
async fn no_answer_about_parts_fails_a_scan() {
    let cases = senseless().into_iter().map(async |action| {
        let scene = with_upload(Operation::ListParts, action.clone()).await;
        scene.is_up().await;
        let samples = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

        assert_eq!(uploads(&samples), [Some(1.0), None], "{action:?}");
        assert_eq!(count(&samples, "scans_total", "failure"), 0.0, "{action:?}");
        assert_eq!(complaints(&scene), 1, "{action:?} is told once");
    });
    join_all(cases).await;
}

#[tokio::test]
async fn an_unanswered_question_about_uploads_costs_no_scan_time() {
    for (operation, known) in [
        (Operation::ListUploads, [None, None]),
        (Operation::ListParts, [Some(1.0), None]),
    ] {
        let archive = archive_with_upload(operation, Action::Hang).await;
        let scene = Scene::start(archive, &json!({ "timeout": "5s" })).await;

        let samples = scene.is_up().await;

        assert_eq!(uploads(&samples), known, "{operation:?}");
        assert_eq!(
            count(&samples, "scans_total", "timeout"),
            0.0,
            "{operation:?}"
        );
        let of_success = [("outcome", "success")];
        let longest = value(&samples, "scan_duration_seconds_sum", &of_success).unwrap();
        assert!(
            longest < 4.0 * count(&samples, "scans_total", "success"),
            "{operation:?}"
        );
    }
}

/// Small archive on a store of this kind, with a running backup that has uploaded a part.
async fn with_running_backup(product: Product) -> Scene {
    let options = Options {
        product,
        ..Options::default()
    };
    let archive = EmbeddedArchive::start(small_archive(), SMALL_DESTINATION, options).await;
    put_running_backup(archive.store());
    Scene::start(archive, &json!({})).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "a backup under way has begun just now"
)]
fn put_running_backup(store: &Store) {
    let now = DateTime::from(SystemTime::now());
    let info = backup_info(3, "STARTED").replace("end_", "x_");
    let begun = now
        .format("begin_time=%Y-%m-%d %H:%M:%S.000000+00:00")
        .to_string();
    let info = info.replace("begin_time=2026-01-03 03:00:00.000000+00:00", &begun);
    let key = |name: &str| small_key(&format!("base/20260103T030000/{name}"));
    store.put_bytes(SMALL_BUCKET, key("backup.info"), info.into_bytes(), now);
    store.begin_upload(SMALL_BUCKET, upload_of(&key("data.tar.gz")));
}

#[tokio::test]
async fn a_store_listing_by_key_is_asked_about_unfinished_backups() {
    for product in [Product::MinIo, Product::Storj, Product::HiddenMinIo] {
        let scene = with_running_backup(product).await;
        scene.is_up().await;
        let samples = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

        assert!(
            !has_uploads(&samples),
            "{product:?}: how many there are is not known"
        );
        let reason = [("reason", "incomplete_upload")];
        assert_eq!(
            value(&samples, "reclaimable_bytes", &reason),
            None,
            "{product:?}"
        );
        let running = value(&samples, "backup_running_bytes", &[]).unwrap();
        assert!(running > 5000.0, "{product:?}: {running} has the part");
        let entries = scene.exporter.log_entries();
        let says = |entry: &&serde_json::Value| {
            entry["message"]
                .as_str()
                .is_some_and(|message| message.contains("exact keys"))
        };
        assert_eq!(entries.iter().filter(says).count(), 1, "{product:?}");
    }
}

#[tokio::test]
async fn a_store_that_takes_prefixes_is_not_asked_key_by_key() {
    let scene = with_running_backup(Product::S3).await;
    let samples = scene.is_up().await;
    assert_eq!(uploads(&samples), [Some(1.0), Some(5000.0)]);

    let key = small_key("base/20260103T030000/data.tar.gz");
    scene
        .archive
        .store()
        .end_upload(SMALL_BUCKET, &key, "upload");
    scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;
    scene.archive.s3().clear_requests();
    let samples = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

    assert_eq!(uploads(&samples), [Some(0.0), Some(0.0)]);
    let prefixes = |request: &Request| request.parameter("prefix").map(str::to_owned);
    let asked = scene.archive.s3().requests().into_iter();
    let asked = asked.filter(|request| request.operation == Operation::ListUploads);
    let asked: BTreeSet<_> = asked.filter_map(|request| prefixes(&request)).collect();
    assert_eq!(asked, BTreeSet::from(["production/".to_owned()]));
}
