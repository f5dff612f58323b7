//! Exit codes of `check`: the worst of its findings decides.

use serde_json::json;
use test_support::{EmbeddedArchive, SMALL_MORNING, backup_info, put_small_backup, run_exporter};

use crate::check::{check, check_with, with_a_gap};
use crate::result::parsed;

const JSON_AT_MORNING: [&str; 4] = ["--at", SMALL_MORNING, "--output", "json"];

/// Archive that refuses the exporter's credentials.
async fn closed() -> EmbeddedArchive {
    let archive = EmbeddedArchive::small(1000).await;
    archive.write_credentials("exporter-key-id", "wrong");
    archive
}

#[tokio::test]
async fn a_healthy_archive_ends_with_0() {
    let ended = check_with(&EmbeddedArchive::small(1000).await, &json!({}), &[]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn a_failed_backup_after_the_last_done_one_ends_with_1() {
    let archive =
        EmbeddedArchive::small_but(|store| put_small_backup(store, 2, &backup_info(2, "FAILED")))
            .await;

    let ended = check_with(&archive, &json!({}), &[]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
}

#[tokio::test]
async fn a_gap_ends_with_2() {
    let ended = check_with(&with_a_gap().await, &json!({}), &[]).await;

    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[tokio::test]
async fn a_newest_backup_from_before_the_recovery_window_ends_with_2() {
    let archive = EmbeddedArchive::small(1000).await;
    let mut settings = archive.settings("production");
    settings["retentionPolicy"] = json!("7d");
    let in_time = ["--at", "2026-01-09T03:00:00Z"];
    let too_late = ["--at", "2026-01-09T03:06:00Z"];

    assert_eq!(
        check(&archive, vec![settings.clone()], &in_time).await.code,
        Some(0)
    );
    assert_eq!(
        check(&archive, vec![settings], &too_late).await.code,
        Some(2)
    );
}

#[tokio::test]
async fn a_scan_that_fails_ends_with_3_and_says_why() {
    let ended = check_with(&closed().await, &json!({}), &["--output", "json"]).await;

    let archive = &parsed(&ended)["archives"][0];
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(archive["status"], "unknown");
    assert_eq!(archive["error"]["kind"], "auth");
    assert!(archive["servers"].as_array().expect("a list").is_empty());
    assert_eq!(ended.errors, "", "the result says it");
}

#[tokio::test]
async fn a_failure_is_said_once_and_in_words() {
    let archive = EmbeddedArchive::small(1000).await;
    let mut settings = archive.settings("production");
    settings["credentials"] = json!({ "profile": "nowhere" });

    let ended = check(&archive, vec![settings.clone()], &[]).await;
    let logged = check(&archive, vec![settings], &["--log.level", "warn"]).await;

    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.errors, "");
    assert_eq!(
        ended
            .output
            .matches("no credentials could be loaded")
            .count(),
        1,
        "{ended:?}"
    );
    assert!(logged.errors.contains("Scan failed"), "{logged:?}");
}

#[tokio::test]
async fn one_closed_archive_hides_nothing_of_another() {
    let (closed, well, broken) = (
        closed().await,
        EmbeddedArchive::small(1000).await,
        with_a_gap().await,
    );
    let beside = |other: &EmbeddedArchive| vec![closed.settings("closed"), other.settings("open")];

    let beside_well = check(&well, beside(&well), &JSON_AT_MORNING).await;
    let beside_broken = check(&broken, beside(&broken), &JSON_AT_MORNING).await;

    assert_eq!(beside_well.code, Some(3), "{beside_well:?}");
    assert_eq!(parsed(&beside_well)["archives"][1]["status"], "ok");
    assert_eq!(
        beside_broken.code,
        Some(2),
        "what is known to be critical wins"
    );
}

#[test]
fn a_wrong_configuration_ends_with_3_not_as_endangered_backups() {
    let ended = run_exporter(&["check", "--config.file", "/nowhere.yaml"], &[]);

    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.output, "");
}
