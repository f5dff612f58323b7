//! Twenty thousand objects in a real store, listed as a whole and then by what changed.
//!
//! What the exporter sums is compared with what another client lists.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use test_support::{Bucket, Exporter, ListedObject, Samples, Series, backup_info};

const ARCHIVE: &str = "many";
const BUCKET: &str = "many-objects";
const SERVER: &str = "orders";

/// Segments of a WAL directory, and WAL directories that are there at first.
const PER_WAL_DIR: u32 = 256;
const WAL_DIRS: u32 = 70;

/// Scan, one of which starts every few seconds.
const SCANS: Duration = Duration::from_mins(2);

/// Families whose series are all compared.
const COMPARED: [&str; 6] = [
    "barman_cloud_prefix_objects",
    "barman_cloud_prefix_bytes",
    "barman_cloud_wal_segments",
    "barman_cloud_wal_bytes",
    "barman_cloud_scan_objects",
    "barman_cloud_wal_last_archived_timestamp_seconds",
];

fn segment(number: u32) -> (String, Option<String>) {
    let (wal_dir, segment) = (number / PER_WAL_DIR, number % PER_WAL_DIR);
    let key =
        format!("p/{SERVER}/wals/00000001{wal_dir:08X}/00000001{wal_dir:08X}{segment:08X}.gz");
    // Sizes that differ, so that a sum over the wrong ones shows.
    (
        key,
        Some("x".repeat(usize::try_from(number % 97).expect("is small") + 1)),
    )
}

fn backup(server: &str, day: u32) -> [(String, Option<String>); 2] {
    let key = |file: &str| format!("p/{server}/base/202601{day:02}T030000/{file}");
    let info = backup_info(day, "DONE");
    [
        (key("backup.info"), Some(info)),
        (key("data.tar.gz"), Some("data".to_owned())),
    ]
}

/// Server with WAL, a server whose name has the same prefix, and a directory of other files.
fn fill(bucket: &Bucket) {
    let mut objects: Vec<_> = (0..WAL_DIRS * PER_WAL_DIR).map(segment).collect();
    objects.extend((1..9).flat_map(|day| backup(SERVER, day)));
    objects.extend(backup("orders-2", 1));
    let loose = (0..2500).map(|number| (format!("p/notes/{number}"), Some("note".to_owned())));
    objects.extend(loose);
    bucket.change(objects);
}

/// Changes an archive: WAL continues, a backup is made, another one is deleted together with the
/// WAL before it.
fn change(bucket: &Bucket) {
    let mut changes: Vec<_> = (WAL_DIRS * PER_WAL_DIR..WAL_DIRS * PER_WAL_DIR + 300)
        .map(segment)
        .collect();
    let gone = (0..5 * PER_WAL_DIR + 17).map(segment);
    changes.extend(gone.chain(backup(SERVER, 1)).map(|(key, _)| (key, None)));
    changes.extend(backup(SERVER, 9));
    changes.extend(backup("payments", 1));
    bucket.change(changes);
}

#[tokio::test]
async fn sums_equal_a_plain_listing_at_first_and_after_changes() {
    let bucket = Bucket::start(BUCKET);
    fill(&bucket);
    let exporter = Exporter::start(configuration(&bucket)).await;
    let whole = agreement(&exporter, &bucket, "filling").await;
    assert!(whole.value("barman_cloud_scan_objects", &[]) > Some(20_000.0));
    assert!(
        !exporter.log().contains("does not list keys as S3 does"),
        "{}",
        exporter.log()
    );

    let before = listings_per_scan(&exporter).await;
    change(&bucket);
    agreement(&exporter, &bucket, "changes").await;

    // Every scan but the first lists what can have changed.
    assert!(
        before < 15.0,
        "{before} listings per scan, of an archive of more than 20 pages"
    );
}

