//! Samples of output, from the program itself.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{EmbeddedArchive, Ended, Exporter, every_second, recorded, recorded_archive};

use crate::documents::generated::{GeneratedPart, code_block};

/// Server of the recorded archive that is configured; the other one is an orphan.
const SERVER: &str = "kilobase-postgres-backup";

/// Metrics of the sample.
const METRICS: [&str; 9] = [
    "barman_cloud_up",
    "barman_cloud_server_info",
    "barman_cloud_backups",
    "barman_cloud_backup_last_size_bytes",
    "barman_cloud_recoverable",
    "barman_cloud_wal_gaps",
    "barman_cloud_wal_segments",
    "barman_cloud_prefix_bytes",
    "barman_cloud_incomplete_uploads_bytes",
];

/// Returns the recorded archive with one of its servers configured.
fn settings(archive: &EmbeddedArchive) -> Value {
    let mut settings = archive.settings("kilobase");
    settings["servers"] = json!([{ "serverName": SERVER, "retentionPolicy": "7d" }]);
    settings
}

/// Runs a command on the recorded archive as of the moment of the recording.
async fn run(command: &str, settings: Value, archive: &EmbeddedArchive) -> Ended {
    let recorded = recorded("meta.json");
    let now = recorded["now"]
        .as_str()
        .expect("the recording has a moment");
    archive.run(command, vec![settings], &["--at", now]).await
}

#[tokio::test]
async fn check_prints_what_the_documents_show() {
    let archive = recorded_archive().await;
    let all = settings(&archive);
    let mut one_server = all.clone();
    one_server["ignoreServers"] = json!(["supabase-*"]);

    let for_all = run("check", all, &archive).await;
    let for_one = run("check", one_server, &archive).await;

    let part = GeneratedPart {
        document: "docs/check.md",
        name: "check",
    };
    part.check(&code_block(&for_all.output));
    let part = GeneratedPart {
        document: "README.md",
        name: "check",
    };
    part.check(&code_block(&for_one.output));
    assert_eq!(for_one.code, Some(1), "README.md says so");
}

#[tokio::test]
async fn report_prints_what_the_document_shows() {
    let archive = recorded_archive().await;

    let ended = run("report", settings(&archive), &archive).await;

    let part = GeneratedPart {
        document: "docs/report.md",
        name: "report",
    };
    part.check(&code_block(&ended.output));
}

#[tokio::test]
async fn the_page_of_metrics_has_the_sample() {
    let archive = recorded_archive().await;
    let exporter = Exporter::start(every_second([settings(&archive)]).to_string()).await;
    exporter
        .wait_for_fresh_scan("kilobase", Duration::from_secs(30))
        .await;

    let (_, page) = exporter.get("/metrics").await;

    let is_shown = |line: &&str| {
        let name = line.split(['{', ' ']).next();
        name.is_some_and(|name| METRICS.contains(&name))
    };
    let shown: Vec<_> = page.lines().filter(is_shown).collect();
    let part = GeneratedPart {
        document: "docs/metrics.md",
        name: "sample",
    };
    part.check(&code_block(&(shown.join("\n") + "\n")));
}

#[test]
fn explain_schedule_prints_what_the_document_shows() {
    let printed = Command::new(env!("CARGO_BIN_EXE_barman-cloud-exporter"))
        .args([
            "explain-schedule",
            "0 2 * * *",
            "--at",
            "2026-11-24T20:00:00Z",
        ])
        .output()
        .expect("the program can be run");

    let part = GeneratedPart {
        document: "docs/schedules.md",
        name: "schedule",
    };
    part.check(&code_block(&String::from_utf8_lossy(&printed.stdout)));
}
