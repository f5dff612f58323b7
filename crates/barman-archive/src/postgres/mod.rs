//! Concepts of every `PostgreSQL` cluster: WAL positions, segments, timelines.
//!
//! Everything here is arithmetic and parsing without a view on archives. Sizes, numbers and texts
//! come from outside: no value overflows, no text makes a parser panic, and what is not a name of
//! `PostgreSQL`'s is not repaired.
//!
//! `docs/specification.md`, 2.

mod history;
mod lsn;
mod runs;
mod segment;
mod wal_dir;

pub use history::{Ancestor, HistoryError, TimelineHistory, TimelineInterval};
pub use lsn::{InvalidLsn, Lsn};
pub use runs::{Run, Runs};
pub use segment::{InvalidSegmentSize, SegmentName, SegmentSize, TimelineId};
pub use wal_dir::WalDir;

pub(crate) use segment::parse_hex;
