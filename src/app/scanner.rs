//! Builds the scanner of an archive from the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use archive_store::{AdaptiveLimit, LimitedStore, Operation, RequestObserver, RequestOutcome};
use barman_archive::postgres::TimelineId;
use chrono::TimeDelta;

use super::archive::PublishedArchive;
use super::store::ConfiguredStore;
use super::verification::ArchiveVerification;
use crate::assess::{Expectations, RetentionPolicies};
use crate::clock::Clock;
use crate::config::{ArchiveConfig, BackupScheduleConfig, Config, ServerConfig};
use crate::report::ScheduleExpectation;
use crate::scan::{ArchiveScan, ScanLimits, Scanner, VerifiedContents};

/// Scanner of an archive in any of the stores that can be configured.
pub(super) type ArchiveScanner = Scanner<LimitedStore<ConfiguredStore>>;

/// Observers of an archive's requests.
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

/// Returns the published state of an archive, and its scanner.
pub(super) fn scanner(
    archive: &ArchiveConfig,
    config: &Config,
    clock: &Clock,
    verification: Option<Arc<ArchiveVerification>>,
) -> (Arc<PublishedArchive>, Arc<ArchiveScanner>) {
    let published = Arc::new(PublishedArchive::new(archive, verification.clone(), clock));
    let concurrency = usize::try_from(config.scan.concurrency).unwrap_or(usize::MAX);
    let limit = Arc::new(AdaptiveLimit::new(archive.name.clone(), concurrency));
    let observers = Observers {
        published: published.clone(),
        limit: limit.clone(),
    };
    let store = ConfiguredStore::new(&archive.store, &config.scan, Arc::new(observers));
    let page = store.full_page();
    let store = LimitedStore { store, limit };
    let scanner = Scanner {
        archive: archive.name.clone(),
        store: Arc::new(store),
        prefix: archive.store.key_prefix(),
        expected: expectations(archive, config, verification.as_deref(), clock),
        limits: ScanLimits {
            timeout: config.scan.timeout,
            jitter: config.scan.jitter,
            concurrency,
            page,
            full_scan_requests: config.scan.full_scan_requests,
            audit_period: config.scan.audit_period,
        },
        observer: published.clone(),
        contents: verification.map(|verification| {
            let shared: Arc<dyn VerifiedContents> = verification.shared.clone();
            shared
        }),
        clock: clock.clone(),
        scan: ArchiveScan::default().into(),
    };
    (published, Arc::new(scanner))
}

/// Returns what the configuration says about an archive's servers.
fn expectations(
    archive: &ArchiveConfig,
    config: &Config,
    verification: Option<&ArchiveVerification>,
    clock: &Clock,
) -> Expectations {
    let backups = &config.backups;
    let mut expected = Expectations {
        servers: archive.servers.as_deref().map(names),
        ignored: archive.ignore_servers.clone(),
        retention: RetentionPolicies {
            default_minimum: archive.minimum_redundancy,
            default: archive.retention_policy,
            ..RetentionPolicies::default()
        },
        gap_grace_period: time_delta(backups.gap_grace_period),
        max_running_time: time_delta(backups.max_running_time),
        schedules: BTreeMap::new(),
        living_timelines: BTreeMap::new(),
        contents: verification
            .map(|verification| verification.expectation(clock()))
            .unwrap_or_default(),
    };
    for server in archive.servers.iter().flatten() {
        expect_server(&mut expected, server);
    }
    expected
}

fn names(servers: &[ServerConfig]) -> BTreeSet<String> {
    servers
        .iter()
        .map(|server| server.server_name.clone())
        .collect()
}

/// Adds the settings of one server.
fn expect_server(expected: &mut Expectations, server: &ServerConfig) {
    let name = &server.server_name;
    if let Some(minimum) = server.minimum_redundancy {
        expected
            .retention
            .minimum_by_server
            .insert(name.clone(), minimum);
    }
    if let Some(policy) = server.retention_policy {
        expected.retention.by_server.insert(name.clone(), policy);
    }
    if let Some(config) = &server.backup_schedule {
        expected.schedules.insert(name.clone(), schedule(config));
    }
    if let Some(timeline) = server.current_timeline {
        expected
            .living_timelines
            .insert(name.clone(), TimelineId(timeline));
    }
}

fn schedule(config: &BackupScheduleConfig) -> ScheduleExpectation {
    ScheduleExpectation {
        schedule: Arc::new(config.schedule.clone()),
        zone: config.time_zone,
        grace_period: config.grace_period.map(time_delta),
    }
}

pub(super) fn time_delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BackupsConfig;

    #[test]
    fn the_default_expectations_are_those_of_the_configuration() {
        let (expected, configured) = (Expectations::default(), BackupsConfig::default());

        assert_eq!(
            (expected.gap_grace_period, expected.max_running_time),
            (
                time_delta(configured.gap_grace_period),
                time_delta(configured.max_running_time)
            )
        );
    }
}
