//! Contents that an exporter has read, as `check` reports them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use embedded_s3::{Options, Store};
use serde_json::{Value, json};
use test_support::{
    CONTENTS_BACKUP, CONTENTS_SEGMENT, EmbeddedArchive, Ended, Exporter, SMALL_BUCKET,
    every_second, put_contents, run_exporter,
};

use crate::result::parsed;

/// Bucket and prefix of the archive.
const DESTINATION: &str = "backups/contents";

/// Time within which everything is read.
const SOON: Duration = Duration::from_mins(1);

#[expect(
    clippy::disallowed_methods,
    reason = "the program goes by the system's clock, too"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Archive with one backup of the fixtures, after a change.
async fn archive(backup: &str, change: impl FnOnce(&Store)) -> EmbeddedArchive {
    let store = Store::default();
    let at = now() - TimeDelta::hours(1);
    put_contents(&store, SMALL_BUCKET, "contents/s", backup, at);
    change(&store);
    EmbeddedArchive::start(store, DESTINATION, Options::default()).await
}

/// Lets an exporter read all contents, then checks with what it has saved.
async fn verified(archive: &EmbeddedArchive, arguments: &[&str]) -> Ended {
    let state = archive.directory().join("state");
    // Enough for two reads of everything at once.
    let mut configuration = every_second([archive.settings("production")]);
    configuration["verification"] =
        json!({ "level": "full", "dailyBytes": "10000TB", "stateDirectory": state });
    let exporter = Exporter::start(configuration.to_string()).await;
    let read =
        |kind: &str, evidence: &str| [("kind", kind.to_owned()), ("evidence", evidence.to_owned())];
    exporter
        .wait_for("all to be read", SOON, |samples| {
            let objects = |kind, evidence| {
                let labels = read(kind, evidence);
                let labels = labels
                    .each_ref()
                    .map(|(label, value)| (*label, value.as_str()));
                samples.value("barman_cloud_verification_objects", &labels)
            };
            ["wal", "base"]
                .into_iter()
                .all(|kind| objects(kind, "whole") == Some(1.0))
        })
        .await;
    exporter.stop();

    archive.write("config.yaml", &configuration.to_string());
    let file = archive.directory().join("config.yaml");
    let file = file
        .to_str()
        .expect("temporary directories have plain names");
    let arguments = [&["check", "--config.file", file], arguments].concat();
    let arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
    let run = move || {
        run_exporter(
            &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
            &[],
        )
    };
    let run = tokio::task::spawn_blocking(run);
    run.await.expect("the program can be run")
}

/// Only server in the JSON of a check.
async fn server(archive: &EmbeddedArchive) -> Value {
    let ended = verified(archive, &["--output", "json"]).await;
    parsed(&ended)["archives"][0]["servers"][0].clone()
}

fn codes(server: &Value) -> Vec<String> {
    let word = |finding: &Value, field: &str| finding[field].as_str().expect("a word").to_owned();
    let findings = server["findings"].as_array().expect("a list").iter();
    findings
        .map(|finding| format!("{} {}", word(finding, "severity"), word(finding, "code")))
        .collect()
}

#[tokio::test]
async fn a_verified_backup_is_told_with_what_is_not_proven() {
    let archive = archive("good", |_| {}).await;

    let server = server(&archive).await;

    assert_eq!(codes(&server), [""; 0]);
    let contents = &server["contents"];
    assert_eq!(contents["level"], "full");
    assert_eq!(contents["base"]["whole"], 1);
    assert_eq!(contents["proof"]["segment"], CONTENTS_SEGMENT);
    let recovery = &server["recovery"];
    assert_eq!(
        recovery["window_last_commit_at"],
        contents["proof"]["committed_at"]
    );
    assert!(recovery["window_last_commit_at"].is_string(), "{recovery}");
    let backup = &server["backups"][0];
    assert_eq!(backup["id"], CONTENTS_BACKUP);
    assert_eq!(backup["verdict"], "recoverable");
    assert_eq!(backup["contents"]["verdict"], "sound");
    assert_eq!(backup["contents"]["depth"], "whole");
    assert_eq!(backup["contents"]["pages"]["corrupt"], 0);
    let unproven = backup["contents"]["unproven"].as_array().expect("a list");
    assert!(
        unproven.contains(&json!("files_without_checksums")),
        "{unproven:?}"
    );
}

#[tokio::test]
async fn the_text_says_when_a_backup_was_verified() {
    let archive = archive("good", |_| {}).await;

    let ended = verified(&archive, &[]).await;

    for line in [
        "Contents         level full since ",
        &format!("Verified backup  {CONTENTS_BACKUP}, data verified "),
        &format!("Recovery proof   up to segment {CONTENTS_SEGMENT}, archived "),
        "; not proven: files without checksums",
        " UTC (last commit 2026-11-28 ",
    ] {
        assert!(ended.output.contains(line), "{line}: {}", ended.output);
    }
}

#[tokio::test]
async fn a_corrupt_backup_is_critical_and_broken() {
    let archive = archive("flip-still", |_| {}).await;

    let server = server(&archive).await;

    assert_eq!(
        codes(&server),
        ["critical not_restorable", "critical corrupt_backup"]
    );
    let finding = &server["findings"][1];
    assert_eq!(finding["backup"], CONTENTS_BACKUP);
    assert_eq!(finding["faults"], json!(["pages"]));
    assert_eq!(server["backups"][0]["obstacle"]["kind"], "corrupt_data");
    assert_eq!(server["backups"][0]["contents"]["verdict"], "corrupt");
}

#[tokio::test]
async fn a_corrupt_segment_is_critical_and_says_where_replay_ends() {
    let archive = archive("good", |store| {
        // Zeros instead of a whole segment.
        let directory = "contents/s/wals/0000000100000000";
        let key = format!("{directory}/{CONTENTS_SEGMENT}");
        store.remove(SMALL_BUCKET, &format!("{key}.xz"));
        store.put_bytes(SMALL_BUCKET, key, vec![0; 1 << 20], now());
    })
    .await;

    let server = server(&archive).await;

    assert_eq!(
        codes(&server),
        ["critical not_restorable", "critical corrupt_wal"]
    );
    let finding = &server["findings"][1];
    assert_eq!(finding["segment"], CONTENTS_SEGMENT);
    assert_eq!(finding["ends_at"], "0/2400000");
    assert_eq!(server["findings"][0]["ends_at"], "0/2400000");
    assert_eq!(server["contents"]["proof"], Value::Null);
}
