//! Store that refuses to list.

use embedded_s3::{Action, Options, Store};
use serde_json::json;
use test_support::{EmbeddedArchive, SMALL_BUCKET, SMALL_DESTINATION, small_archive};

use crate::faults::{Failure, SOON, Scene, count, value};

#[tokio::test]
async fn expired_credentials_fail_the_scan_until_they_are_renewed() {
    let mut scene = Scene::healthy().await;
    let failure = Failure::new("auth", &["the credentials have expired", "renew those"]);
    scene.assert_fault(Action::expired_token(), &failure).await;
    let forbidden = Action::error(403, "ExpiredToken", "The security token has expired");
    scene.assert_fault(forbidden, &failure).await;
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let mut scene = Scene::healthy().await;
    let failure = Failure::new("auth", &["`s3:ListBucket`", "`arn:aws:s3:::backups`"]);
    scene.assert_fault(Action::access_denied(), &failure).await;
}

#[tokio::test]
async fn a_wrong_region_is_put_right_by_the_text_of_the_error() {
    let mut scene = Scene::healthy().await;
    let says = &[
        "is in region `eu-west-1`, not in `us-east-1`",
        "set `region`",
    ];
    let malformed = Failure::new("auth", says);
    scene
        .assert_fault(Action::wrong_region("eu-west-1"), &malformed)
        .await;
    let elsewhere = Failure::new("not_found", says);
    scene
        .assert_fault(Action::moved("eu-west-1"), &elsewhere)
        .await;
}

#[tokio::test]
async fn a_store_that_fails_by_itself_is_named() {
    let mut scene = Scene::healthy().await;
    let failure = Failure::new(
        "protocol",
        &["status 500", "InternalError", "look at its logs"],
    );
    scene.assert_fault(Action::internal_error(), &failure).await;
}

#[tokio::test]
async fn what_a_store_says_stays_on_one_line() {
    let mut scene = Scene::healthy().await;
    let failure = Failure::new("protocol", &["status 400, Odd: one two \\n three"]);
    let odd = Action::error(400, "Odd", "one\ntwo \\n\rthree");
    scene.assert_fault(odd, &failure).await;
}

#[tokio::test]
async fn a_bucket_that_is_missing_is_found_once_it_is_there() {
    let archive =
        EmbeddedArchive::start(Store::default(), SMALL_DESTINATION, Options::default()).await;
    let scene = Scene::start(archive, &json!({})).await;

    let failures = |samples: &_| count(samples, "scan_errors_total", "not_found") >= 2.0;
    let down = scene
        .exporter
        .wait_for("two failed scans", SOON, failures)
        .await;

    assert_eq!(value(&down, "up", &[]), Some(0.0));
    assert_eq!(
        value(&down, "scan_last_success_timestamp_seconds", &[]),
        None
    );
    assert_eq!(value(&down, "scan_objects", &[]), None);
    let says = &["bucket `backups` does not exist", "check `destinationPath`"];
    scene.assert_logged(&Failure::new("not_found", says));

    scene.archive.store().create_bucket(SMALL_BUCKET);
    let empty = scene.is_up().await;
    assert_eq!(value(&empty, "scan_objects", &[]), Some(0.0));
    let entries = scene.exporter.log_entries();
    let warning = entries
        .iter()
        .find(|entry| entry["level"] == "WARN")
        .unwrap();
    assert!(
        warning["message"]
            .as_str()
            .unwrap()
            .contains("No server directory exists"),
        "{warning}"
    );

    let full = small_archive();
    for key in full.keys(SMALL_BUCKET) {
        scene
            .archive
            .store()
            .put(SMALL_BUCKET, &*key, full.get(SMALL_BUCKET, &key).unwrap());
    }
    let has_objects = |samples: &_| value(samples, "scan_objects", &[]) == Some(7.0);
    scene
        .exporter
        .wait_for("the objects", SOON, has_objects)
        .await;
}
