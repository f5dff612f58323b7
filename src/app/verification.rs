//! Builds the verification of an archive from the configuration.

use std::sync::Arc;

use archive_store::AdaptiveLimit;
use chrono::{DateTime, Utc};
use tracing::warn;

use super::scanner::time_delta;
use super::store::ConfiguredStore;
use crate::assess::{AllowedHours, ArchiveTargets, ContentsExpectation};
use crate::clock::Clock;
use crate::config::{ArchiveConfig, Config};
use crate::evidence::{ArchiveEvidence, Level};
use crate::report::{ContentsBudget, VerificationStatus};
use crate::verification::{
    Budget, Ledger, ReadingHours, SavedState, SharedContents, StateFile, StateName,
    VerificationSettings, VerificationStatistics, Verifier,
};

/// Store as scans and verification share it.
pub(super) type SharedStore = archive_store::LimitedStore<ConfiguredStore>;

/// Verification of one archive: its evidence, and what the last scan found.
pub(super) struct ArchiveVerification {
    pub(super) settings: VerificationSettings,
    pub(super) shared: Arc<SharedContents>,
    pub(super) statistics: Arc<VerificationStatistics>,
}

/// Verification of one archive for a command, with what a person should know of it.
pub(super) struct VerificationOfCommand {
    pub(super) verification: ArchiveVerification,
    /// Sentences about evidence that is not known, or will not be remembered.
    pub(super) problems: Vec<String>,
}

impl ArchiveVerification {
    /// Creates the verification of an archive for the daemon; `None` if it is off.
    pub(super) fn of_daemon(
        archive: &ArchiveConfig,
        config: &Config,
        clock: &Clock,
    ) -> Option<Arc<Self>> {
        let settings = settings(archive, config);
        if !settings.is_on() {
            return None;
        }
        let now = clock();
        let budget = settings.budget(now);
        let ledger = match state_name(archive, config) {
            Some(name) => {
                let ledger = Ledger::of_file(budget, name);
                // The verifier says what is wrong, and waits if it is in use; the first scan should
                // already know what was saved.
                let _ = ledger.open(now);
                ledger
            }
            None => Ledger::of_evidence(budget, ArchiveEvidence::default()),
        };
        Some(Arc::new(Self::new(settings, ledger)))
    }

    /// Creates the verification of an archive for a command that reads no contents: with what a daemon
    /// has saved. `None` if it is off.
    pub(super) fn of_command(
        archive: &ArchiveConfig,
        config: &Config,
        clock: &Clock,
    ) -> Option<Arc<Self>> {
        let settings = settings(archive, config);
        let name = state_name(archive, config)?;
        if !settings.is_on() {
            return None;
        }
        let now = clock();
        let evidence = match StateFile::peek(&name) {
            Ok(saved) => saved.map(|saved| saved.evidence),
            Err(error) => {
                let error = error_causes::with_causes(&error);
                warn!(
                    target: "verification",
                    archive = archive.name, error, "What was verified is not known"
                );
                None
            }
        };
        let ledger = Ledger::of_evidence(settings.budget(now), evidence?);
        Some(Arc::new(Self::new(settings, ledger)))
    }

    /// Creates the verification of an archive for the command that reads contents: at a level of its own
    /// or at that of the configuration, with what a daemon has saved, and without a limit.
    pub(super) fn of_verify(
        archive: &ArchiveConfig,
        config: &Config,
        level: Option<Level>,
        is_dry: bool,
        clock: &Clock,
    ) -> VerificationOfCommand {
        let now = clock();
        let configured = settings(archive, config);
        let mut problems = Vec::new();
        let mut file = None;
        let mut saved = None;
        if let Some(name) = state_name(archive, config) {
            if !is_dry {
                match StateFile::open(&name) {
                    Ok(opened) => file = Some(opened),
                    Err(error) => problems.push(format!(
                        "What is read now will not be remembered: {}",
                        error_causes::with_causes(&error)
                    )),
                }
            }
            match StateFile::peek(&name) {
                Ok(found) => saved = found,
                Err(error) => {
                    // Not overwritten: it may hold more than this version of the program understands.
                    file = None;
                    problems.push(format!(
                        "What was read before is not known: {}",
                        error_causes::with_causes(&error)
                    ));
                }
            }
        }
        let saved = saved.unwrap_or_else(|| SavedState {
            budget: configured.budget(now),
            evidence: ArchiveEvidence::default(),
        });
        let ledger = Ledger::of_command(Budget::unlimited(now), saved, file);
        VerificationOfCommand {
            verification: Self::new(configured.of_command(level), ledger),
            problems,
        }
    }

