//! Tests of the pages that the daemon serves.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use embedded_s3::{Action, Fault};
use flate2::read::GzDecoder;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use test_support::{
    EmbeddedArchive, Exporter, SMALL_BUCKET, Sample, Samples, every_second, small_key,
};

use crate::daemon::{ARCHIVE, SOON, scanned};

const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";

/// Gets the page of metrics without undoing any encoding.
async fn metrics(exporter: &Exporter, accept: &str, encoding: &str) -> (HeaderMap, Vec<u8>) {
    let client = Client::builder().no_proxy().no_gzip().build().unwrap();
    let request = client.get(exporter.url("/metrics")).header(ACCEPT, accept);
    let answer = request
        .header(ACCEPT_ENCODING, encoding)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    (
        answer.headers().clone(),
        answer.bytes().await.unwrap().to_vec(),
    )
}

async fn text(exporter: &Exporter, accept: &str) -> (String, String) {
    let (headers, body) = metrics(exporter, accept, "identity").await;
    assert!(!headers.contains_key(CONTENT_ENCODING));
    let content_type = headers[CONTENT_TYPE].to_str().unwrap().to_owned();
    (content_type, String::from_utf8(body).unwrap())
}

/// Series that are the same from one good scan to the next.
fn lasting(page: &str) -> Vec<Sample> {
    let of_scans = ["process_", "_age_seconds", "scan", "requests"];
    let samples = Samples::parse(page);
    let lasting = samples
        .iter()
        .filter(|sample| !of_scans.iter().any(|part| sample.name.contains(part)));
    lasting.cloned().collect()
}

