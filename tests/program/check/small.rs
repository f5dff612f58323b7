//! Reviewed output for a small archive.

use embedded_s3::Store;
use serde_json::{Value, json};
use test_support::{EmbeddedArchive, SMALL_BUCKET, backup_info, put_small_backup, small_key};

use crate::check::{check_with, settings, with_a_gap};
use crate::result::parsed;

/// Policy of the archive.
fn policy() -> Value {
    json!({ "retentionPolicy": "REDUNDANCY 1" })
}

#[tokio::test]
async fn a_healthy_archive_is_told_in_plain_words() {
    let archive = EmbeddedArchive::small(1000).await;

    let ended = check_with(&archive, &policy(), &[]).await;

    insta::assert_snapshot!(ended.output);
    assert_eq!(ended.errors, "", "the log has only what is odd");
}

#[tokio::test]
async fn a_gap_is_told_in_plain_words() {
    let archive = with_a_gap().await;

    insta::assert_snapshot!(check_with(&archive, &policy(), &[]).await.output);
}

/// Makes the newest backup a failed one and adds what is odd in other ways.
fn trouble(store: &Store) {
    let noon = "2026-01-01T12:00:00Z".parse().expect("a time");
    let statuses = [
        ("20260101T050000", "EMPTY"),
        ("20260101T060000", "WAITING_FOR_WALS"),
        ("20260101T070000", "STARTED"),
        ("20260101T080000", "DONE"),
        ("20260101T100000", "ODD"),
    ];
    for (id, status) in statuses {
        let info = small_key(&format!("base/{id}/backup.info"));
        store.put_bytes(SMALL_BUCKET, info, backup_info(1, status), noon);
    }
    let data = small_key("base/20260101T090000/data.tar.gz");
    store.put_zeros(SMALL_BUCKET, data, 10, noon);
    put_small_backup(store, 2, &backup_info(2, "FAILED"));
    let key = small_key("base/20260101T120000/backup.info");
    store.put_bytes(SMALL_BUCKET, key, "no backup.info", noon);
    let foreign = small_key("wals/notes.txt");
    store.put_zeros(SMALL_BUCKET, foreign, 10, noon);
}

#[tokio::test]
async fn what_is_odd_is_told_by_its_name() {
    let archive = EmbeddedArchive::small_but(trouble).await;
    let servers = json!({ "servers": [{ "serverName": "orders" }, { "serverName": "never" }] });

    insta::assert_snapshot!(check_with(&archive, &servers, &[]).await.output);
}

#[tokio::test]
async fn a_prefix_with_nothing_in_it_is_perhaps_the_wrong_one() {
    let archive = EmbeddedArchive::small(1000).await;
    let wrong = json!({
        "destinationPath": format!("s3://{SMALL_BUCKET}/prodution"),
        "servers": [{ "serverName": "orders" }],
    });

    let (text, found) = (
        check_with(&archive, &wrong, &[]).await,
        parsed(&check_with(&archive, &wrong, &["--output", "json"]).await),
    );

    let hint = "This server has never been backed up: it has no directory. No server directory exists \
                below the destination path: check `destinationPath`";
    assert_eq!(text.code, Some(2));
    assert!(text.output.contains(hint), "{}", text.output);
    assert_eq!(
        found["archives"][0]["servers"][0]["findings"][0]["message"],
        hint
    );
}

#[tokio::test]
async fn an_older_failure_is_told_with_its_reason() {
    let archive = EmbeddedArchive::small_but(|store| {
        let info = backup_info(1, "FAILED") + "error=Connection lost\x1b[2J\n";
        let key = small_key("base/20251231T070000/backup.info");
        store.put_bytes(
            SMALL_BUCKET,
            key,
            info,
            "2026-01-01T12:00:00Z".parse().expect("a time"),
        );
    })
    .await;

    let ended = check_with(&archive, &json!({}), &[]).await;

    let line = ended
        .output
        .lines()
        .find(|line| line.contains("Last failure"));
    assert!(
        line.is_some_and(|line| line.contains("Connection lost\u{fffd}[2J")),
        "{ended:?}"
    );
    assert_eq!(ended.code, Some(0), "a newer one is done");
}

#[tokio::test]
async fn an_orphan_is_a_warning_and_not_judged() {
    let archive = with_a_gap().await;
    let servers = json!({ "servers": [{ "serverName": "never" }] });

    let ended = check_with(&archive, &servers, &["--output", "json"]).await;

    let server = &parsed(&ended)["archives"][0]["servers"][1];
    assert_eq!(server["name"], "orders");
    assert_eq!(server["status"], "warning");
    assert_eq!(server["findings"][0]["code"], "orphaned_server");
}

#[tokio::test]
async fn a_server_that_is_left_out_is_not_even_read() {
    let archive = with_a_gap().await;
    let key = small_key("base/20260101T030000/backup.info");
    archive.store().put_bytes(
        SMALL_BUCKET,
        key,
        "no backup.info",
        chrono::DateTime::UNIX_EPOCH,
    );
    let ignoring = json!({ "ignoreServers": ["ord*"] });

    let ended = check_with(&archive, &ignoring, &["--output", "json"]).await;
    let report = archive
        .run(
            "report",
            vec![settings(&archive, &ignoring)],
            &["--output", "json"],
        )
        .await;

    let found = &parsed(&ended)["archives"][0];
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
    assert_eq!(
        (&found["servers"], &found["ignored_servers"]),
        (&json!([]), &json!(["orders"]))
    );
    let prefix = &parsed(&report)["archives"][0]["storage"]["prefixes"][0];
    assert_eq!(
        (&prefix["prefix"], &prefix["kind"]),
        (&json!("orders/"), &json!("other"))
    );
    assert!(prefix["bytes"].as_u64() > Some(100_000), "{prefix}");
}

#[tokio::test]
async fn the_json_has_every_verdict_with_its_evidence() {
    let archive = with_a_gap().await;

    let ended = check_with(&archive, &policy(), &["--output", "json"]).await;

    parsed(&ended);
    insta::assert_snapshot!(ended.output);
}
