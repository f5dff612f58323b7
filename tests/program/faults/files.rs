//! Single files that cannot be read or make no sense.

use embedded_s3::{Action, Fault, Operation, When};
use serde_json::json;
use test_support::{
    EmbeddedArchive, SMALL_BUCKET, SMALL_SERVER, Samples, backup_info, put_small_backup, small_key,
};

use crate::faults::{ARCHIVE, SOON, Scene, count, value};

/// Returns the counts of backups by state; `None` for a state of which nothing is known.
fn known_states(samples: &Samples) -> [Option<f64>; 5] {
    let count = |state| {
        let labels = [("server", SMALL_SERVER), ("state", state)];
        value(samples, "backups", &labels)
    };
    ["done", "failed", "running", "incomplete", "unreadable"].map(count)
}

/// Returns the counts of backups by state if all are known.
fn states(samples: &Samples) -> [f64; 5] {
    known_states(samples).map(Option::unwrap_or_default)
}

fn unreadable(samples: &Samples, reason: &str) -> Option<f64> {
    value(samples, "backups_unreadable", &[("reason", reason)])
}

/// Lines of the log about a file.
fn lines_about(scene: &Scene, day: u32) -> Vec<serde_json::Value> {
    let key = small_key(&format!("base/202601{day:02}T030000/backup.info"));
    let entries = scene.exporter.log_entries();
    entries
        .into_iter()
        .filter(|entry| entry["key"] == *key)
        .collect()
}

fn reading(day: u32) -> When {
    When::operation(Operation::GetObject).containing(format!("202601{day:02}T030000/backup.info"))
}

#[tokio::test]
async fn a_file_that_may_not_be_read_concerns_its_backup_alone() {
    let archive = EmbeddedArchive::small(1000).await;
    archive
        .s3()
        .faults()
        .set([Fault::new(reading(1), Action::access_denied())]);
    let scene = Scene::start(archive, &json!({})).await;

    let refused = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

    assert_eq!(
        known_states(&refused),
        [Some(1.0), None, None, None, Some(1.0)]
    );
    assert_eq!(unreadable(&refused, "access"), Some(1.0));
    assert_eq!(count(&refused, "scans_total", "failure"), 0.0);
    let [line] = lines_about(&scene, 1)
        .try_into()
        .expect("one line for the same refusal");
    assert_eq!(
        (&line["level"], &line["reason"]),
        (&json!("WARN"), &json!("access"))
    );
    assert!(
        line["error"].as_str().unwrap().contains("`s3:GetObject`"),
        "{line}"
    );

    scene.archive.s3().faults().clear();
    let all_done = |samples: &_| states(samples) == [2.0, 0.0, 0.0, 0.0, 0.0];
    let allowed = scene
        .exporter
        .wait_for("both backups", SOON, all_done)
        .await;
    assert_eq!(unreadable(&allowed, "access"), Some(0.0));
}

#[tokio::test]
async fn a_file_that_the_store_always_refuses_does_not_fail_the_scan() {
    let archive = EmbeddedArchive::small(1000).await;
    let refusal = Action::error(400, "InvalidArgument", "Not this one.");
    archive.s3().faults().set([Fault::new(reading(1), refusal)]);
    let scene = Scene::start(archive, &json!({})).await;

    let refused = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

    assert_eq!(
        known_states(&refused),
        [Some(1.0), None, None, None, Some(1.0)]
    );
    assert_eq!(unreadable(&refused, "access"), Some(1.0));
    assert_eq!(count(&refused, "scans_total", "failure"), 0.0);
}

#[tokio::test]
async fn a_file_that_makes_no_sense_is_counted_with_its_reason() {
    let archive = EmbeddedArchive::small(1000).await;
    let done = |day| backup_info(day, "DONE");
    let framed = format!(
        "{:x}\r\n{}\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
        300,
        done(3)
    );
    let without_end = done(4).replace("end_time=", "ended=");
    let long = "#".repeat(2 << 20);
    let broken = [
        (3, framed),
        (4, without_end),
        (5, "no sign here".to_owned()),
        (6, long),
    ];
    for (day, content) in &broken {
        put_small_backup(archive.store(), *day, content);
    }
    put_small_backup(archive.store(), 7, &backup_info(7, "FAILED"));
    let scene = Scene::start(archive, &json!({})).await;

    let samples = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

    assert_eq!(states(&samples), [2.0, 1.0, 0.0, 0.0, 4.0]);
    let reasons = ["framing", "missing_field", "syntax", "access"];
    let counts = reasons.map(|reason| unreadable(&samples, reason));
    assert_eq!(counts, [Some(1.0), Some(1.0), Some(2.0), Some(0.0)]);
    for (day, _) in broken {
        assert_eq!(
            lines_about(&scene, day).len(),
            1,
            "day {day} is logged once"
        );
    }

    put_small_backup(scene.archive.store(), 5, &done(5));
    let is_done = |samples: &_| states(samples) == [3.0, 1.0, 0.0, 0.0, 3.0];
    scene
        .exporter
        .wait_for("the mended backup", SOON, is_done)
        .await;
}

