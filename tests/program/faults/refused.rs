//! Store that lists everything, but refuses to return the content of files.

use std::collections::BTreeSet;

use embedded_s3::{Action, Fault, Operation, When};
use serde_json::{Value, json};
use test_support::{EmbeddedArchive, Exporter, Sample, Samples, every_second, recorded_archive};

use crate::faults::{ARCHIVE, SOON};

/// Server of the recording that has backups, three timelines and a kept backup.
const SERVER: &str = "kilobase-postgres-backup";

/// Answer of the store if a permission on the encryption key is missing.
const REFUSAL: &str = "User is not authorized to perform: kms:Decrypt";

/// Families that are 0 for a server without any readable file: all of them are counted in the
/// listing, or are counts of the refused files themselves.
const KNOWN_TO_BE_ZERO: [&str; 13] = [
    "barman_cloud_backups_unreadable{reason=framing}",
    "barman_cloud_backups_unreadable{reason=missing_field}",
    "barman_cloud_backups_unreadable{reason=syntax}",
    "barman_cloud_wal_anomalies{kind=duplicate}",
    "barman_cloud_wal_anomalies{kind=foreign}",
    "barman_cloud_wal_anomalies{kind=misplaced}",
    "barman_cloud_wal_anomalies{kind=overwritten}",
    "barman_cloud_wal_objects_bytes{kind=foreign}",
    "barman_cloud_wal_objects_bytes{kind=marker}",
    "barman_cloud_wal_objects_bytes{kind=misplaced}",
    "barman_cloud_wal_objects{kind=foreign}",
    "barman_cloud_wal_objects{kind=marker}",
    "barman_cloud_wal_objects{kind=misplaced}",
];

/// Families on how well the server can be restored, or on what can be deleted: nothing is known of
/// any of them.
const UNKNOWN: [&str; 23] = [
    "backup_age_seconds",
    "backup_last_failure_timestamp_seconds",
    "backup_last_success_timestamp_seconds",
    "backup_observed_interval_seconds",
    "backup_oldest_timestamp_seconds",
    "backups_kept",
    "backups_obsolete",
    "backups_recoverable",
    "backups_without_time_zone",
    "recoverable",
    "recoverable_by_default",
    "recovery_window_coverage_ratio",
    "recovery_window_end_timestamp_seconds",
    "recovery_window_shortfall_seconds",
    "recovery_window_start_timestamp_seconds",
    "restore_bytes",
    "retention_blocked",
    "retention_overdue_seconds",
    "server_system_identifiers",
    "timeline_history_missing",
    "wal_current_timeline",
    "wal_gaps",
    "wal_obsolete_segments",
];

/// Families on contents of which nothing is known while no WAL can be read.
const UNKNOWN_OF_REFUSED_WAL: [&str; 5] = [
    "backup_last_verified_timestamp_seconds",
    "recovery_last_commit_timestamp_seconds",
    "recovery_proven_until_timestamp_seconds",
    "verification_corrupt_objects",
    "verification_suspect_objects",
];

/// Recorded archive, with settings that make `check` judge everything.
async fn judged_archive() -> (EmbeddedArchive, Value) {
    let archive = recorded_archive().await;
    let mut settings = archive.settings(ARCHIVE);
    settings["retentionPolicy"] = json!("7d");
    let schedule = json!({
        "serverName": SERVER,
        "backupSchedule": "0 0 3 * * *",
        "backupGracePeriod": "5d",
    });
    settings["servers"] = json!([schedule]);
    (archive, settings)
}

fn refuse(archive: &EmbeddedArchive, files: &[&str]) {
    let refusal = || Action::error(403, "AccessDenied", REFUSAL);
    let reading = |file: &&str| When::operation(Operation::GetObject).containing(*file);
    archive.s3().faults().set(
        files
            .iter()
            .map(|file| Fault::new(reading(file), refusal())),
    );
}

async fn samples(settings: Value) -> Samples {
    let exporter = Exporter::start(every_second([settings]).to_string()).await;
    exporter.wait_for_fresh_scan(ARCHIVE, SOON).await
}

