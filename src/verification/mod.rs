//! Verification of contents: WAL and base backups are read, within a budget, to find what no listing
//! shows.
//!
//! [`Planner`] decides, without I/O, what is read next: a pure function of what a scan found and of the
//! [`crate::evidence`] so far. The verifier of an archive carries it out, one job of a server at a
//! time, and waits whenever the budget is spent, the store asks for fewer requests, or nothing is to
//! be done. Scans and scrapes never wait for it. What must never break: nothing is called corrupt
//! that was not read twice, more bytes than the budget has are never read, and no content reaches a
//! log or a page.

mod background;
mod backup_data;
mod backups;
mod budget;
mod directory;
mod edges;
mod found_in_backup;
mod job;
mod ledger;
mod page_proof;
mod plan;
mod progress;
mod renewal;
mod segments;
mod selected;
mod selection;
mod selector;
mod server_job;
mod settings;
mod shared;
mod state;
mod statistics;
mod stream;
#[cfg(test)]
mod tests;
mod verifier;
mod walk;

pub use budget::{Budget, CARRIED_OVER_DAYS};
pub use job::{Job, PlannedJob, Priority, WantedEdges};
pub use ledger::Ledger;
pub use plan::Planner;
pub use selected::{SelectedEnd, SelectedResult, SelectedRun};
pub use selection::{
    BackupChoice, InvalidWalChoice, SelectedContents, SelectedJob, Selection, WalChoice, follow_ups,
};
pub use settings::{ReadingHours, VerificationSettings};
pub use shared::SharedContents;
pub use state::{IgnoredState, SavedState, StateError, StateFile, StateName};
pub use statistics::{VerificationCounts, VerificationStatistics};
pub use verifier::Verifier;