#[tokio::test]
async fn a_backup_that_is_deleted_while_it_is_read_is_no_finding() {
    let archive = EmbeddedArchive::small(1000).await;
    let gone = Action::error(404, "NoSuchKey", "The specified key does not exist.");
    archive.s3().faults().set([Fault::new(reading(1), gone)]);
    let scene = Scene::start(archive, &json!({})).await;

    let samples = scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

    assert_eq!(states(&samples), [1.0, 0.0, 0.0, 0.0, 0.0]);
    assert!(lines_about(&scene, 1).is_empty());
    assert_eq!(value(&samples, "up", &[]), Some(1.0));
}

#[tokio::test]
async fn a_file_whose_reading_breaks_off_fails_the_scan() {
    let archive = EmbeddedArchive::small(1000).await;
    archive
        .s3()
        .faults()
        .set([Fault::new(reading(2), Action::TruncateBody(50))]);
    let scene = Scene::start(archive, &json!({})).await;

    let failed = |samples: &_| count(samples, "scan_errors_total", "network") >= 1.0;
    let samples = scene.exporter.wait_for("a failed scan", SOON, failed).await;
    assert_eq!(value(&samples, "up", &[]), Some(0.0));

    scene.archive.s3().faults().clear();
    assert_eq!(states(&scene.is_up().await), [2.0, 0.0, 0.0, 0.0, 0.0]);
}

#[tokio::test]
async fn a_backup_without_its_data_or_its_file_is_incomplete() {
    let archive = EmbeddedArchive::small(1000).await;
    archive
        .store()
        .remove(SMALL_BUCKET, &small_key("base/20260101T030000/data.tar.gz"));
    archive
        .store()
        .remove(SMALL_BUCKET, &small_key("base/20260102T030000/backup.info"));
    let scene = Scene::start(archive, &json!({})).await;

    let samples = scene.is_up().await;

    assert_eq!(states(&samples), [0.0, 0.0, 0.0, 2.0, 0.0]);
    assert!(
        samples
            .all("barman_cloud_backup_age_seconds", &[])
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_odd_is_logged_by_its_name_when_it_is_new() {
    let archive = EmbeddedArchive::small(1000).await;
    let put = |archive: &EmbeddedArchive, name: &str| {
        let at = "2026-01-02T05:00:00Z".parse().unwrap();
        archive
            .store()
            .put_zeros(SMALL_BUCKET, small_key(name), 10, at);
    };
    put(&archive, "wals/notes.txt");
    archive
        .store()
        .remove(SMALL_BUCKET, &small_key("base/20260101T030000/data.tar.gz"));
    let scene = Scene::start(archive, &json!({})).await;
    scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;
    put(&scene.archive, "wals/more.txt");
    let two =
        |samples: &Samples| value(samples, "wal_anomalies", &[("kind", "foreign")]) == Some(2.0);
    scene.exporter.wait_for("the second one", SOON, two).await;
    scene.exporter.wait_for_fresh_scan(ARCHIVE, SOON).await;

    let entries = scene.exporter.log_entries();
    let odd = entries
        .iter()
        .filter(|entry| entry["message"] == "The archive contains an anomaly");
    let named: Vec<_> = odd
        .map(|entry| (entry["kind"].clone(), entry["name"].clone()))
        .collect();
    let expected = [
        ("missing_data", "base/20260101T030000/data.tar".to_owned()),
        ("foreign", small_key("wals/notes.txt")),
        ("foreign", small_key("wals/more.txt")),
    ];
    let expected = expected.map(|(kind, name)| (json!(kind), json!(name)));
    assert_eq!(named.len(), expected.len(), "{named:?}");
    assert!(
        expected.iter().all(|oddity| named.contains(oddity)),
        "{named:?}"
    );
}
