//! Report on storage: usage by server, prefix, kind and class, reclaimable bytes, and growth.
//!
//! The document of its JSON becomes a page of blocks, from which text and Markdown are written.

mod arrivals;
mod assemble;
mod contents;
mod document;
mod growth;
mod markdown;
mod page;
mod reclaimable;
mod shares;
mod text;

pub use document::{
    ArchiveReport, ClassEntry, KindEntry, PrefixEntry, ReportDocument, ServerStorage, StorageEntry,
};
pub use growth::{DayEntry, GrowthEntry, WeekEntry};
pub use markdown::report_markdown;
pub use reclaimable::{ReasonEntry, ReclaimableEntry};
pub use text::report_text;
