//! The log: targets that operators filter by.

use barman_cloud_exporter::app::logging::TARGETS;
use test_support::{EmbeddedArchive, Exporter, Launch, Samples, every_second};

use crate::daemon::{ARCHIVE, SOON};

/// Returns an exporter with this log level that has scanned an archive.
async fn scanned_with(level: &str) -> (EmbeddedArchive, Exporter) {
    let archive = EmbeddedArchive::small(1000).await;
    let configuration = every_second([archive.settings(ARCHIVE)]).to_string();
    let launch = Launch::new(configuration).argument("--log.format=json");
    let exporter = launch
        .argument(format!("--log.level={level}"))
        .start()
        .await;
    let is_up = |samples: &Samples| samples.value("barman_cloud_up", &[]) == Some(1.0);
    exporter.wait_for("a good scan", SOON, is_up).await;
    (archive, exporter)
}

#[tokio::test]
async fn an_operator_filters_by_the_name_of_a_part() {
    let (_archive, exporter) = scanned_with("off,scan=debug").await;

    let entries = exporter.log_entries();

    assert!(
        entries
            .iter()
            .any(|entry| entry["message"] == "Scan finished"),
        "{entries:#?}"
    );
    for entry in &entries {
        let target = entry["target"].as_str().unwrap();
        assert!(target.starts_with("scan"), "{entry}");
    }
}

#[tokio::test]
async fn every_message_has_a_known_target() {
    let (_archive, exporter) =
        scanned_with("off,app=trace,certificates=trace,config=trace,scan_result=trace").await;

    let entries = exporter.log_entries();

    assert!(
        entries.iter().any(|entry| entry["message"] == "Started"),
        "{entries:#?}"
    );
    for entry in &entries {
        let target = entry["target"].as_str().unwrap();
        assert!(TARGETS.contains(&target), "{entry}");
    }
}