/// Result of `check` on the server, as of the recording's own time, and its exit code.
async fn checked(archive: &EmbeddedArchive, settings: Value) -> (Value, Option<i32>) {
    let arguments = ["--output", "json", "--at", "2026-11-15T12:00:00Z"];
    let ended = archive.run("check", vec![settings], &arguments).await;
    let document: Value = serde_json::from_str(&ended.output).unwrap();
    (document["archives"][0]["servers"][0].clone(), ended.code)
}

fn codes(server: &Value) -> Vec<&str> {
    let findings = server["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

/// Name and labels of a sample, without the labels that all samples have.
fn shown(sample: &Sample) -> String {
    let common = ["archive", "server"];
    let own = sample
        .labels
        .iter()
        .filter(|(label, _)| !common.contains(&label.as_str()));
    let own: Vec<_> = own
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    format!("{}{{{}}}", sample.name, own.join(","))
}

#[tokio::test]
async fn what_no_file_told_is_neither_zero_nor_well() {
    let (archive, settings) = judged_archive().await;
    refuse(&archive, &[""]);

    let samples = samples(settings).await;

    let of_server = |sample: &&Sample| sample.has(&[("server", SERVER)]);
    let at_zero = samples
        .iter()
        .filter(of_server)
        .filter(|sample| sample.value == 0.0);
    let at_zero: BTreeSet<String> = at_zero.map(shown).collect();
    assert_eq!(at_zero, KNOWN_TO_BE_ZERO.map(str::to_owned).into());
    for family in UNKNOWN {
        let name = format!("barman_cloud_{family}");
        assert!(
            samples.all(&name, &[("server", SERVER)]).is_empty(),
            "{name} is not known"
        );
    }
    let refused = |kind| {
        let labels = [("server", SERVER), ("kind", kind)];
        samples.value("barman_cloud_files_refused", &labels)
    };
    assert_eq!(
        ["backup_info", "history", "keep"].map(refused),
        [Some(8.0), Some(2.0), Some(1.0)]
    );
}

#[tokio::test]
async fn refused_contents_are_neither_sound_nor_corrupt() {
    let (archive, mut settings) = judged_archive().await;
    settings["verification"] = json!({ "level": "edges" });
    refuse(&archive, &["/wals/"]);

    let exporter = Exporter::start(every_second([settings]).to_string()).await;

    let wal = [("server", SERVER), ("kind", "wal")];
    let samples = exporter
        .wait_for("WAL that cannot be judged", SOON, |samples| {
            samples.value("barman_cloud_verification_unreadable_objects", &wal) > Some(0.0)
        })
        .await;
    let read = |evidence| {
        let labels = [wal[0], wal[1], ("evidence", evidence)];
        samples.value("barman_cloud_verification_objects", &labels)
    };
    assert_eq!(["edges", "whole"].map(read), [Some(0.0), Some(0.0)]);
    for family in UNKNOWN_OF_REFUSED_WAL {
        let name = format!("barman_cloud_{family}");
        let values = samples.all(&name, &wal[..1]);
        let of_base = |sample: &&Sample| sample.has(&[("kind", "base")]);
        assert!(values.iter().all(of_base), "{name}: {values:?}");
    }
}

#[tokio::test]
async fn check_does_not_know_and_repeats_the_words_of_the_store() {
    let (archive, settings) = judged_archive().await;
    refuse(&archive, &[""]);

    let (server, code) = checked(&archive, settings).await;

    assert_eq!(code, Some(3));
    assert_eq!(server["status"], "unknown");
    let expected = [
        "backup_unreadable",
        "file_unreadable",
        "file_unreadable",
        "unfinished_uploads",
    ];
    assert_eq!(codes(&server), expected);
    let message = server["findings"][0]["message"].as_str().unwrap();
    assert!(
        message.contains(REFUSAL) && message.contains("AccessDenied"),
        "{message}"
    );
    assert!(
        server["findings"][0]["key"]
            .as_str()
            .unwrap()
            .ends_with("/backup.info")
    );
    for pointer in [
        "/recovery/gaps",
        "/recovery/histories_missing",
        "/recovery/current_timeline",
        "/recovery/obsolete_segments",
        "/recovery/window_start",
        "/retention/statuses",
        "/retention/blocked",
        "/retention/coverage_ratio",
        "/retention/deletion",
        "/schedule/overdue_seconds",
        "/schedule/observed_interval_seconds",
        "/wal/stray_timelines",
        "/backups/0/restorable",
    ] {
        assert_eq!(server.pointer(pointer), Some(&Value::Null), "{pointer}");
    }
    let reclaimable = server["reclaimable_bytes"].as_object().unwrap();
    assert!(
        !reclaimable.contains_key("failed_backup"),
        "{reclaimable:?}"
    );
    assert_eq!(server["files_refused"][0]["count"], 8);
}

#[tokio::test]
async fn a_newer_refused_backup_may_be_better_than_a_readable_one() {
    let (archive, settings) = judged_archive().await;
    // Without these, the newest readable backup is from before the recovery window.
    let read = ["20261101", "20261103"];
    let days = (4..=13)
        .map(|day| format!("base/202611{day:02}T"))
        .collect::<Vec<_>>();
    refuse(
        &archive,
        &days.iter().map(String::as_str).collect::<Vec<_>>(),
    );

    let (server, code) = checked(&archive, settings).await;

    assert_eq!(code, Some(3), "{:?}", codes(&server));
    for loss in [
        "no_backup",
        "backup_too_old",
        "backup_overdue",
        "replay_ends_early",
        "gap",
    ] {
        assert!(
            !codes(&server).contains(&loss),
            "{loss}: {:?}",
            codes(&server)
        );
    }
    let states = server["backups"].as_array().unwrap().iter();
    let readable = states.filter(|backup| backup["state"] != "unreadable");
    let readable: Vec<_> = readable
        .map(|backup| backup["id"].as_str().unwrap())
        .collect();
    assert!(
        readable
            .iter()
            .all(|id| read.iter().any(|day| id.starts_with(day))),
        "{readable:?}"
    );
}

#[tokio::test]
async fn an_older_refused_backup_leaves_the_newest_as_it_is() {
    let (archive, settings) = judged_archive().await;
    refuse(&archive, &["base/20261104T"]);

    let (server, code) = checked(&archive, settings.clone()).await;
    let samples = samples(settings).await;

    assert_eq!(code, Some(3));
    assert_eq!(codes(&server)[0], "backup_unreadable");
    let value = |name: &str| samples.value(name, &[("server", SERVER)]);
    assert_eq!(value("barman_cloud_recoverable"), Some(1.0));
    assert!(value("barman_cloud_backup_age_seconds").is_some());
    let state = |state| {
        samples.value(
            "barman_cloud_backups",
            &[("server", SERVER), ("state", state)],
        )
    };
    assert_eq!(state("done"), Some(5.0));
    assert_eq!(state("running"), None, "the refused one may be");
}

#[tokio::test]
async fn a_history_file_that_is_refused_is_not_missing() {
    let (archive, settings) = judged_archive().await;
    refuse(&archive, &["00000003.history"]);

    let (server, code) = checked(&archive, settings.clone()).await;
    let samples = samples(settings).await;

    assert_eq!(code, Some(3));
    for loss in [
        "history_missing",
        "replay_ends_early",
        "gap",
        "default_target_fails",
    ] {
        assert!(
            !codes(&server).contains(&loss),
            "{loss}: {:?}",
            codes(&server)
        );
    }
    assert_eq!(codes(&server)[0], "file_unreadable");
    for name in [
        "recoverable",
        "timeline_history_missing",
        "wal_gaps",
        "wal_obsolete_segments",
    ] {
        let name = format!("barman_cloud_{name}");
        assert!(
            samples.all(&name, &[("server", SERVER)]).is_empty(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_refused_keep_annotation_leaves_open_what_is_obsolete() {
    let (archive, settings) = judged_archive().await;
    refuse(&archive, &["annotations/keep"]);

    let (server, code) = checked(&archive, settings).await;

    assert_eq!(code, Some(3));
    assert_eq!(
        codes(&server),
        [
            "file_unreadable",
            "schedule_contradicted",
            "backup_incomplete",
            "unfinished_uploads"
        ]
    );
    for pointer in [
        "/retention/statuses",
        "/retention/deletion",
        "/retention/overdue_since",
    ] {
        assert_eq!(server.pointer(pointer), Some(&Value::Null), "{pointer}");
    }
}