#[tokio::test]
async fn both_formats_say_the_same() {
    let (_archive, exporter) = scanned().await;

    let (open_type, open) = text(&exporter, OPENMETRICS).await;
    let (classic_type, classic) = text(&exporter, "text/plain").await;

    assert_eq!(
        open_type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert_eq!(classic_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(open.ends_with("\n# EOF\n"));
    assert!(!classic.contains("# EOF") && !classic.contains("# UNIT"));
    assert!(open.contains("# TYPE barman_cloud_scans counter\n"));
    assert!(classic.contains("# TYPE barman_cloud_scans_total counter\n"));
    assert_eq!(lasting(&open), lasting(&classic));
    assert!(lasting(&open).len() > 30);
}

#[tokio::test]
async fn each_family_is_described_once_and_stands_together() {
    let (_archive, exporter) = scanned().await;

    for accept in [OPENMETRICS, "text/plain"] {
        let page = text(&exporter, accept).await.1;
        let described = page.lines().filter_map(|line| line.strip_prefix("# HELP "));
        let mut families: Vec<&str> = described
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        let count = families.len();
        families.sort_unstable();
        families.dedup();
        assert_eq!(families.len(), count, "described twice in {accept}");
        let samples: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
        let mut series: Vec<&str> = samples
            .iter()
            .map(|line| line.rsplit_once(' ').unwrap().0)
            .collect();
        series.sort_unstable();
        series.dedup();
        assert_eq!(
            series.len(),
            samples.len(),
            "a series stands twice in {accept}"
        );
    }
}

#[tokio::test]
async fn a_page_is_compressed_for_those_who_accept_it() {
    let (_archive, exporter) = scanned().await;

    let (headers, body) = metrics(&exporter, OPENMETRICS, "gzip").await;

    assert_eq!(headers[CONTENT_ENCODING], "gzip");
    let mut page = String::new();
    GzDecoder::new(body.as_slice())
        .read_to_string(&mut page)
        .unwrap();
    assert!(page.ends_with("# EOF\n") && page.len() > body.len());
    assert!(!lasting(&page).is_empty());
}

#[tokio::test]
async fn the_front_page_tells_how_the_last_scan_went() {
    let (archive, exporter) = scanned().await;
    let (status, page) = exporter.get("/").await;
    assert_eq!(status, StatusCode::OK);
    for text in [
        ARCHIVE,
        "s3://backups/production",
        &archive.s3().endpoint(),
        "success",
        "<strong>orders</strong>",
        r#"<span class="good">restorable</span>"#,
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }

    archive
        .s3()
        .faults()
        .set([Fault::always(Action::access_denied())]);
    let is_down = |samples: &Samples| samples.value("barman_cloud_up", &[]) == Some(0.0);
    exporter.wait_for("a failed scan", SOON, is_down).await;

    let (_, page) = exporter.get("/").await;
    for text in [
        "failure",
        "the credentials may not list bucket",
        "last success: ",
        "unknown",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    assert!(
        !page.contains(r#"class="good""#),
        "nothing looks well that is not known: {page}"
    );
}

#[tokio::test]
async fn the_front_page_says_why_a_server_cannot_be_restored() {
    let archive = EmbeddedArchive::small_but(|store| {
        store.remove(
            SMALL_BUCKET,
            &small_key("wals/0000000100000000/000000010000000000000001.gz"),
        );
    })
    .await;
    let mut settings = archive.settings(ARCHIVE);
    settings["servers"] = json!([{ "serverName": "orders", "backupSchedule": "0 2 * * *" }, { "serverName": "never" }]);
    let exporter = Exporter::start(every_second([settings]).to_string()).await;
    let is_up = |samples: &Samples| samples.value("barman_cloud_up", &[]) == Some(1.0);
    exporter.wait_for("a good scan", SOON, is_up).await;

    let (_, page) = exporter.get("/").await;

    for text in [
        r#"<small class="bad">2 critical</small>"#,
        r#"<span class="bad">not restorable</span>"#,
        "cannot be restored: segment 000000010000000000000001 is missing",
        "This server has never been backed up",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
}

#[tokio::test]
async fn what_an_archive_says_is_no_html() {
    let archive = EmbeddedArchive::small(1000).await;
    let name = "<script>alert(1)</script>";
    let exporter = Exporter::start(every_second([archive.settings(name)]).to_string()).await;

    let (_, page) = exporter.get("/").await;

    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;"), "{page}");
}

#[tokio::test]
async fn there_is_nothing_else() {
    let (_archive, exporter) = scanned().await;

    let post = exporter
        .client()
        .request(Method::POST, exporter.url("/metrics"))
        .send()
        .await;

    assert_eq!(exporter.get("/metrics/").await.0, StatusCode::NOT_FOUND);
    assert_eq!(post.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}

/// Otherwise an alert on restarts would fire on each correction of the clock.
#[tokio::test]
async fn the_start_of_the_process_does_not_move() {
    let (_archive, exporter) = scanned().await;
    let start = async || {
        exporter
            .scrape()
            .await
            .value("process_start_time_seconds", &[])
            .unwrap()
    };

    let first = start().await;
    for _ in 0..20 {
        assert_eq!(start().await.to_bits(), first.to_bits());
    }

    // The scan that was waited for ended after the start, and not long after.
    let success = "barman_cloud_scan_last_success_timestamp_seconds";
    let scanned_at = exporter
        .scrape()
        .await
        .value(success, &[("archive", ARCHIVE)])
        .unwrap();
    assert!(
        (-1.0..120.0).contains(&(scanned_at - first)),
        "{first} and {scanned_at}"
    );
}

#[tokio::test]
async fn the_port_serves_ipv4_and_ipv6() {
    let (archive, _) = scanned().await;
    let mut configuration = every_second([archive.settings(ARCHIVE)]);
    let port = TcpListener::bind("[::]:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    configuration["web"] = json!({ "listenAddress": format!(":{port}") });
    archive.write("config.yaml", &configuration.to_string());
    let program = env!("CARGO_BIN_EXE_barman-cloud-exporter");
    let file = archive.directory().join("config.yaml");
    let mut running = Command::new(program)
        .arg("--config.file")
        .arg(file)
        .spawn()
        .unwrap();

    for host in ["127.0.0.1", "[::1]"] {
        let url = format!("http://{host}:{port}/-/healthy");
        let deadline = Instant::now() + SOON;
        while Client::new().get(&url).send().await.is_err() {
            assert!(Instant::now() < deadline, "{url} does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    running.kill().unwrap();
    running.wait().unwrap();
}
