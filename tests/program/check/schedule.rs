//! Tests of `check` with backups that have a schedule.

use serde_json::{Value, json};
use test_support::{EmbeddedArchive, backup_info, put_small_backup};

use crate::check::{ARCHIVE, check, check_with};
use crate::result::parsed;

fn scheduled(schedule: &str) -> Value {
    json!({ "servers": [{ "serverName": "orders", "backupSchedule": schedule }] })
}

/// Findings at an hour of January 2026, and the exit code.
async fn findings(
    archive: &EmbeddedArchive,
    schedule: &str,
    at: &str,
) -> (Vec<Value>, Option<i32>) {
    let mut settings = archive.settings(ARCHIVE);
    settings["servers"] = scheduled(schedule)["servers"].take();
    let at = format!("2026-01-{at}:00:00Z");
    let ended = check(archive, vec![settings], &["--output", "json", "--at", &at]).await;
    let mut found = parsed(&ended);
    let findings = found["archives"][0]["servers"][0]["findings"].take();
    (findings.as_array().expect("a list").clone(), ended.code)
}

/// Severity and code of the only finding.
fn only(ended: (Vec<Value>, Option<i32>)) -> (Value, Value, Option<i32>) {
    let (findings, code) = ended;
    assert_eq!(findings.len(), 1, "{findings:?}");
    (
        findings[0]["severity"].clone(),
        findings[0]["code"].clone(),
        code,
    )
}

#[tokio::test]
async fn a_schedule_that_looks_wrong_is_reported_in_plain_words() {
    let archive = EmbeddedArchive::small(1000).await;

    insta::assert_snapshot!(
        check_with(&archive, &scheduled("0 3 * * *"), &[])
            .await
            .output
    );
}

#[tokio::test]
async fn a_schedule_is_in_the_json() {
    let archive = EmbeddedArchive::small(1000).await;

    let ended = check_with(&archive, &scheduled("0 0 3 * * *"), &["--output", "json"]).await;

    let expected = json!({
        "expression": "0 0 3 * * *",
        "time_zone": "UTC",
        "meaning": "every day at 03:00",
        "warning": null,
        "interval_seconds": 86400.0,
        "observed_interval_seconds": 86400.0,
        "due_at": "2026-01-02T03:00:00Z",
        "grace_seconds": 3600.0,
        "overdue_seconds": 0.0,
    });
    assert_eq!(
        parsed(&ended)["archives"][0]["servers"][0]["schedule"],
        expected
    );
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_late_backup_is_a_warning_and_a_second_one_critical() {
    let archive = EmbeddedArchive::small(1000).await;
    let daily = "0 0 3 * * *";

    assert_eq!(findings(&archive, daily, "03T04").await, (vec![], Some(0)));
    let late = only(findings(&archive, daily, "03T05").await);
    assert_eq!(late, ("warning".into(), "backup_overdue".into(), Some(1)));
    let second = only(findings(&archive, daily, "04T05").await);
    assert_eq!(
        second,
        ("critical".into(), "backup_overdue".into(), Some(2))
    );
}

/// A finished backup has no other findings, and does not show when the next one was due.
#[tokio::test]
async fn a_backup_from_the_future_does_not_hide_a_late_one() {
    let archive = EmbeddedArchive::small(1000).await;

    // The backups are of the first and the second of January.
    let late = only(findings(&archive, "0 0 3 * * *", "01T01").await);

    assert_eq!(late, ("warning".into(), "backup_overdue".into(), Some(1)));
}

#[tokio::test]
async fn backups_that_contradict_the_schedule_show_both_intervals() {
    let archive = EmbeddedArchive::small_but(|store| {
        for day in 3..=5 {
            put_small_backup(store, day, &backup_info(day, "DONE"));
        }
    })
    .await;

    let (found, code) = findings(&archive, "0 0 * * * *", "05T04").await;

    let message = "Backups are taken less often than the schedule `0 0 * * * *` specifies: the \
                   median interval is 1 day (of 4 intervals) instead of 1 hour (every hour)";
    assert_eq!(found[0]["message"], message);
    let contradicted = ("warning".into(), "schedule_contradicted".into(), Some(1));
    assert_eq!(only((found, code)), contradicted);
}
