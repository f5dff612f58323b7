//! Whole page of metrics, so that a review shows every metric that changes.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use archive_store::{ErrorKind, Operation, RequestObserver, RequestOutcome};
use archive_store_s3::{CredentialSource, S3Settings, S3Store};
use barman_archive::postgres::SegmentName;
use barman_cloud_exporter::assess::{Expectations, RetentionPolicies};
use barman_cloud_exporter::clock::Clock;
use barman_cloud_exporter::evidence::{Level, PageCounts};
use barman_cloud_exporter::metrics::{
    ArchiveView, BuildInfo, Page, ProcessUsage, Statistics, reference,
};
use barman_cloud_exporter::report::{
    ArchiveStatus, ContentsBudget, ContentsReport, ObjectCounts, RecoveryProof, ScanOutcome,
    ScheduleExpectation, VerificationStatus, VerifiedBackup,
};
use barman_cloud_exporter::scan::{ArchiveScan, ScanContext, ScanLimits};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use embedded_s3::recorded::{self, Recorded};
use embedded_s3::{Options, Server, Store};
use openssl::x509::X509;
use rcgen::{CertificateParams, CertifiedIssuer, DnType, KeyPair, date_time_ymd};
use test_support::{add_running_backup, add_waiting_backup};
use tls_certificates::x509::{
    CertificateSource, CertificateStatus, Chain, LastChain, Verification, WarnBefore,
};

/// Server of the recording that is expected.
const SERVER: &str = "kilobase-postgres-backup";

const PREFIX: &str = "barman/backup/";

/// Nobody counts requests here: how many there are does not belong on a golden page.
struct Unobserved;

impl RequestObserver for Unobserved {
    fn request_sent(&self, _: Operation, _: RequestOutcome) {}
}

/// Recorded archive, with a running backup and one that waits for its WAL.
fn archive() -> (Store, Recorded) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/real-archive");
    let (store, recorded) = recorded::load(&directory).expect("the fixture can be read");
    add_running_backup(&store, recorded.now);
    add_waiting_backup(&store, recorded.now);
    (store, recorded)
}

fn schedule(text: &str) -> ScheduleExpectation {
    ScheduleExpectation {
        schedule: Arc::new(text.parse().expect("a schedule")),
        zone: Tz::UTC,
        grace_period: None,
    }
}

fn expectations() -> Expectations {
    let expected = [SERVER, "orders"].map(str::to_owned);
    Expectations {
        servers: Some(expected.into()),
        retention: RetentionPolicies {
            default: Some("7d".parse().expect("a policy")),
            ..RetentionPolicies::default()
        },
        schedules: [
            (SERVER.to_owned(), schedule("0 0 3 * * *")),
            ("orders".to_owned(), schedule("0 2 * * *")),
        ]
        .into(),
        ..Expectations::default()
    }
}

fn limits() -> ScanLimits {
    ScanLimits {
        timeout: Duration::from_mins(1),
        jitter: Duration::ZERO,
        concurrency: 4,
        page: 1000,
        full_scan_requests: 50,
        audit_period: Duration::from_hours(24),
    }
}

async fn status(now: DateTime<Utc>, bucket: &str, store: Store) -> ArchiveStatus {
    let server = Server::start(store, Options::default())
        .await
        .expect("a free port");
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let settings = S3Settings {
        bucket: bucket.to_owned(),
        endpoint_url: Some(server.endpoint()),
        region: None,
        path_style: true,
        ca_file: None,
        credentials: credentials(directory.path()),
        request_timeout: Duration::from_secs(10),
        max_attempts: 1,
    };
    let clock: Clock = Arc::new(move || now);
    let context = ScanContext {
        archive: "kilobase",
        store: &Arc::new(S3Store::new(settings, Arc::new(Unobserved))),
        prefix: PREFIX,
        limits: limits(),
        expected: &expectations(),
        contents: None,
        clock: &clock,
        started_at: now,
    };
    let mut report = ArchiveScan::default()
        .run(&context)
        .await
        .expect("nothing fails");
    let server = report.servers.get_mut(SERVER);
    server.expect("it is recorded").contents = Some(contents(now));
    ArchiveStatus {
        name: "kilobase".into(),
        destination: format!("s3://{bucket}/barman/backup"),
        endpoint: "http://store.example".into(),
        report: Some(Arc::new(report)),
        last_success_at: Some(now),
        last_attempt_at: Some(now),
        last_outcome: Some(ScanOutcome::Success),
        last_failure: None,
        next_scan_at: Some(now + TimeDelta::minutes(5)),
        verification: Some(VerificationStatus {
            bytes_read: 5_000_000_000,
            requests: 700,
            budget: Some(ContentsBudget {
                available_bytes: 1_000_000_000,
                daily_bytes: 20_000_000_000,
            }),
        }),
    }
}

