//! Whole program against a recorded archive, served from memory: every number in `expected.json`
//! that a metric shows is the value of that metric.
//!
//! Nothing of the archive is written down here, so that another one can take its place.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may end so"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]
#![expect(clippy::float_cmp, reason = "counts and bytes are whole")]

mod expected;
mod odd_keys;
mod rescans;

use std::path::PathBuf;
use std::time::Duration;

use embedded_s3::{Options, Store, recorded};
use serde_json::{Value, json};
use test_support::{EmbeddedArchive, Exporter, Samples, Series, every_second};

use crate::recorded_archive::expected::{COMPARED, Expected};

/// Name of the archive in the exporter's configuration.
const ARCHIVE: &str = "recorded";

/// Time for what takes one or two scans; far more than needed.
const SOON: Duration = Duration::from_secs(30);

fn directory() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/real-archive"
    ))
}

fn load() -> (Store, Expected) {
    let (store, _) = recorded::load(&directory()).unwrap();
    (store, Expected::read(&directory().join("expected.json")))
}

/// Serves a store as the recorded archive's.
async fn serve(store: Store, expected: &Expected, options: Options) -> EmbeddedArchive {
    EmbeddedArchive::start(store, &expected.destination(), options).await
}

/// Configuration that scans the archive and expects these servers.
fn configuration(archive: &EmbeddedArchive, servers: Option<&[String]>) -> String {
    let mut settings = archive.settings(ARCHIVE);
    if let Some(servers) = servers {
        let named: Vec<Value> = servers
            .iter()
            .map(|name| json!({ "serverName": name }))
            .collect();
        settings["servers"] = json!(named);
    }
    every_second([settings]).to_string()
}

async fn first_scan(exporter: &Exporter) -> Samples {
    let is_up = |samples: &Samples| samples.value("barman_cloud_up", &[]) == Some(1.0);
    exporter.wait_for("the first scan", SOON, is_up).await
}

/// Compares what is shown with what is expected, on pages of so many keys, in both spellings of a
/// space, with every server expected and with one that is not.
async fn assert_shown_as_expected(page_limit: usize) {
    for space_as_plus in [true, false] {
        let (store, expected) = load();
        let options = Options {
            page_limit,
            space_as_plus,
            ..Options::default()
        };
        let archive = serve(store, &expected, options).await;
        let mut some_servers = expected.server_names();
        some_servers.pop();
        some_servers.push("never backed up".to_owned());
        for servers in [None, Some(some_servers.as_slice())] {
            let exporter = Exporter::start(configuration(&archive, servers)).await;

            let samples = first_scan(&exporter).await;

            let found = Series::of(&samples, COMPARED);
            let differences = expected.series(servers).differences(&found);
            let case = format!("pages of {page_limit}, plus: {space_as_plus}, {servers:?}");
            assert!(
                differences.is_empty(),
                "{case}:\n{}",
                differences.join("\n")
            );
        }
    }
}

#[tokio::test]
async fn a_recorded_archive_is_shown_as_it_is() {
    assert_shown_as_expected(1000).await;
}

#[tokio::test]
async fn a_recorded_archive_on_small_pages_is_shown_as_it_is() {
    assert_shown_as_expected(7).await;
}

#[tokio::test]
async fn a_recorded_archive_on_pages_of_one_key_is_shown_as_it_is() {
    assert_shown_as_expected(1).await;
}
