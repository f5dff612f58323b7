//! An archive, its scans and its verifier: all that the exporter does between a store and a page.

use std::sync::Arc;
use std::time::Duration;

use archive_store::{AdaptiveLimit, ObjectStore};
use barman_cloud_exporter::assess::{ContentsExpectation, Expectations};
use barman_cloud_exporter::clock::Clock;
use barman_cloud_exporter::evidence::{
    ArchiveEvidence, ContentVerdict, Depth, Level, ServerEvidence,
};
use barman_cloud_exporter::scan::{ArchiveScan, ScanContext, ScanLimits};
use barman_cloud_exporter::verification::{
    Budget, Ledger, SharedContents, VerificationSettings, VerificationStatistics, Verifier,
};
use chrono::{DateTime, Utc};
use rustix::time::{ClockId, clock_gettime};

/// Archive that is scanned and verified.
pub(crate) struct VerifiedArchive<S> {
    store: Arc<S>,
    /// Number of objects that are read at once.
    parallel: usize,
    shared: SharedContents,
    statistics: Arc<VerificationStatistics>,
    scan: ArchiveScan,
}

impl<S: ObjectStore + 'static> VerifiedArchive<S> {
    /// An archive of which nothing is known yet.
    pub(crate) fn new(store: Arc<S>, parallel: usize) -> Self {
        let ledger = Ledger::of_evidence(Budget::unlimited(now()), ArchiveEvidence::default());
        Self {
            store,
            parallel,
            shared: SharedContents::new(ledger),
            statistics: Arc::default(),
            scan: ArchiveScan::default(),
        }
    }

    /// Scans, and verifies everything up to a level; the time that processors took to verify.
    pub(crate) async fn verify(&mut self, level: Level) -> Duration {
        self.scan(level).await;
        let mut verifier = self.verifier(level);
        let began = processor_time();
        let is_done = verifier.run_once().await;
        assert!(is_done, "everything can be read");
        processor_time().saturating_sub(began)
    }

    /// Scans, so that the verifier knows what there is.
    pub(crate) async fn scan(&mut self, level: Level) {
        let clock: Clock = Arc::new(now);
        let expected = expectations(level);
        let context = ScanContext {
            archive: "benchmark",
            store: &self.store,
            prefix: "",
            limits: LIMITS,
            expected: &expected,
            contents: Some(&self.shared),
            clock: &clock,
            started_at: now(),
        };
        let scanned = self.scan.run(&context).await;
        scanned.expect("the store answers");
    }

    /// Creates the verifier.
    pub(crate) fn verifier(&self, level: Level) -> Verifier<S> {
        let settings = VerificationSettings {
            level,
            levels: [].into(),
            daily_bytes: None,
            reverify_after: None,
            parallel: self.parallel,
            hours: None,
        };
        Verifier {
            archive: "benchmark".to_owned(),
            store: Arc::clone(&self.store),
            limit: Arc::new(AdaptiveLimit::new("benchmark".to_owned(), 16)),
            prefix: String::new(),
            settings,
            ledger: Arc::clone(&self.shared.ledger),
            targets: self.shared.subscribe(),
            statistics: Arc::clone(&self.statistics),
            clock: Arc::new(now),
        }
    }

    /// Bytes that were read of contents.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.statistics.counts().bytes
    }

    /// Number of segments of a server that are known to be sound as a whole.
    pub(crate) fn sound_segments(&self, server: &str) -> usize {
        self.look(server, |evidence| {
            let dirs = evidence.wal.dirs();
            let files = dirs.flat_map(|(_, dir)| dir.files());
            let is_sound = files
                .filter(|file| file.depth == Depth::Whole && file.verdict == ContentVerdict::Sound);
            is_sound.count()
        })
    }

    /// Number of backups of a server that are known to be sound as a whole.
    pub(crate) fn sound_backups(&self, server: &str) -> usize {
        self.look(server, |evidence| {
            let is_sound = evidence.backups.values().filter(|backup| {
                backup.depth == Depth::Whole && backup.verdict == ContentVerdict::Sound
            });
            is_sound.count()
        })
    }

    fn look(&self, server: &str, count: impl FnOnce(&ServerEvidence) -> usize) -> usize {
        let of_server = |evidence: &ArchiveEvidence| evidence.server(server).map_or(0, count);
        self.shared.ledger.read(of_server)
    }
}

/// The defaults, but without jitter.
const LIMITS: ScanLimits = ScanLimits {
    timeout: Duration::from_mins(5),
    jitter: Duration::ZERO,
    concurrency: 16,
    page: 1000,
    full_scan_requests: 50,
    audit_period: Duration::from_hours(24),
};

fn expectations(level: Level) -> Expectations {
    Expectations {
        contents: ContentsExpectation {
            level,
            levels: [].into(),
            most_bytes: None,
            ..ContentsExpectation::default()
        },
        ..Expectations::default()
    }
}

/// Moment of every scan.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_953_600, 0).unwrap_or_default()
}

/// Time that processors have spent on this process.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("no process has spent less than nothing")
}
