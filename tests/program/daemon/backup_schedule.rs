//! Schedules of backups: what the daemon says of them.

use serde_json::json;
use test_support::{EmbeddedArchive, Exporter, Samples, every_second};

use crate::daemon::{ARCHIVE, SOON};

fn overdue(samples: &Samples) -> Option<f64> {
    samples.value("barman_cloud_backup_overdue_seconds", &[])
}

/// The small archive's backups are of January 2026, so a late one is late by months.
async fn scheduled(schedule: &str) -> (EmbeddedArchive, Exporter) {
    let archive = EmbeddedArchive::small(1000).await;
    let mut settings = archive.settings(ARCHIVE);
    settings["servers"] = json!([{ "serverName": "orders", "backupSchedule": schedule }]);
    let exporter = Exporter::start(every_second([settings]).to_string()).await;
    (archive, exporter)
}

#[tokio::test]
async fn what_is_late_gets_later_while_scans_fail() {
    let (mut archive, exporter) = scheduled("0 0 3 * * *").await;
    let late = exporter
        .wait_for("a late backup", SOON, |now| overdue(now).is_some())
        .await;

    archive.stop_s3().await;
    let is_down = |samples: &Samples| samples.value("barman_cloud_up", &[]) == Some(0.0);
    exporter.wait_for("a failed scan", SOON, is_down).await;
    let later = exporter
        .wait_for("more lateness", SOON, |now| overdue(now) > overdue(&late))
        .await;

    assert!(is_down(&later));
    assert!(overdue(&late) > Some(86_400.0));
    let value = |name: &str| later.value(&format!("barman_cloud_backup_{name}"), &[]);
    assert_eq!(value("schedule_interval_seconds"), Some(86_400.0));
    assert_eq!(value("observed_interval_seconds"), Some(86_400.0));
    assert_eq!(
        value("due_timestamp_seconds").map(|due| due % 86_400.0),
        Some(10_800.0)
    );
}

#[tokio::test]
async fn a_schedule_that_is_probably_not_meant_is_logged_once() {
    let (_archive, exporter) = scheduled("0 2 * * *").await;
    exporter
        .wait_for("a late backup", SOON, |now| overdue(now).is_some())
        .await;

    let log = exporter.log();

    let warning = "archives[0].servers[0].backupSchedule: `0 2 * * *` has five fields";
    assert_eq!(log.matches(warning).count(), 1, "{log}");
    assert!(log.contains("write `0 0 2 * * *`"), "{log}");
}
