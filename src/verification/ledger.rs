//! Evidence and budget of one archive, shared by its verifier and its scans.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Budget, SavedState, StateError, StateFile};
use crate::evidence::ArchiveEvidence;

/// Shortest time between two saves of evidence.
const SAVE_EVERY: TimeDelta = TimeDelta::seconds(60);

/// Share of the available bytes that is reserved at once, so that the file is not written for every
/// object.
const RESERVED_SHARE: u64 = 100;

/// Evidence and budget of one archive.
#[derive(Debug)]
pub struct Ledger {
    state: Mutex<LedgerState>,
    file: Option<StateFile>,
    /// Held while the file is written: a save goes on when nobody waits for it any more.
    saving: Mutex<()>,
}

#[derive(Debug)]
struct LedgerState {
    evidence: ArchiveEvidence,
    budget: Budget,
    /// Budget that is saved in place of this one: that of a daemon, which a command leaves as it is.
    kept_budget: Option<Budget>,
    /// Bytes that are taken out of the budget and not spent yet. They are lost if the program dies.
    reserved: u64,
    /// True if evidence was gathered since the last save.
    is_changed: bool,
    saved_at: Option<DateTime<Utc>>,
}

/// Answer to a request for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// The bytes may be read once the ledger is saved, if it has to be.
    Now {
        /// True if the ledger has to be saved before.
        after_save: bool,
    },
    /// There are not as many bytes now; `None` if there never are.
    After(Option<TimeDelta>),
}

impl Ledger {
    /// Creates a ledger with what was saved, if there is anything.
    ///
    /// # Errors
    /// Fails if the file exists and cannot be read.
    pub fn new(
        budget: Budget,
        file: Option<StateFile>,
        now: DateTime<Utc>,
    ) -> Result<Self, StateError> {
        let saved = match &file {
            Some(file) => file.load()?,
            None => None,
        };
        let (budget, evidence) = match saved {
            Some(saved) => (budget.resumed(saved.budget, now), saved.evidence),
            None => (budget, ArchiveEvidence::new(now)),
        };
        Ok(Self {
            file,
            ..Self::of_evidence(budget, evidence)
        })
    }

    /// Creates a ledger with this evidence, which is not saved.
    #[must_use]
    pub fn of_evidence(budget: Budget, evidence: ArchiveEvidence) -> Self {
        Self {
            state: Mutex::new(LedgerState {
                evidence,
                budget,
                kept_budget: None,
                reserved: 0,
                is_changed: false,
                saved_at: None,
            }),
            file: None,
            saving: Mutex::default(),
        }
    }

    /// Creates the ledger of a command: with a budget of its own, and with what a daemon has saved. If
    /// there is a file, the daemon's budget is saved as it was.
    #[must_use]
    pub fn of_command(budget: Budget, saved: SavedState, file: Option<StateFile>) -> Self {
        let mut ledger = Self::of_evidence(budget, saved.evidence);
        let state = ledger.state.get_mut();
        state.unwrap_or_else(PoisonError::into_inner).kept_budget = Some(saved.budget);
        ledger.file = file;
        ledger
    }

    /// Replaces the budget, and takes back what is reserved.
    pub fn set_budget(&self, budget: Budget) {
        let mut state = self.state();
        state.budget = budget;
        state.reserved = 0;
    }

    /// Shows the evidence.
    pub fn read<T>(&self, look: impl FnOnce(&ArchiveEvidence) -> T) -> T {
        look(&self.state().evidence)
    }

    /// Changes the evidence.
    pub fn update<T>(&self, change: impl FnOnce(&mut ArchiveEvidence) -> T) -> T {
        let mut state = self.state();
        state.is_changed = true;
        change(&mut state.evidence)
    }

    /// Removes evidence that is of no use any more. That alone is not worth a save.
    pub fn tidy(&self, remove: impl FnOnce(&mut ArchiveEvidence)) {
        remove(&mut self.state().evidence);
    }

    /// Asks for bytes to read.
    pub fn take(&self, bytes: u64, now: DateTime<Utc>) -> Granted {
        let mut state = self.state();
        if let Some(left) = state.reserved.checked_sub(bytes) {
            state.reserved = left;
            return Granted::Now { after_save: false };
        }
        let missing = bytes - state.reserved;
        let Some(available) = state.budget.available(now) else {
            return Granted::Now { after_save: false };
        };
        let reserve = missing.max(available / RESERVED_SHARE);
        if !state.budget.take(reserve, now) {
            let reserved = state.reserved;
            let wait = state.budget.wait_for(bytes.saturating_sub(reserved), now);
            return Granted::After(wait);
        }
        state.reserved = (state.reserved + reserve).saturating_sub(bytes);
        Granted::Now {
            after_save: self.file.is_some() && state.kept_budget.is_none(),
        }
    }

    /// Gives back bytes that were not read.
    pub fn give_back(&self, bytes: u64) {
        let mut state = self.state();
        state.reserved = state.reserved.saturating_add(bytes);
    }

    /// Bytes that can be read now, and the most that there ever can be; `None` without a limit.
    #[must_use]
    pub fn budget(&self, now: DateTime<Utc>) -> Option<(u64, u64)> {
        let mut state = self.state();
        let available = state.budget.available(now)?.saturating_add(state.reserved);
        Some((available, state.budget.capacity()?))
    }

    /// Saves the ledger, if there is a file.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn save(&self, now: DateTime<Utc>) -> Result<(), StateError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = {
            let mut state = self.state();
            state.is_changed = false;
            state.saved_at = Some(now);
            SavedState::new(
                state.kept_budget.unwrap_or(state.budget),
                state.evidence.clone(),
            )
        };
        file.save(&saved)
    }

    /// Returns whether evidence should be saved.
    #[must_use]
    pub fn is_save_due(&self, now: DateTime<Utc>) -> bool {
        let state = self.state();
        let is_due = state
            .saved_at
            .is_none_or(|at| now - at >= SAVE_EVERY || now < at);
        self.file.is_some() && state.is_changed && is_due
    }

    fn state(&self) -> MutexGuard<'_, LedgerState> {
        // A panic elsewhere leaves the state whole: it is changed by single assignments.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Saves a ledger on a thread that may block.
pub(super) async fn save(ledger: &Arc<Ledger>, now: DateTime<Utc>) -> Result<(), StateError> {
    let ledger = Arc::clone(ledger);
    match tokio::task::spawn_blocking(move || ledger.save(now)).await {
        Ok(saved) => saved,
        // It panicked; the next save tries again.
        Err(_) => Ok(()),
    }
}
