//! Whole program against a store that real PostgreSQL and real Barman tools have filled.
//!
//! What it exposes is compared with what `barman-cloud-backup-list` and a plain listing say, at
//! the start and after each thing that happens to an archive.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where it goes wrong"
)]

mod truth;

use std::collections::BTreeSet;
use std::time::Duration;

use test_support::{Exporter, Samples, Stack, StackSettings};

use crate::real_stack::truth::{ARCHIVE, Series, Truth};

/// Time for two scans, of which one begins every other second.
const TWO_SCANS: Duration = Duration::from_mins(1);

/// Families whose series are all compared.
const COMPARED: [&str; 14] = [
    "barman_cloud_backups",
    "barman_cloud_backup_last_success_timestamp_seconds",
    "barman_cloud_backup_last_size_bytes",
    "barman_cloud_backup_last_stored_bytes",
    "barman_cloud_backup_bytes",
    "barman_cloud_wal_segments",
    "barman_cloud_wal_bytes",
    "barman_cloud_wal_last_archived_timestamp_seconds",
    "barman_cloud_prefix_bytes",
    "barman_cloud_prefix_objects",
    "barman_cloud_scan_objects",
    "barman_cloud_storage_class_bytes",
    "barman_cloud_incomplete_uploads",
    "barman_cloud_incomplete_uploads_bytes",
];

#[tokio::test]
async fn the_exporter_says_what_barman_and_the_bucket_say() {
    let mut stack = Stack::start(StackSettings::default());
    stack.make_wal(2);
    stack.backup(&["--gzip"]);
    stack.backup(&["--snappy"]);
    let exporter = Exporter::start(configuration(&stack)).await;
    let statuses = assert_agreement(&exporter, &stack, "two backups").await;
    assert_eq!(statuses, ["DONE", "DONE"]);

    stack.make_wal(1);
    stack.backup(&["--gzip"]);
    let statuses = assert_agreement(&exporter, &stack, "one more backup").await;
    assert_eq!(statuses, ["DONE", "DONE", "DONE"]);

    stack.kill_backup();
    let statuses = assert_agreement(&exporter, &stack, "a killed backup").await;
    assert_eq!(statuses, ["DONE", "DONE", "DONE", "STARTED"]);

    stack.promote();
    let statuses = assert_agreement(&exporter, &stack, "a promotion").await;
    assert_eq!(statuses, ["DONE", "DONE", "DONE", "STARTED"]);

    stack.barman("backup-delete", &["--retention-policy=REDUNDANCY 1"]);
    let statuses = assert_agreement(&exporter, &stack, "a retention run").await;
    assert_eq!(statuses, ["DONE", "STARTED"]);

    let (status, _) = exporter.stop();
    assert!(status.success(), "the exporter ended with {status}");
}

fn configuration(stack: &Stack) -> String {
    let (id, secret) = stack.credentials();
    format!(
        r#"
scan: {{ schedule: "*/2 * * * * *" }}
archives:
  - name: {ARCHIVE}
    destinationPath: {destination}
    endpointURL: {endpoint}
    region: us-east-1
    credentials: {{ accessKeyIdFile: "{id}", secretAccessKeyFile: "{secret}" }}
"#,
        destination = stack.destination(),
        endpoint = stack.endpoint(),
        id = id.display(),
        secret = secret.display(),
    )
}

/// Compares the next scan with the archive, and returns the status of each backup, oldest first.
async fn assert_agreement(exporter: &Exporter, stack: &Stack, after: &str) -> Vec<String> {
    let samples = exporter.wait_for_fresh_scan(ARCHIVE, TWO_SCANS).await;
    let truth = Truth::of(stack);

    let differences = differences(&truth.series(), &compared(&samples));

    assert_eq!(
        samples.value("barman_cloud_up", &[("archive", ARCHIVE)]),
        Some(1.0)
    );
    assert!(
        differences.is_empty(),
        "after {after}:\n{}",
        differences.join("\n")
    );
    truth.statuses()
}

/// All series of the compared families.
fn compared(samples: &Samples) -> Series {
    let compared = samples
        .iter()
        .filter(|sample| COMPARED.contains(&sample.name.as_str()));
    compared
        .map(|sample| (sample.series(), sample.value))
        .collect()
}

/// Lines about series that are missing, superfluous or of another value.
fn differences(expected: &Series, found: &Series) -> Vec<String> {
    let every: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let unequal = every.into_iter().filter(|&series| {
        let pair = expected.get(series).zip(found.get(series));
        // Barman writes microseconds; one conversion more or less may cost the last of them.
        pair.is_none_or(|(expected, found)| (expected - found).abs() > 0.001)
    });
    let line = |series: &String| {
        let (expected, found) = (expected.get(series), found.get(series));
        format!("{series}: expected {expected:?}, found {found:?}")
    };
    unequal.map(line).collect()
}
