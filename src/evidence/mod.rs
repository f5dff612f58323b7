//! What is known of the contents of an archive, because they were read.
//!
//! Plain data and the rules for it, without I/O: evidence about single objects, and about WAL that was
//! walked over from one segment to the next. Evidence holds for one version of an object; what was
//! replaced is unread again. [`crate::verification`] gathers evidence and saves it, and
//! [`crate::assess`] draws conclusions from it.

mod age;
mod archive;
mod backup;
mod data_fault;
mod fault;
mod level;
mod object;
mod run;
mod segment;
mod wal;

pub use age::{RETRY_AFTER, is_older};
pub use archive::{ArchiveEvidence, ServerEvidence};
pub use backup::{BackupEvidence, PageCounts};
pub use data_fault::{DataFault, Unproven};
pub use fault::{Effect, FaultKind, SegmentFault};
pub use level::Level;
pub use object::{ContentVerdict, Depth, Version};
pub use run::{SegmentPlace, WalkedPlace, WalkedRun, WalkedRuns};
pub use segment::{ReadObject, SegmentEvidence, WalFile};
pub use wal::{DirEvidence, DirStamp, ListedFile, WalEvidence, place_of};
