//! Rules that decide whether backups can be restored, and to which moments.
//!
//! The rules are `PostgreSQL`'s and Barman's; see the manual's chapter 26.3 "Continuous Archiving
//! and Point-in-Time Recovery". A path is a timeline history as recovery reads it. A restore
//! replays one backup along a path. A [`Verdict`] follows from the restores of a backup to every
//! target that a person can name.
//!
//! `docs/specification.md`, 5 to 11, 13.1.

mod chain;
mod cold;
mod coverage;
mod follow;
mod gaps;
mod grace;
mod histories;
mod judged;
mod lines;
mod obstacle;
mod path;
mod required_wal;
mod restore;
mod served;
mod stages;
mod steps;
mod stray;
#[cfg(test)]
mod tests;
mod verdict;
mod wal;

pub use chain::{BackupChain, BrokenChain, ChainDefect, ChainLink, MAX_PARENTS};
pub use coverage::{Coverage, Span};
pub use follow::Followed;
pub use grace::{GraceRule, pending_segments};
pub use histories::{Histories, HistoryFile, Target, TargetError};
pub use obstacle::Obstacle;
pub use required_wal::{RequiredWal, RequiringBackup, WalRequirement};
pub use restore::{BackupSpan, Replay};
pub use served::{served_histories, served_wal};
pub use stray::{TimelinesSeen, stray_timelines};
pub use verdict::{Archived, BackupVerdict, Candidate, ServerVerdict, Verdict};
pub use wal::{ArchivedWal, CorruptSegment, SegmentSets};