/// Contents as they could be known: the recording has none.
fn contents(now: DateTime<Utc>) -> ContentsReport {
    ContentsReport {
        level: Level::Full,
        since: now - TimeDelta::days(9),
        wal: ObjectCounts {
            unread: 3,
            edges: 2,
            whole: 21,
            corrupt: 1,
            suspect: 0,
            unreadable: 2,
        },
        base: ObjectCounts {
            unread: 4,
            whole: 8,
            suspect: 1,
            ..ObjectCounts::default()
        },
        backlog_bytes: 30_000_000,
        last_read_at: Some(now - TimeDelta::hours(2)),
        waits_since: Some(now - TimeDelta::hours(2)),
        due_at: Some(now + TimeDelta::hours(22)),
        oldest_read_at: Some(now - TimeDelta::days(8)),
        verified: Some(VerifiedBackup {
            id: "20261114T000000".to_owned(),
            began_at: Some(now - TimeDelta::days(1)),
            read_at: now - TimeDelta::hours(20),
            pages: Some(PageCounts {
                read: 4000,
                zero: 12,
                healed: 3,
                ignored: 1,
                suspect: 0,
                corrupt: 0,
            }),
            unproven: BTreeSet::new(),
        }),
        proof: Some(RecoveryProof {
            segment: SegmentName::parse("000000030000000000000017").expect("a segment"),
            arrived_at: Some(now - TimeDelta::minutes(30)),
            next_arrived_at: Some(now - TimeDelta::minutes(25)),
            committed_at: Some(now - TimeDelta::minutes(32)),
        }),
        newest_commit_at: Some(now - TimeDelta::minutes(12)),
        ..ContentsReport::default()
    }
}

/// Credentials that are never checked, in a file of the directory.
fn credentials(directory: &Path) -> CredentialSource {
    let file = directory.join("credential");
    std::fs::write(&file, "any").expect("a temporary directory can be written");
    CredentialSource::Files {
        access_key_id: file.clone(),
        secret_access_key: file,
        session_token: None,
    }
}

fn statistics() -> Arc<Statistics> {
    let statistics = Statistics::default();
    statistics.scan_ended(ScanOutcome::Success, Duration::from_millis(250));
    statistics.scan_ended(ScanOutcome::Failure, Duration::from_secs(2));
    statistics.scan_failed(ErrorKind::Throttled);
    statistics.request_sent(Operation::ListObjectsV2, RequestOutcome::Throttled);
    Arc::new(statistics)
}

/// Certificate chain whose intermediate certificate expires first, and which verifies.
fn certificate(now: DateTime<Utc>) -> CertificateStatus {
    let key = || KeyPair::generate().expect("keys can be made");
    let params = |name: &str, year| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(vec![0x0a, 0x1b].into());
        (params.not_before, params.not_after) =
            (date_time_ymd(2026, 11, 1), date_time_ymd(year, 1, 1));
        params
    };
    let signed = |params: CertificateParams| CertifiedIssuer::self_signed(params, key());
    let authority = signed(params("orders-ca", 2027)).expect("a certificate can be made");
    let leaf = params("orders-rw", 2028).signed_by(&key(), &authority);
    let leaf = leaf.expect("a certificate can be made");
    let read = |der: &[u8]| X509::from_der(der).expect("it is a certificate");
    let certificates = [read(leaf.der()), read(authority.der())];
    let chain = Chain::read(&certificates).expect("they are certificates");
    CertificateStatus {
        name: "orders-rw".into(),
        source: CertificateSource::PostgreSql,
        place: "orders-rw.databases.svc:5432".into(),
        warn_before: WarnBefore::AtMost(TimeDelta::days(7)),
        last: Some(LastChain {
            chain,
            read_at: now,
        }),
        verification: Verification::Verified,
        failure: None,
    }
}

async fn page() -> Page {
    let (store, recorded) = archive();
    let now = recorded.now;
    let status = status(now, &recorded.bucket, store).await;
    Page {
        now: now + TimeDelta::minutes(1),
        archives: vec![ArchiveView {
            status,
            statistics: statistics(),
        }],
        certificates: vec![certificate(now)],
        build: BuildInfo {
            version: "1.2.3",
            revision: "abc1234",
            rustc: "1.95.0",
        },
        process: Some(ProcessUsage {
            cpu_seconds: 0.25,
            open_fds: Some(20),
            max_fds: Some(1024),
            virtual_memory_bytes: 200_000_000,
            resident_memory_bytes: 20_000_000,
            started_at: Some(now - TimeDelta::hours(1)),
        }),
    }
}

#[tokio::test]
async fn the_page_is_as_reviewed() {
    let text = page()
        .await
        .openmetrics()
        .expect("every value can be written");

    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn everything_in_the_reference_is_on_the_page_and_nothing_else() {
    let text = page().await.classic().expect("every value can be written");

    let described = |line: &str| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        Some((name.to_owned(), kind.to_owned()))
    };
    let on_page: Vec<_> = text.lines().filter_map(described).collect();
    let metrics = reference().into_iter().flat_map(|section| section.metrics);
    let in_reference: Vec<_> = metrics
        .map(|metric| (metric.name, metric.kind.to_owned()))
        .collect();
    assert_eq!(on_page, in_reference);
}