/// Number of pages that one scan lists, from now on.
async fn listings_per_scan(exporter: &Exporter) -> f64 {
    let counts = |samples: &Samples| {
        let requests = samples.sum(
            "barman_cloud_s3_requests_total",
            &[("operation", "ListObjectsV2"), ("outcome", "success")],
        );
        (
            requests,
            samples.sum("barman_cloud_scans_total", &[("outcome", "success")]),
        )
    };
    let before = counts(&exporter.scrape().await);
    let later = exporter.wait_for_fresh_scan(ARCHIVE, SCANS).await;
    let after = counts(&later);
    (after.0 - before.0) / (after.1 - before.1)
}

fn configuration(bucket: &Bucket) -> String {
    let (id, secret) = bucket.credentials();
    json!({
        "scan": { "schedule": "*/3 * * * * *", "fullScanRequests": 5 },
        "archives": [{
            "name": ARCHIVE,
            "destinationPath": format!("s3://{BUCKET}/p"),
            "endpointURL": bucket.endpoint(),
            "region": "us-east-1",
            "credentials": { "accessKeyIdFile": id, "secretAccessKeyFile": secret },
        }],
    })
    .to_string()
}

/// Compares a scan with the bucket.
async fn agreement(exporter: &Exporter, bucket: &Bucket, after: &str) -> Samples {
    let samples = exporter.wait_for_fresh_scan(ARCHIVE, SCANS).await;
    let listed = bucket.client().objects();

    let differences = expected(&listed).differences(&Series::of(&samples, &COMPARED));

    assert!(
        differences.is_empty(),
        "after {after}:\n{}",
        differences.join("\n")
    );
    samples
}

/// Series that the exporter should serve for these objects.
fn expected(objects: &[ListedObject]) -> Series {
    let mut series = Series::default();
    let archive = ("archive", ARCHIVE);
    let mut prefixes: BTreeMap<(String, &str), (f64, f64)> = BTreeMap::new();
    prefixes.insert((String::new(), "other"), (0.0, 0.0));
    let mut servers: BTreeMap<&str, (f64, f64, f64)> = BTreeMap::new();
    for object in objects {
        let below = object
            .key
            .strip_prefix("p/")
            .expect("all lie below the prefix");
        let (directory, rest) = below.split_once('/').expect("all lie in a directory");
        let (prefix, kind) = match rest.split_once('/') {
            Some(("base", _)) => (format!("{directory}/base/"), "base"),
            Some(("wals", _)) => (format!("{directory}/wals/"), "wals"),
            _ => (format!("{directory}/"), "other"),
        };
        #[expect(clippy::cast_precision_loss, reason = "sizes are small")]
        let size = object.size as f64;
        let sums = prefixes.entry((prefix, kind)).or_default();
        *sums = (sums.0 + 1.0, sums.1 + size);
        if kind == "base" {
            prefixes
                .entry((format!("{directory}/wals/"), "wals"))
                .or_default();
        }
        if kind == "wals" {
            let wal = servers.entry(directory).or_default();
            *wal = (wal.0 + 1.0, wal.1 + size, wal.2.max(object.last_modified));
        }
    }
    for ((prefix, kind), (count, bytes)) in &prefixes {
        let labels = [archive, ("prefix", prefix.as_str()), ("kind", *kind)];
        series.add("barman_cloud_prefix_objects", &labels, *count);
        series.add("barman_cloud_prefix_bytes", &labels, *bytes);
    }
    for (server, (segments, bytes, newest)) in servers {
        let labels = [archive, ("server", server)];
        let on_timeline = [archive, ("server", server), ("timeline", "1")];
        series.add("barman_cloud_wal_segments", &on_timeline, segments);
        series.add("barman_cloud_wal_bytes", &on_timeline, bytes);
        series.add(
            "barman_cloud_wal_last_archived_timestamp_seconds",
            &labels,
            newest,
        );
    }
    let all: f64 = prefixes.values().map(|(count, _)| count).sum();
    series.add("barman_cloud_scan_objects", &[archive], all);
    series
}
