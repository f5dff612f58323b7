//! WAL: pages, records, and the walk from one segment to the next.
//!
//! A [`SegmentWalk`] is fed the bytes of a segment as they arrive and holds one WAL page, never a
//! record: checksums are computed as the bytes stream by. It checks what `PostgreSQL`'s own reader
//! checks (`xlogreader.c`), because where that reader stops, replay ends, without an error. A
//! [`WalChain`] carries the walk over the border to the next segment; two primaries that wrote one
//! timeline are seen only there. A [`SegmentSurvey`] goes on behind a fault, to find what of the
//! segment can be read by a replay that begins later.

mod block;
mod fault;
mod file_changes;
mod first_page;
mod format;
mod headers;
mod page;
mod record;
mod segment;
mod survey;
#[cfg(test)]
mod tests;
mod timelines;
mod walk;

pub use block::{BlockReference, RelationFiles};
pub use fault::WalFault;
pub use file_changes::FileChange;
pub(crate) use first_page::FIRST_HEADER;
pub use first_page::FirstPage;
pub use format::{UnknownMagic, WalFormat};
pub use record::WalRecord;
pub use segment::{CommitTimes, SegmentContext, SegmentEnd, WalChain, WalkedSegment};
pub use survey::{SegmentSurvey, SurveyedSegment, WalDamage};
pub use walk::SegmentWalk;
