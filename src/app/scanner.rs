//! From the configuration of an archive to what scans it.

use std::sync::Arc;

use archive_store::{AdaptiveLimit, LimitedStore, Operation, RequestObserver, RequestOutcome};
use archive_store_s3::{CredentialSource, S3Settings, S3Store};
use barman_archive::postgres::TimelineId;
use chrono::TimeDelta;

use super::archive::PublishedArchive;
use crate::assess::{Expectations, RetentionPolicies};
use crate::config::{
    ArchiveConfig, Config, Credentials as CredentialsConfig, EndpointUrl, ServerConfig,
};
use crate::report::ScheduleExpectation;
use crate::clock::Clock;
use crate::scan::{ArchiveScan, ScanLimits, Scanner};

/// Objects of a full page of a listing (Amazon S3 API Reference, "`ListObjectsV2`").
const FULL_PAGE: usize = 1000;

/// What scans an archive on S3.
pub(super) type ArchiveScanner = Scanner<LimitedStore<S3Store>>;

/// Who hears of an archive's requests.
struct Observers {
    published: Arc<PublishedArchive>,
    limit: Arc<AdaptiveLimit>,
}

impl RequestObserver for Observers {
    fn request_sent(&self, operation: Operation, outcome: RequestOutcome) {
        self.published.request_sent(operation, outcome);
        self.limit.request_sent(operation, outcome);
    }
}

/// One archive: what it publishes, and what scans it.
pub(super) fn scanner(
    archive: &ArchiveConfig,
    config: &Config,
    clock: &Clock,
) -> (Arc<PublishedArchive>, Arc<ArchiveScanner>) {
    let published = Arc::new(PublishedArchive::new(archive));
    let prefix = match archive.destination.prefix.as_str() {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let concurrency = usize::try_from(config.scan.concurrency).unwrap_or(usize::MAX);
    let limit = Arc::new(AdaptiveLimit::new(archive.name.clone(), concurrency));
    let observers = Observers { published: published.clone(), limit: limit.clone() };
    let store = S3Store::new(s3_settings(archive, config), Arc::new(observers));
    let store = LimitedStore { store, limit };
    let scanner = Scanner {
        archive: archive.name.clone(),
        store: Arc::new(store),
        prefix,
        expected: expectations(archive, config),
        limits: ScanLimits {
            timeout: config.scan.timeout,
            jitter: config.scan.jitter,
            concurrency,
            page: FULL_PAGE,
            full_scan_requests: config.scan.full_scan_requests,
            audit_period: config.scan.audit_period,
        },
        observer: published.clone(),
        clock: clock.clone(),
        scan: ArchiveScan::default().into(),
    };
    (published, Arc::new(scanner))
}

fn expectations(archive: &ArchiveConfig, config: &Config) -> Expectations {
    let servers = archive.servers.as_ref();
    Expectations {
        servers: servers
            .map(|servers| servers.iter().map(|server| server.server_name.clone()).collect()),
        ignored: archive.ignore_servers.clone(),
        retention: RetentionPolicies {
            default_minimum: archive.minimum_redundancy,
            minimum_by_server: servers
                .into_iter()
                .flatten()
                .filter_map(|server| Some((server.server_name.clone(), server.minimum_redundancy?)))
                .collect(),
            default: archive.retention_policy,
            by_server: servers
                .into_iter()
                .flatten()
                .filter_map(|server| Some((server.server_name.clone(), server.retention_policy?)))
                .collect(),
        },
        schedules: servers.into_iter().flatten().filter_map(schedule).collect(),
        living_timelines: servers
            .into_iter()
            .flatten()
            .filter_map(|server| {
                Some((server.server_name.clone(), TimelineId(server.current_timeline?)))
            })
            .collect(),
        gap_grace_period: TimeDelta::from_std(config.backups.gap_grace_period)
            .unwrap_or(TimeDelta::MAX),
        max_running_time: TimeDelta::from_std(config.backups.max_running_time)
            .unwrap_or(TimeDelta::MAX),
    }
}

/// When the server's backups should be taken, with its name.
fn schedule(server: &ServerConfig) -> Option<(String, ScheduleExpectation)> {
    let config = server.backup_schedule.as_ref()?;
    let expectation = ScheduleExpectation {
        schedule: Arc::new(config.schedule.clone()),
        zone: config.time_zone,
        grace_period: config
            .grace_period
            .map(|grace| TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX)),
    };
    Some((server.server_name.clone(), expectation))
}

fn s3_settings(archive: &ArchiveConfig, config: &Config) -> S3Settings {
    let credentials = match archive.credentials.clone() {
        CredentialsConfig::Chain => CredentialSource::Chain { profile: None },
        CredentialsConfig::Profile(name) => CredentialSource::Chain { profile: Some(name) },
        CredentialsConfig::Files { access_key_id, secret_access_key, session_token } => {
            CredentialSource::Files { access_key_id, secret_access_key, session_token }
        }
    };
    S3Settings {
        bucket: archive.destination.bucket.clone(),
        endpoint_url: archive.endpoint_url.as_ref().map(EndpointUrl::as_str).map(str::to_owned),
        region: archive.region.clone(),
        path_style: archive.path_style,
        ca_file: archive.endpoint_ca_file.clone(),
        credentials,
        request_timeout: config.scan.request_timeout,
        max_attempts: config.scan.max_attempts,
    }
}
