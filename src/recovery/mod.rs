//! Restorable? To when? And what would retention delete?
//!
//! The rules are `PostgreSQL`'s and Barman's; see the manual's chapter 26.3 "Continuous Archiving and
//! Point-in-Time Recovery".

mod coverage;
mod lineage;
mod need;
mod path;
#[cfg(test)]
mod properties;
pub mod retention;
mod stray;
mod verdict;
mod wal;

pub use coverage::{Coverage, Span};
pub use lineage::Lineages;
pub use need::{Need, NeededWal};
pub use path::{BackupSpan, NoPath, Path, Replay, Step};
pub use stray::{TimelinesSeen, stray_timelines};
pub use verdict::{Archived, BackupVerdict, Candidate, Obstacle, ServerVerdict, Verdict};
pub use wal::ArchivedWal;
