//! Restorable? To when?
//!
//! The rules are `PostgreSQL`'s and Barman's; see the manual's chapter 26.3 "Continuous Archiving and
//! Point-in-Time Recovery".

mod lineage;
mod path;
mod stray;
mod wal;

pub use lineage::Lineages;
pub use path::{BackupSpan, NoPath, Path, Replay, Step};
pub use stray::{TimelinesSeen, stray_timelines};
pub use wal::ArchivedWal;
