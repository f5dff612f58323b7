//! Result of the command `verify`: what was read, what was found in it, and what it does not prove.
//!
//! The document of its JSON is written as text for people. It never says that a backup can be restored, or
//! that all data is intact: only a restore shows that.

mod assemble;
mod document;
mod text;
mod words;

pub use assemble::{SelectedArchive, VerifySummary};
pub use document::{
    ReadEntry, SegmentEntry, SelectedArchiveEntry, SelectedBackupEntry, SelectedServerEntry,
    SelectedWalEntry, VerifyDocument,
};
pub use text::{estimate_line, verify_text};
