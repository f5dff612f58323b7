//! What is printed about a small archive, as reviewed.

use embedded_s3::Store;
use serde_json::{Value, json};
use test_support::{EmbeddedArchive, SMALL_BUCKET, backup_info, put_small_backup, small_key};

use crate::{check_with, parsed, with_a_gap};

/// The policy of the archive.
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
async fn the_json_has_every_verdict_with_its_evidence() {
    let archive = with_a_gap().await;

    let ended = check_with(&archive, &policy(), &["--output", "json"]).await;

    parsed(&ended);
    insta::assert_snapshot!(ended.output);
}
