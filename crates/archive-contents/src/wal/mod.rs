//! WAL: pages, records, and the walk from one segment to the next.
//!
//! A [`SegmentWalk`] is fed the bytes of a segment as they arrive and holds one WAL page, never a
//! record: checksums are computed as the bytes stream by. It checks what `PostgreSQL`'s own reader
//! checks (`xlogreader.c`), because where that reader stops, replay ends, without an error. A
//! [`WalChain`] carries the walk over the border to the next segment; two primaries that wrote one
//! timeline are seen only there.

mod block;
mod fault;
mod file_changes;
mod format;
mod page;
mod record;
mod segment;
#[cfg(test)]
mod tests;
mod timelines;
mod walk;

pub use block::{BlockReference, RelationFiles};
pub use fault::WalFault;
pub use file_changes::FileChange;
pub use format::WalFormat;
pub use record::WalRecord;
pub use segment::{CommitTimes, SegmentContext, SegmentEnd, WalChain, WalkedSegment};
pub use walk::SegmentWalk;
