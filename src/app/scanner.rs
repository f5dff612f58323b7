//! From the configuration of an archive to what scans it.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::config::{ArchiveConfig, Config, Credentials as CredentialsConfig, EndpointUrl};
use crate::report::{Expectations, RetentionPolicies};
use crate::scan::{Clock, Knowledge, ScanLimits, Scanner};
use crate::storage::{Credentials, S3Settings, S3Store};

use super::archive::PublishedArchive;

/// One archive: what it publishes, and what scans it.
pub(super) fn scanner(
    archive: &ArchiveConfig,
    config: &Config,
    clock: &Clock,
) -> (Arc<PublishedArchive>, Arc<Scanner<S3Store>>) {
    let published = Arc::new(PublishedArchive::new(archive));
    let prefix = match archive.destination.prefix.as_str() {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let servers = archive.servers.as_ref();
    let scanner = Scanner {
        archive: archive.name.clone(),
        store: Arc::new(S3Store::new(s3_settings(archive, config), published.clone())),
        prefix,
        expected: Expectations {
            servers: servers
                .map(|servers| servers.iter().map(|server| server.server_name.clone()).collect()),
            retention: RetentionPolicies {
                default: archive.retention_policy,
                by_server: servers
                    .into_iter()
                    .flatten()
                    .filter_map(|one| Some((one.server_name.clone(), one.retention_policy?)))
                    .collect(),
            },
            gap_grace_period: TimeDelta::from_std(config.backups.gap_grace_period)
                .unwrap_or(TimeDelta::MAX),
            max_running_time: TimeDelta::from_std(config.backups.max_running_time)
                .unwrap_or(TimeDelta::MAX),
        },
        limits: ScanLimits {
            timeout: config.scan.timeout,
            jitter: config.scan.jitter,
            concurrency: usize::try_from(config.scan.concurrency).unwrap_or(usize::MAX),
            full_scan_requests: config.scan.full_scan_requests,
            audit_period: config.scan.audit_period,
        },
        observer: published.clone(),
        clock: clock.clone(),
        knowledge: Knowledge::default().into(),
    };
    (published, Arc::new(scanner))
}

fn s3_settings(archive: &ArchiveConfig, config: &Config) -> S3Settings {
    let credentials = match archive.credentials.clone() {
        CredentialsConfig::Chain => Credentials::Chain { profile: None },
        CredentialsConfig::Profile(name) => Credentials::Chain { profile: Some(name) },
        CredentialsConfig::Files { access_key_id, secret_access_key, session_token } => {
            Credentials::Files { access_key_id, secret_access_key, session_token }
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
