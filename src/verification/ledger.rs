//! Evidence and budget of one archive, shared by its verifier and its scans.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Budget, SavedState, StateError, StateFile, StateName};
use crate::evidence::ArchiveEvidence;

/// Shortest time between two saves of evidence.
const SAVE_EVERY: TimeDelta = TimeDelta::seconds(60);

/// Share of the bytes of a day that is reserved at once if there is a file, so that it is not written for
/// every object.
const RESERVED_SHARE: u64 = 200;

/// Shortest time between two reservations of less than that, when the budget is nearly empty.
const RESERVE_EVERY: TimeDelta = TimeDelta::seconds(10);

/// Evidence and budget of one archive.
#[derive(Debug)]
pub struct Ledger {
    evidence: Mutex<KnownEvidence>,
    money: Mutex<Money>,
    /// File that is to be opened.
    wanted: Option<StateName>,
    file: OnceLock<StateFile>,
    /// Held while the file is written: a save goes on when nobody waits for it any more.
    saving: Mutex<()>,
}

#[derive(Debug)]
struct KnownEvidence {
    /// Shared with those who look at it.
    evidence: Arc<ArchiveEvidence>,
    /// True if evidence was gathered since the last save.
    is_changed: bool,
    saved_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct Money {
    budget: Budget,
    /// Budget that is saved in place of this one: that of a daemon, which a command leaves as it is.
    kept: Option<Budget>,
    /// Bytes that are taken out of the budget and not spent yet. They are lost if the program dies.
    reserved: u64,
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
    /// Creates a ledger that is saved in a file, which is opened by [`open`](Self::open).
    #[must_use]
    pub fn of_file(budget: Budget, name: StateName) -> Self {
        Self {
            wanted: Some(name),
            ..Self::of_evidence(budget, ArchiveEvidence::default())
        }
    }

    /// Opens the file of the ledger, if it has one and it is not open, and takes over what was saved.
    ///
    /// # Errors
    /// Fails if another process uses the file, or if it cannot be read or written.
    pub fn open(&self, now: DateTime<Utc>) -> Result<(), StateError> {
        let Some(name) = self.wanted.as_ref().filter(|_| self.file.get().is_none()) else {
            return Ok(());
        };
        let file = StateFile::open(name)?;
        if let Some(saved) = file.load()? {
            let mut money = self.money();
            money.budget = money.budget.resumed(saved.budget, now);
            self.known().evidence = Arc::new(saved.evidence);
        }
        // Nobody else opens it.
        let _ = self.file.set(file);
        Ok(())
    }

    /// Creates a ledger with this evidence, which is not saved.
    #[must_use]
    pub fn of_evidence(budget: Budget, evidence: ArchiveEvidence) -> Self {
        Self {
            evidence: Mutex::new(KnownEvidence {
                evidence: Arc::new(evidence),
                is_changed: false,
                saved_at: None,
            }),
            money: Mutex::new(Money {
                budget,
                kept: None,
                reserved: 0,
            }),
            wanted: None,
            file: OnceLock::new(),
            saving: Mutex::default(),
        }
    }

    /// Creates the ledger of a command: with a budget of its own, and with what a daemon has saved. If
    /// there is a file, the daemon's budget is saved as it was.
    #[must_use]
    pub fn of_command(budget: Budget, saved: SavedState, file: Option<StateFile>) -> Self {
        let mut ledger = Self::of_evidence(budget, saved.evidence);
        let money = ledger.money.get_mut();
        money.unwrap_or_else(PoisonError::into_inner).kept = Some(saved.budget);
        if let Some(file) = file {
            ledger.file = OnceLock::from(file);
        }
        ledger
    }

    /// Replaces the budget, and takes back what is reserved.
    pub fn set_budget(&self, budget: Budget) {
        let mut money = self.money();
        money.budget = budget;
        money.reserved = 0;
    }

    /// Shows the evidence. Nobody waits for the look to end.
    pub fn read<T>(&self, look: impl FnOnce(&ArchiveEvidence) -> T) -> T {
        let evidence = self.shared();
        look(&evidence)
    }

    /// Changes the evidence.
    pub fn update<T>(&self, change: impl FnOnce(&mut ArchiveEvidence) -> T) -> T {
        let mut known = self.known();
        known.is_changed = true;
        change(Arc::make_mut(&mut known.evidence))
    }

    /// Changes the evidence as a scan asks for; it is saved if the change says that this is worth it.
    pub fn adapt(&self, change: impl FnOnce(&mut ArchiveEvidence) -> bool) {
        let mut known = self.known();
        known.is_changed |= change(Arc::make_mut(&mut known.evidence));
    }

    /// Asks for bytes to read.
    pub fn take(&self, bytes: u64, now: DateTime<Utc>) -> Granted {
        let mut money = self.money();
        if let Some(left) = money.reserved.checked_sub(bytes) {
            money.reserved = left;
            return Granted::Now { after_save: false };
        }
        let missing = bytes - money.reserved;
        let Some(available) = money.budget.available(now) else {
            return Granted::Now { after_save: false };
        };
        let is_saved = self.file.get().is_some() && money.kept.is_none();
        let share = if is_saved { money.share() } else { 0 };
        let reserve = missing.max(available.min(share));
        if reserve < share && self.was_just_saved(now) {
            return Granted::After(Some(RESERVE_EVERY));
        }
        if !money.budget.take(reserve, now) {
            let wait = money.budget.wait_for(reserve, now);
            return Granted::After(wait);
        }
        money.reserved = (money.reserved + reserve).saturating_sub(bytes);
        Granted::Now {
            after_save: is_saved,
        }
    }

    fn was_just_saved(&self, now: DateTime<Utc>) -> bool {
        let saved_at = self.known().saved_at;
        saved_at.is_some_and(|at| now >= at && now - at < RESERVE_EVERY)
    }

    /// Gives back bytes that were not read.
    pub fn give_back(&self, bytes: u64) {
        let mut money = self.money();
        money.reserved = money.reserved.saturating_add(bytes);
        // What is reserved is beside the bucket, which has a limit.
        let share = money.share();
        if let Some(excess) = money.reserved.checked_sub(share) {
            money.reserved = share;
            money.budget.give_back(excess);
        }
    }

    /// Puts back bytes whose reservation could not be saved, with all that is reserved: it was not saved
    /// either.
    pub fn cancel(&self, bytes: u64) {
        let mut money = self.money();
        let reserved = std::mem::take(&mut money.reserved);
        money.budget.give_back(reserved.saturating_add(bytes));
    }

    /// Bytes that can be read now, and the most that there ever can be; `None` without a limit.
    #[must_use]
    pub fn budget(&self, now: DateTime<Utc>) -> Option<(u64, u64)> {
        let mut money = self.money();
        let available = money.budget.available(now)?.saturating_add(money.reserved);
        Some((available, money.budget.capacity()?))
    }

    /// Saves the ledger, if there is a file.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn save(&self, now: DateTime<Utc>) -> Result<(), StateError> {
        let Some(file) = self.file.get() else {
            return Ok(());
        };
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = {
            let money = self.money();
            money.kept.unwrap_or(money.budget)
        };
        let evidence = {
            let mut known = self.known();
            known.is_changed = false;
            known.saved_at = Some(now);
            Arc::clone(&known.evidence)
        };
        file.save(budget, &evidence)
    }

    /// Returns whether evidence should be saved.
    #[must_use]
    pub fn is_save_due(&self, now: DateTime<Utc>) -> bool {
        let known = self.known();
        let is_due = known
            .saved_at
            .is_none_or(|at| now - at >= SAVE_EVERY || now < at);
        self.file.get().is_some() && known.is_changed && is_due
    }

    fn shared(&self) -> Arc<ArchiveEvidence> {
        Arc::clone(&self.known().evidence)
    }

    fn known(&self) -> MutexGuard<'_, KnownEvidence> {
        // A panic elsewhere leaves the state whole: it is changed by single assignments.
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn money(&self) -> MutexGuard<'_, Money> {
        self.money.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Money {
    /// Bytes that may be reserved at once.
    fn share(&self) -> u64 {
        self.budget.daily_bytes().unwrap_or(0) / RESERVED_SHARE
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
