//! Stores and names that are unusual but valid.

use embedded_s3::{Operation, Options, Product, Request, Store};
use serde_json::{Value, json};
use test_support::{
    EmbeddedArchive, SMALL_BUCKET, SMALL_DESTINATION, SMALL_SERVER, Samples, every_second,
    small_archive, small_key,
};

use crate::faults::{ARCHIVE, SOON, Scene, count, start, value};

/// Number of log lines with these words in their message.
fn lines(scene: &Scene, words: &str) -> usize {
    let has_words = |entry: &Value| {
        entry["message"]
            .as_str()
            .is_some_and(|message| message.contains(words))
    };
    scene
        .exporter
        .log_entries()
        .iter()
        .filter(|entry| has_words(entry))
        .count()
}

fn is_recoverable(samples: &Samples, server: &str) {
    assert_eq!(
        value(samples, "recoverable", &[("server", server)]),
        Some(1.0)
    );
    assert_eq!(count(samples, "scans_total", "failure"), 0.0);
}

#[tokio::test]
async fn a_store_without_order_is_read_whole_and_told_of_once() {
    for product in [Product::Unordered, Product::Storj] {
        let options = Options {
            product,
            page_limit: 2,
            ..Options::default()
        };
        let archive = EmbeddedArchive::start(small_archive(), SMALL_DESTINATION, options).await;
        let scene = Scene::start(archive, &json!({})).await;
        scene.is_up().await;
        scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;
        scene.archive.s3().clear_requests();
        let samples = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

        is_recoverable(&samples, SMALL_SERVER);
        assert_eq!(value(&samples, "scan_objects", &[]), Some(7.0));
        assert_eq!(lines(&scene, "in no particular order"), 1, "{product:?}");
        let is_listing = |request: &Request| request.operation == Operation::ListObjects;
        let requests = scene.archive.s3().requests();
        let mut listings = requests.iter().filter(|request| is_listing(request));
        let is_plain = |request: &Request| {
            request.parameter("delimiter").is_none() && request.parameter("start-after").is_none()
        };
        assert!(listings.all(is_plain), "{product:?}: the way is remembered");
    }
}

#[tokio::test]
async fn a_bucket_is_followed_to_its_region_and_that_is_told_once() {
    let options = Options {
        region: Some("eu-central-1".to_owned()),
        ..Options::default()
    };
    let archive = EmbeddedArchive::start(small_archive(), SMALL_DESTINATION, options).await;
    let scene = Scene::start(archive, &json!({})).await;
    scene.is_up().await;
    let samples = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

    is_recoverable(&samples, SMALL_SERVER);
    assert_eq!(lines(&scene, "a different region"), 1);
    let refused = scene.archive.s3().requests().into_iter();
    assert_eq!(
        refused
            .filter(|request| request.status == Some(400))
            .count(),
        1
    );
}

#[tokio::test]
async fn a_server_with_a_slash_is_judged_and_no_orphan() {
    let (from, store) = (small_archive(), Store::default());
    for key in from.keys(SMALL_BUCKET) {
        let moved = key.replace(&small_key(""), "production/team/orders/");
        store.put(SMALL_BUCKET, moved, from.get(SMALL_BUCKET, &key).unwrap());
    }
    let options = Options {
        page_limit: 3,
        ..Options::default()
    };
    let archive = EmbeddedArchive::start(store, SMALL_DESTINATION, options).await;
    let mut settings = archive.settings(ARCHIVE);
    settings["servers"] = json!([{ "serverName": "team/orders" }]);
    let mut configuration = every_second([settings]);
    // Also covers scans that list only parts again.
    configuration["scan"]["fullScanRequests"] = json!(0);
    let exporter = start(&configuration).await;
    let scene = Scene { archive, exporter };
    scene.is_up().await;
    let samples = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

    is_recoverable(&samples, "team/orders");
    let servers = samples.all("barman_cloud_server_info", &[]);
    let servers: Vec<_> = servers
        .iter()
        .map(|sample| sample.labels["server"].as_str())
        .collect();
    assert_eq!(servers, ["team/orders"]);
    let kinds = |kind| samples.sum("barman_cloud_prefix_objects", &[("kind", kind)]);
    assert_eq!(
        ["base", "wals", "orphan", "other"].map(kinds),
        [4.0, 3.0, 0.0, 0.0]
    );
}
