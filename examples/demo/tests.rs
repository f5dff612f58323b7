//! Findings of the exporter's own code in the demo's archive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use archive_store::{Operation, RequestObserver, RequestOutcome};
use archive_store_s3::{CredentialSource, S3Settings, S3Store};
use barman_archive::barman::KeepTarget;
use barman_archive::postgres::{TimelineHistory, TimelineId};
use barman_cloud_exporter::assess::Expectations;
use barman_cloud_exporter::clock::Clock;
use barman_cloud_exporter::report::{Report, ServerReport, WalAnomaly};
use barman_cloud_exporter::scan::{ArchiveScan, ScanContext, ScanLimits};
use chrono::{DateTime, TimeDelta, Utc};
use embedded_s3::{Options, Server, Store};
use flate2::read::GzDecoder;

use super::archive::{Archive, HEALTHY, ORPHAN, TROUBLED};
use super::directory::{BUCKET, PREFIX};
use super::life::Life;

#[tokio::test]
async fn the_healthy_server_is_found_as_it_was_made() {
    let (store, archive) = filled(noon());

    let report = scan(&store, noon()).await;

    let server = &report.servers[HEALTHY];
    assert_eq!(
        states(server),
        [("done", archive.healthy.done.len()), ("running", 1)].into()
    );
    assert_eq!(segments(server, 1), archive.healthy.segments_on(1) as u64);
    assert_eq!(segments(server, 2), archive.healthy.segments_on(2) as u64);
    assert_eq!(server.kept(KeepTarget::Standalone), Some(1));
    assert!(
        server.wal.anomalies.values().all(|count| *count == 0),
        "{:?}",
        server.wal
    );
    assert_eq!(server.system_identifiers().len(), 1);
}

#[tokio::test]
async fn the_troubled_server_is_found_as_it_was_made() {
    let (store, archive) = filled(noon());

    let report = scan(&store, noon()).await;

    let server = &report.servers[TROUBLED];
    let expected = [
        ("done", 3),
        ("failed", 1),
        ("incomplete", 1),
        ("unreadable", 1),
    ];
    assert_eq!(states(server), expected.into());
    assert_eq!(segments(server, 1), archive.troubled.segments_on(1) as u64);
    assert_eq!(server.wal.anomalies[&WalAnomaly::Foreign], 3);
    assert_eq!(report.uploads.unwrap()[TROUBLED].count, 2);
}

#[tokio::test]
async fn the_orphan_is_not_expected() {
    let (store, archive) = filled(noon());

    let report = scan(&store, noon()).await;

    let server = &report.servers[ORPHAN];
    let orphan = report
        .prefixes
        .iter()
        .find(|prefix| prefix.prefix.starts_with(ORPHAN));
    assert!(!server.is_expected);
    assert_eq!(states(server), [("done", 3)].into());
    assert_eq!(orphan.unwrap().sums.bytes, archive.orphan.directory.bytes());
}

/// At any time of the day: also while the nightly backups are taken.
#[tokio::test]
async fn the_archive_makes_sense_whenever_the_demo_is_started() {
    for time in [
        "00:00:00",
        "01:00:00",
        "01:07:59",
        "02:00:00.5",
        "02:12:01",
        "02:15:00",
        "23:59:59",
    ] {
        let now: DateTime<Utc> = format!("2026-03-14T{time}Z").parse().unwrap();
        let (store, archive) = filled(now);

        let report = scan(&store, now).await;

        let healthy = states(&report.servers[HEALTHY]);
        assert_eq!(
            healthy,
            [("done", archive.healthy.done.len()), ("running", 1)].into()
        );
        assert_eq!(states(&report.servers[TROUBLED])["incomplete"], 1, "{now}");
    }
}

#[tokio::test]
async fn life_leaves_an_archive_that_makes_sense() {
    let (store, archive) = filled(noon());
    let done = archive.healthy.done.len();
    let mut life = Life::begin(archive, noon());

    for second in 1..=380 {
        life.step(noon() + TimeDelta::seconds(second)).unwrap();
    }
    let report = scan(&store, noon() + TimeDelta::seconds(380)).await;

    // Begun before, and after 90, 180, 270 and 360 seconds; the last one has not ended.
    let server = &report.servers[HEALTHY];
    assert_eq!(states(server), [("done", done + 4), ("running", 1)].into());
    assert!(
        server.wal.anomalies.values().all(|count| *count == 0),
        "{:?}",
        server.wal
    );
    assert_eq!(report.uploads.unwrap()[HEALTHY].count, 1);
}

