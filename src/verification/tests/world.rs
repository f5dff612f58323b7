//! Archive in memory, with its scans and its verifier.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use archive_store::memory::MemoryStore;
use archive_store::{AdaptiveLimit, ObjectStore};
use chrono::{DateTime, TimeDelta, Utc};

use crate::assess::{ArchiveTargets, ContentsExpectation, Expectations};
use crate::clock::Clock;
use crate::evidence::{ArchiveEvidence, Level};
use crate::report::{Report, ServerReport};
use crate::scan::{ArchiveScan, ScanContext, ScanLimits};
use crate::verification::{
    Budget, Ledger, SharedContents, VerificationSettings, VerificationStatistics, Verifier,
};

/// Archive of the server `s`, its scans and its verifier.
pub(super) struct World<S> {
    pub(super) store: Arc<S>,
    pub(super) settings: VerificationSettings,
    pub(super) ledger: Arc<Ledger>,
    pub(super) statistics: Arc<VerificationStatistics>,
    pub(super) clock: Clock,
    shared: SharedContents,
    scan: ArchiveScan,
}

pub(super) fn start() -> DateTime<Utc> {
    "2026-11-29T12:00:00Z".parse().unwrap()
}

/// Folder of the contents that real servers and Barman wrote.
pub(super) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contents")
}

pub(super) fn settings(level: Level) -> VerificationSettings {
    VerificationSettings {
        level,
        levels: [].into(),
        daily_bytes: None,
        reverify_after: None,
        parallel: 2,
        hours: None,
    }
}

impl<S: ObjectStore + 'static> World<S> {
    pub(super) fn new(store: S, settings: VerificationSettings) -> Self {
        let ledger = Ledger::of_evidence(settings.budget(start()), ArchiveEvidence::default());
        Self::of_store(Arc::new(store), settings, ledger)
    }

    pub(super) fn with_budget(store: S, settings: VerificationSettings, budget: Budget) -> Self {
        let ledger = Ledger::of_evidence(budget, ArchiveEvidence::default());
        Self::of_store(Arc::new(store), settings, ledger)
    }

    pub(super) fn of_store(store: Arc<S>, settings: VerificationSettings, ledger: Ledger) -> Self {
        let shared = SharedContents::new(ledger);
        Self {
            store,
            settings,
            ledger: Arc::clone(&shared.ledger),
            shared,
            statistics: Arc::default(),
            clock: Arc::new(start),
            scan: ArchiveScan::default(),
        }
    }

    pub(super) fn advance(&mut self, by: TimeDelta) {
        let before = self.clock.clone();
        self.clock = Arc::new(move || before() + by);
    }

    pub(super) async fn scan(&mut self) -> Report {
        let clock = self.clock.clone();
        let expected = Expectations {
            contents: ContentsExpectation {
                level: self.settings.level,
                levels: self.settings.levels.clone(),
                most_bytes: self.settings.budget(start()).capacity(),
                ..ContentsExpectation::default()
            },
            ..Expectations::default()
        };
        let context = ScanContext {
            archive: "a",
            store: &self.store,
            prefix: "",
            limits: ScanLimits {
                timeout: Duration::from_mins(1),
                jitter: Duration::ZERO,
                concurrency: 4,
                page: 1000,
                full_scan_requests: 50,
                audit_period: Duration::from_hours(24),
            },
            expected: &expected,
            contents: Some(&self.shared),
            clock: &clock,
            started_at: clock(),
        };
        self.scan.run(&context).await.unwrap()
    }

    /// What the last scan found.
    pub(super) fn targets(&self) -> Arc<ArchiveTargets> {
        self.shared.targets().unwrap_or_default()
    }

    pub(super) fn verifier(&self) -> Verifier<S> {
        Verifier {
            archive: "a".to_owned(),
            store: Arc::clone(&self.store),
            limit: Arc::new(AdaptiveLimit::new("a".to_owned(), 4)),
            prefix: String::new(),
            settings: self.settings.clone(),
            ledger: Arc::clone(&self.ledger),
            targets: self.shared.subscribe(),
            statistics: Arc::clone(&self.statistics),
            clock: self.clock.clone(),
        }
    }

    /// Scans, reads all that is to be read, and scans again.
    pub(super) async fn verify(&mut self) -> ServerReport {
        self.scan().await;
        self.verifier().run_once().await;
        let mut report = self.scan().await;
        report.servers.remove("s").unwrap()
    }
}

/// Stores a file of the fixtures in the archive.
pub(super) fn put(store: &MemoryStore, key: &str, file: &str) {
    let content = std::fs::read(fixtures().join(file)).unwrap();
    store.put(key, &content, start() - TimeDelta::hours(1));
}
