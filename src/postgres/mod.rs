//! What is true of every `PostgreSQL` cluster: WAL positions, segments, timelines.

mod history;
mod log;
mod lsn;
mod runs;
mod segment;

pub use history::{Ancestor, HistoryError, TimelineHistory, TimelineInterval};
pub use log::LogName;
pub use lsn::{InvalidLsn, Lsn};
pub use runs::{Run, Runs};
pub use segment::{InvalidSegmentSize, SegmentName, SegmentSize, TimelineId};

pub(crate) use segment::parse_hex;