#[test]
fn backup_info_has_the_keys_that_barman_writes() {
    let real = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/real-archive/objects/barman/backup/kilobase-postgres-backup/",
        "base/20261106T030002/backup.info"
    ));
    let (store, archive) = filled(noon());

    let key = archive
        .healthy
        .done
        .values()
        .next()
        .unwrap()
        .key("backup.info");
    let ours = content(&store, &format!("{HEALTHY}/{key}"));

    assert_eq!(keys(&String::from_utf8(ours).unwrap()), keys(real));
}

#[test]
fn the_failover_is_told_by_a_history_file() {
    let (store, archive) = filled(noon());
    let partials = archive.healthy.directory.keys("wals/");

    let compressed = content(&store, &format!("{HEALTHY}/wals/00000002.history.gz"));
    let history = std::io::read_to_string(GzDecoder::new(compressed.as_slice())).unwrap();

    let history = TimelineHistory::parse(TimelineId(2), history.as_bytes()).unwrap();
    assert_eq!(history.ancestors().last().unwrap().timeline, TimelineId(1));
    assert_eq!(
        partials
            .iter()
            .filter(|key| key.ends_with(".partial.gz"))
            .count(),
        1
    );
}

struct Nobody;

impl RequestObserver for Nobody {
    fn request_sent(&self, _: Operation, _: RequestOutcome) {}
}

fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

fn filled(now: DateTime<Utc>) -> (Store, Archive) {
    let store = Store::default();
    let archive = Archive::fill(&store, now).unwrap();
    (store, archive)
}

/// Scans the archive as the exporter does, over HTTP.
fn limits() -> ScanLimits {
    ScanLimits {
        timeout: Duration::from_mins(1),
        jitter: Duration::ZERO,
        concurrency: 8,
        page: 1000,
        full_scan_requests: 50,
        audit_period: Duration::from_hours(24),
    }
}

async fn scan(store: &Store, now: DateTime<Utc>) -> Report {
    let server = Server::start(store.clone(), Options::default())
        .await
        .unwrap();
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), "any").unwrap();
    let settings = S3Settings {
        bucket: BUCKET.to_owned(),
        endpoint_url: Some(server.endpoint()),
        region: None,
        path_style: true,
        ca_file: None,
        credentials: CredentialSource::Files {
            access_key_id: keys.path().to_owned(),
            secret_access_key: keys.path().to_owned(),
            session_token: None,
        },
        request_timeout: Duration::from_secs(10),
        max_attempts: 1,
    };
    let servers = [HEALTHY, TROUBLED].map(str::to_owned).into();
    let clock: Clock = Arc::new(move || now);
    let context = ScanContext {
        archive: "demo",
        store: &Arc::new(S3Store::new(settings, Arc::new(Nobody))),
        prefix: &format!("{PREFIX}/"),
        limits: limits(),
        expected: &Expectations {
            servers: Some(servers),
            ..Expectations::default()
        },
        contents: None,
        clock: &clock,
        started_at: now,
    };
    ArchiveScan::default().run(&context).await.unwrap()
}

/// Returns the number of backups in each state.
fn states(server: &ServerReport) -> BTreeMap<&'static str, usize> {
    let mut states = BTreeMap::new();
    for backup in &server.backups {
        *states.entry(backup.state.as_label()).or_default() += 1;
    }
    states
}

fn segments(server: &ServerReport, timeline: u32) -> u64 {
    server.wal.timelines[&TimelineId(timeline)].segments
}

fn content(store: &Store, key: &str) -> Vec<u8> {
    match store
        .get(BUCKET, &format!("{PREFIX}/{key}"))
        .unwrap()
        .content
    {
        embedded_s3::Content::Bytes(bytes) => bytes.to_vec(),
        embedded_s3::Content::Zeros(_) => panic!("{key} has no real content"),
    }
}

fn keys(info: &str) -> Vec<&str> {
    info.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, _)| key)
        .collect()
}
