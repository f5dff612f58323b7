//! Credentials that may list only the directories of some servers.

use embedded_s3::{Options, Store};
use serde_json::{Value, json};
use test_support::{
    EmbeddedArchive, Launch, SMALL_BUCKET, SMALL_DESTINATION, SMALL_MORNING, SMALL_SERVER, Samples,
    every_second, small_archive,
};

use crate::faults::{ARCHIVE, Failure, SOON, Scene, count, value};

/// Small archive with objects next to its server that the credentials may not list.
async fn narrow() -> EmbeddedArchive {
    let store = small_archive();
    put_besides(&store);
    let listable = ["base/", "wals/"].map(|part| format!("production/{SMALL_SERVER}/{part}"));
    let options = Options {
        listable: Some(listable.into()),
        page_limit: 2,
        ..Options::default()
    };
    EmbeddedArchive::start(store, SMALL_DESTINATION, options).await
}

fn put_besides(store: &Store) {
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    for key in [
        "production/lost/wals/00000002.history",
        "production/note",
        "production/orders/x",
    ] {
        store.put_zeros(SMALL_BUCKET, key, 10, at);
    }
}

fn with_servers(archive: &EmbeddedArchive, servers: &[&str]) -> Value {
    let mut settings = archive.settings(ARCHIVE);
    let servers: Vec<_> = servers
        .iter()
        .map(|name| json!({ "serverName": name }))
        .collect();
    settings["servers"] = json!(servers);
    settings
}

async fn scene(archive: EmbeddedArchive, servers: &[&str]) -> Scene {
    let configuration = every_second([with_servers(&archive, servers)]);
    let launch = Launch::new(configuration.to_string()).argument("--log.format=json");
    Scene {
        archive,
        exporter: launch.start().await,
    }
}

fn prefixes(samples: &Samples) -> Vec<(String, String)> {
    let all = samples.all("barman_cloud_prefix_bytes", &[]);
    let label = |sample: &test_support::Sample, name: &str| sample.labels[name].clone();
    let mut found: Vec<_> = all
        .iter()
        .map(|sample| (label(sample, "prefix"), label(sample, "kind")))
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn the_configured_servers_are_listed_where_nothing_else_may_be() {
    let scene = scene(narrow().await, &[SMALL_SERVER]).await;
    scene.is_up().await;
    let samples = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

    let states = [("server", SMALL_SERVER), ("state", "done")];
    assert_eq!(value(&samples, "backups", &states), Some(2.0));
    assert_eq!(value(&samples, "recoverable", &[]), Some(1.0));
    let expected = [("orders/base/", "base"), ("orders/wals/", "wals")];
    let expected = expected.map(|(prefix, kind)| (prefix.to_owned(), kind.to_owned()));
    assert_eq!(prefixes(&samples), expected, "what is not known is absent");
    assert!(
        samples
            .all("barman_cloud_storage_class_bytes", &[])
            .is_empty()
    );
    assert_eq!(
        value(&samples, "scan_objects", &[]),
        Some(7.0),
        "what was read"
    );
    assert_eq!(count(&samples, "scans_total", "failure"), 0.0);
    let entries = scene.exporter.log_entries();
    let says = |entry: &&Value| {
        entry["message"]
            .as_str()
            .is_some_and(|message| message.contains("Only the configured"))
    };
    assert_eq!(entries.iter().filter(says).count(), 1, "told once");
    let refused = scene.archive.s3().requests().into_iter();
    let refused = refused
        .filter(|request| request.status == Some(403))
        .count();
    assert_eq!(refused, 1, "what is refused is not asked for in every scan");
}

#[tokio::test]
async fn check_says_that_the_rest_is_not_known() {
    let archive = narrow().await;
    let settings = with_servers(&archive, &[SMALL_SERVER]);
    let arguments = ["--output", "json", "--at", SMALL_MORNING];

    let ended = archive.run("check", vec![settings], &arguments).await;

    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let result: Value = serde_json::from_str(&ended.output).unwrap();
    let findings = &result["archives"][0]["findings"];
    assert_eq!(findings[0]["code"], "listed_in_part", "{findings}");
    assert_eq!(findings[0]["severity"], "ok");
}

#[tokio::test]
async fn without_configured_servers_it_fails_with_advice() {
    let archive = narrow().await;
    let scene = Scene::start(archive, &json!({})).await;

    let failed = |samples: &_| count(samples, "scan_errors_total", "auth") >= 1.0;
    scene.exporter.wait_for("a failed scan", SOON, failed).await;

    let says = &["`s3:ListBucket`", "name the servers under `servers`"];
    scene.assert_logged(&Failure::new("auth", says));
}

#[tokio::test]
async fn a_server_that_may_not_be_listed_fails_the_scan() {
    let scene = scene(narrow().await, &[SMALL_SERVER, "other"]).await;

    let failed = |samples: &_| count(samples, "scan_errors_total", "auth") >= 1.0;
    let samples = scene.exporter.wait_for("a failed scan", SOON, failed).await;

    assert_eq!(value(&samples, "up", &[]), Some(0.0));
    scene.assert_logged(&Failure::new("auth", &["below `production/other/base/`"]));
}

#[tokio::test]
async fn a_refusal_of_everything_leaves_no_trace_when_it_is_over() {
    let mut archive = narrow().await;
    archive.options().listable = Some(Vec::new());
    archive.start_s3().await;
    let mut scene = scene(archive, &[SMALL_SERVER]).await;
    let failed = |samples: &_| count(samples, "scan_errors_total", "auth") >= 1.0;
    scene.exporter.wait_for("a failed scan", SOON, failed).await;

    scene.archive.options().listable = None;
    scene.archive.start_s3().await;

    let samples = scene.is_up().await;
    assert_eq!(value(&samples, "scan_objects", &[]), Some(10.0));
    assert!(!scene.exporter.log().contains("Only the configured"));
}

#[tokio::test]
async fn a_right_that_is_taken_away_leaves_the_servers() {
    let mut archive = narrow().await;
    let listable = archive.options().listable.take();
    archive.start_s3().await;
    let mut scene = scene(archive, &[SMALL_SERVER]).await;
    let whole = scene.is_up().await;
    assert_eq!(value(&whole, "scan_objects", &[]), Some(10.0));

    scene.archive.options().listable = listable;
    scene.archive.start_s3().await;

    let is_narrow = |samples: &_| value(samples, "scan_objects", &[]) == Some(7.0);
    scene
        .exporter
        .wait_for("the servers alone", SOON, is_narrow)
        .await;
}
