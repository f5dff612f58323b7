//! Tests of the daemon's start, and of the moment from which it is ready.

use std::net::TcpListener;

use embedded_s3::{Action, Fault};
use reqwest::StatusCode;
use serde_json::json;
use test_support::{EmbeddedArchive, Exporter, Launch, Samples, every_second, run_exporter};

use crate::daemon::{ARCHIVE, SOON, hanging, scanned};

fn attempts(samples: &Samples) -> usize {
    samples
        .all("barman_cloud_scan_last_attempt_timestamp_seconds", &[])
        .len()
}

#[tokio::test]
async fn it_is_healthy_but_not_ready_before_the_first_scan_has_ended() {
    let archive = hanging().await;
    let exporter = Exporter::start(every_second([archive.settings(ARCHIVE)]).to_string()).await;

    let (status, text) = exporter.get("/-/ready").await;
    let healthy = exporter.get("/-/healthy").await.0;
    let samples = exporter.scrape().await;

    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text, "waiting for the first scan of `production`\n");
    assert_eq!(healthy, StatusCode::OK);
    assert_eq!(
        samples.value("barman_cloud_up", &[]),
        None,
        "nothing is known yet"
    );
    assert_eq!(samples.value("barman_cloud_archive_info", &[]), Some(1.0));
}

#[tokio::test]
async fn a_good_first_scan_makes_it_ready() {
    let (_archive, exporter) = scanned().await;

    assert_eq!(
        exporter.get("/-/ready").await,
        (StatusCode::OK, "ready\n".to_owned())
    );
}

#[tokio::test]
async fn a_failed_first_scan_makes_it_ready() {
    let archive = EmbeddedArchive::small(1000).await;
    archive
        .s3()
        .faults()
        .set([Fault::always(Action::access_denied())]);
    let exporter = Exporter::start(every_second([archive.settings(ARCHIVE)]).to_string()).await;

    let samples = exporter
        .wait_for("an attempt", SOON, |samples| attempts(samples) == 1)
        .await;

    assert_eq!(samples.value("barman_cloud_up", &[]), Some(0.0));
    assert_eq!(exporter.get("/-/ready").await.0, StatusCode::OK);
}

#[tokio::test]
async fn it_is_not_ready_while_one_of_its_archives_waits() {
    let [waits, scanned] = [hanging().await, EmbeddedArchive::small(1000).await];
    let settings = [waits.settings("waits"), scanned.settings("scanned")];
    let exporter = Exporter::start(every_second(settings).to_string()).await;

    exporter
        .wait_for("an attempt", SOON, |samples| attempts(samples) == 1)
        .await;

    let (status, text) = exporter.get("/-/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text, "waiting for the first scan of `waits`\n");
}

#[tokio::test]
async fn files_that_are_missing_fail_the_scan_and_not_the_start() {
    let archive = EmbeddedArchive::small(1000).await;
    let mut without_credentials = archive.settings("without credentials");
    without_credentials["credentials"]["secretAccessKeyFile"] = json!("/nonexistent/secret");
    let mut without_ca = archive.settings("without CA");
    without_ca["endpointCAFile"] = json!("/nonexistent/ca.crt");
    without_ca["destinationPath"] = json!("s3://backups");
    let configuration = every_second([without_credentials, without_ca]);
    let exporter = Exporter::start(configuration.to_string()).await;

    let samples = exporter
        .wait_for("both attempts", SOON, |samples| attempts(samples) == 2)
        .await;

    let errors = |archive, kind| {
        let labels = [("archive", archive), ("kind", kind)];
        samples
            .value("barman_cloud_scan_errors_total", &labels)
            .unwrap()
    };
    assert!(errors("without credentials", "auth") >= 1.0);
    assert!(errors("without CA", "network") >= 1.0);
    let log = exporter.log();
    assert!(
        log.contains("credentials file `/nonexistent/secret` cannot be read"),
        "{log}"
    );
    assert!(
        log.contains("`/nonexistent/ca.crt` cannot be read"),
        "{log}"
    );
}

#[tokio::test]
async fn a_port_in_use_ends_the_start_with_a_message() {
    let archive = EmbeddedArchive::small(1000).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let file = archive.directory().join("config.yaml");
    let file = file.to_str().unwrap();
    archive.write(
        "config.yaml",
        &every_second([archive.settings(ARCHIVE)]).to_string(),
    );

    let ended = run_exporter(
        &["--config.file", file, "--web.listen-address", &address],
        &[],
    );

    assert_eq!(ended.code, Some(1));
    let message = format!("cannot listen on {address}: set `web.listenAddress`");
    assert!(ended.errors.contains(&message), "{}", ended.errors);
    assert_eq!(ended.errors.lines().count(), 1, "{}", ended.errors);
}

#[tokio::test]
async fn the_log_is_json_where_that_is_asked_for() {
    let archive = EmbeddedArchive::small(1000).await;
    archive
        .s3()
        .faults()
        .set([Fault::always(Action::access_denied())]);
    let configuration = every_second([archive.settings("two\nlines \"quoted\"")]);
    let by_flag = Launch::new(configuration.to_string()).argument("--log.format=json");
    // Control characters are no name.
    assert_eq!(by_flag.spawn().ended().0.code(), Some(2));

    let configuration = every_second([archive.settings("a \"quoted\" \\ name")]).to_string();
    let exporter = Launch::new(configuration)
        .argument("--log.format=json")
        .start()
        .await;
    exporter
        .wait_for("an attempt", SOON, |samples| attempts(samples) == 1)
        .await;

    let entries = exporter.log_entries();
    let failed = entries
        .iter()
        .find(|entry| entry["message"] == "Scan failed")
        .unwrap();
    assert_eq!(failed["archive"], "a \"quoted\" \\ name");
    for field in ["timestamp", "level", "message", "target"] {
        assert!(
            entries.iter().all(|entry| entry[field].is_string()),
            "no {field}: {entries:?}"
        );
    }
}
