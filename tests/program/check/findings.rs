//! Findings for each kind of problem.

use chrono::{DateTime, TimeDelta, Utc};
use embedded_s3::{Part, Store, Upload};
use serde_json::{Value, json};
use test_support::{EmbeddedArchive, SMALL_BUCKET, backup_info, put_small_backup, small_key};

use crate::check::{ARCHIVE, check};
use crate::result::parsed;

/// Findings about the small archive, each with its severity, at an hour of January 2026.
async fn findings(archive: &EmbeddedArchive, policy: Option<&str>, at: &str) -> Vec<String> {
    let settings = match policy {
        Some(policy) => with_policy(archive, policy),
        None => archive.settings(ARCHIVE),
    };
    let at = format!("2026-01-{at}:00:00Z");
    let ended = check(archive, vec![settings], &["--output", "json", "--at", &at]).await;
    let found = parsed(&ended);
    let findings = found["archives"][0]["servers"][0]["findings"].as_array();
    let word = |finding: &Value, field: &str| finding[field].as_str().expect("a word").to_owned();
    let findings = findings.expect("a list").iter();
    findings
        .map(|finding| format!("{} {}", word(finding, "severity"), word(finding, "code")))
        .collect()
}

fn with_policy(archive: &EmbeddedArchive, policy: &str) -> Value {
    let mut settings = archive.settings(ARCHIVE);
    settings["retentionPolicy"] = json!(policy);
    settings
}

fn noon() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().expect("a time")
}

fn remove_segments(store: &Store, segments: &[u32]) {
    for segment in segments {
        let key = format!("wals/0000000100000000/00000001000000000000000{segment}.gz");
        store.remove(SMALL_BUCKET, &small_key(&key));
    }
}

#[tokio::test]
async fn a_backup_may_wait_half_an_hour_for_its_wal() {
    let archive = EmbeddedArchive::small_but(|store| remove_segments(store, &[1, 2, 3])).await;

    assert_eq!(findings(&archive, None, "02T03").await, [""; 0]);
    assert_eq!(
        findings(&archive, None, "02T04").await,
        ["warning waiting_for_wal"]
    );
}

#[tokio::test]
async fn backups_without_their_own_wal_are_told_beside_the_gap() {
    let archive = EmbeddedArchive::small_but(|store| remove_segments(store, &[1])).await;

    let found = findings(&archive, None, "02T06").await;

    let expected = [
        "critical not_restorable",
        "critical gap",
        "warning not_restorable",
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn of_many_gaps_the_first_hundred_are_told_one_by_one() {
    let archive = EmbeddedArchive::small_but(|store| {
        for segment in (5..=255).step_by(2) {
            let key = format!("wals/0000000100000000/0000000100000000{segment:08X}.gz");
            store.put_zeros(SMALL_BUCKET, small_key(&key), 1000, noon());
        }
    })
    .await;

    let found = findings(&archive, None, "02T06").await;

    let gaps = found
        .iter()
        .filter(|finding| *finding == "critical gap")
        .count();
    assert_eq!(gaps, 101, "{found:?}");
}

#[tokio::test]
async fn retention_has_a_day_to_delete_what_is_obsolete() {
    let archive = EmbeddedArchive::small(1000).await;

    assert_eq!(
        findings(&archive, Some("REDUNDANCY 1"), "03T03").await,
        [""; 0]
    );
    assert_eq!(
        findings(&archive, Some("REDUNDANCY 1"), "03T04").await,
        ["warning retention_overdue"]
    );
}

#[tokio::test]
async fn an_unreadable_backup_blocks_retention() {
    let archive = EmbeddedArchive::small_but(|store| {
        let key = small_key("base/20260101T120000/backup.info");
        store.put_bytes(SMALL_BUCKET, key, "no backup.info", noon());
    })
    .await;

    assert_eq!(
        findings(&archive, None, "02T06").await,
        ["warning backup_unreadable"]
    );
    assert_eq!(
        findings(&archive, Some("7d"), "02T06").await,
        ["warning backup_unreadable", "warning retention_blocked"]
    );
}

#[tokio::test]
async fn barmans_tool_ends_with_an_error_at_incremental_backups() {
    let archive = EmbeddedArchive::small_but(|store| {
        let [full, incremental] = [1, 2].map(|day| backup_info(day, "DONE"));
        let children = "children_backup_ids=20260102T030000\n";
        put_small_backup(store, 1, &(full + children));
        put_small_backup(
            store,
            2,
            &(incremental + "parent_backup_id=20260101T030000\n"),
        );
    })
    .await;
    let settings = with_policy(&archive, "REDUNDANCY 1");

    let ended = check(
        &archive,
        vec![settings],
        &["--output", "json", "--at", "2026-01-02T06:00:00Z"],
    )
    .await;

    let server = &parsed(&ended)["archives"][0]["servers"][0];
    let message = "Barman's retention fails for `REDUNDANCY 1`: backup \
                   `20260101T030000` has incremental backups, which `barman-cloud-backup-delete` \
                   cannot handle: have the Barman server delete";
    assert_eq!(server["findings"][0]["code"], "retention_fails");
    assert_eq!(server["findings"][0]["message"], message);
    let statuses = json!({ "20260101T030000": "VALID", "20260102T030000": "VALID" });
    assert_eq!(server["retention"]["statuses"], statuses);
    assert_eq!(server["retention"]["obsolete"], json!([]));
    assert_eq!(server["retention"]["deletion"], Value::Null);
}

#[tokio::test]
async fn a_copys_history_file_breaks_restores_with_default_settings() {
    let archive = EmbeddedArchive::small_but(|store| {
        let key = small_key("wals/00000002.history");
        store.put_bytes(
            SMALL_BUCKET,
            key,
            "1\t0/1000050\tno recovery target specified\n",
            noon(),
        );
    })
    .await;

    let found = findings(&archive, None, "02T06").await;

    assert_eq!(
        found,
        ["warning default_target_fails", "warning stray_timeline"]
    );
}

#[tokio::test]
async fn wal_on_a_timeline_without_its_history_file_is_critical() {
    let newest = [
        "critical replay_ends_early",
        "critical newest_wal_unreached",
        "critical history_missing",
    ];
    let cases: [(_, &[_]); 2] = [
        // Older than the newest WAL of the timeline that the backups are on.
        (noon(), &["critical history_missing"]),
        (noon() + TimeDelta::hours(17), &newest),
    ];
    for (arrived_at, expected) in cases {
        let archive = EmbeddedArchive::small_but(|store| {
            let key = small_key("wals/0000000200000000/000000020000000000000004.gz");
            store.put_zeros(SMALL_BUCKET, key, 1000, arrived_at);
        })
        .await;

        assert_eq!(findings(&archive, None, "02T06").await, expected);
    }
}

#[tokio::test]
async fn an_upload_has_two_days_to_finish() {
    let archive = EmbeddedArchive::small_but(|store| {
        let key = small_key("base/20260101T120000/data.tar");
        let upload = Upload {
            key,
            upload_id: "one".to_owned(),
            initiated: noon(),
            parts: vec![Part {
                number: 1,
                size: 1000,
                last_modified: noon(),
                etag: "one".to_owned(),
            }],
        };
        store.begin_upload(SMALL_BUCKET, upload);
    })
    .await;

    assert_eq!(findings(&archive, None, "03T11").await, [""; 0]);
    let found = findings(&archive, None, "03T13").await;
    assert_eq!(found, ["warning unfinished_uploads"]);
}