    /// What the last scan found; `None` if none has succeeded.
    pub(super) fn targets(&self) -> Option<Arc<ArchiveTargets>> {
        self.shared.targets()
    }

    pub(super) fn new(settings: VerificationSettings, ledger: Ledger) -> Self {
        Self {
            settings,
            shared: Arc::new(SharedContents::new(ledger)),
            statistics: Arc::default(),
        }
    }

    /// Returns what scans have to know of the settings.
    pub(super) fn expectation(&self, now: DateTime<Utc>) -> ContentsExpectation {
        ContentsExpectation {
            level: self.settings.level,
            levels: self.settings.levels.clone(),
            most_bytes: self.settings.budget(now).capacity(),
            hours: self
                .settings
                .hours
                .clone()
                .map_or_else(AllowedHours::default, allowed_hours),
        }
    }

    /// Returns the progress.
    pub(super) fn status(&self, now: DateTime<Utc>) -> VerificationStatus {
        let counts = self.statistics.counts();
        let available = self
            .shared
            .ledger
            .budget(now)
            .map(|(available, _)| available);
        let budget = available.zip(self.settings.daily_bytes);
        VerificationStatus {
            bytes_read: counts.bytes,
            requests: counts.requests,
            budget: budget.map(|(available_bytes, daily_bytes)| ContentsBudget {
                available_bytes,
                daily_bytes,
            }),
        }
    }

    /// Creates the verifier that reads the contents.
    pub(super) fn verifier(
        &self,
        archive: &ArchiveConfig,
        store: &Arc<SharedStore>,
        clock: &Clock,
    ) -> Verifier<SharedStore> {
        Verifier {
            archive: archive.name.clone(),
            store: Arc::clone(store),
            limit: Arc::<AdaptiveLimit>::clone(&store.limit),
            prefix: archive.store.key_prefix(),
            settings: self.settings.clone(),
            ledger: Arc::clone(&self.shared.ledger),
            targets: self.shared.subscribe(),
            statistics: Arc::clone(&self.statistics),
            clock: clock.clone(),
        }
    }
}

/// Returns the times at which reads may start.
fn allowed_hours(hours: ReadingHours) -> AllowedHours {
    AllowedHours::of(move |from| {
        let local = from.with_timezone(&hours.zone);
        let next = hours.cron.find_next_occurrence(&local, true).ok()?;
        Some(next.with_timezone(&Utc))
    })
}

/// Returns the file in which evidence about an archive is saved; `None` if none is to be.
fn state_name(archive: &ArchiveConfig, config: &Config) -> Option<StateName> {
    Some(StateName {
        directory: config.verification.state_directory.clone()?,
        archive: archive.name.clone(),
        place: format!("{} {}", archive.store.endpoint_name(), archive.store),
    })
}

/// Returns the settings of an archive's verification.
pub(super) fn settings(archive: &ArchiveConfig, config: &Config) -> VerificationSettings {
    let common = &config.verification;
    let own = &archive.verification;
    let mut levels = std::collections::BTreeMap::new();
    for server in archive.servers.iter().flatten() {
        if let Some(level) = server.verification_level {
            levels.insert(server.server_name.clone(), level);
        }
    }
    let hours = common.schedule.as_ref().map(|schedule| ReadingHours {
        cron: schedule.cron().clone(),
        zone: config.scan.time_zone,
    });
    VerificationSettings {
        level: own.level.unwrap_or(common.level),
        levels,
        daily_bytes: own.daily_bytes.or(common.daily_bytes).map(|bytes| bytes.0),
        reverify_after: common.reverify_after.map(time_delta),
        parallel: usize::try_from(common.parallel).unwrap_or(usize::MAX),
        hours,
    }
}
