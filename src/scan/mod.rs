//! Scans of an archive, and their schedule.
//!
//! A scan lists the archive, reads what is new among its small files, asks for unfinished uploads, and has
//! everything assessed; where the assessment depends on WAL that was forgotten or that may have been deleted
//! meanwhile, it looks there again. [`ArchiveScan::run`] is that sequence; each step is a type that keeps
//! what it learned for the next scan.
//!
//! What must never break: half a listing is never assessed, `base/` is listed before `wals/`, and a loss is
//! checked again before it is reported.

mod archive_scan;
mod context;
mod listing;
mod lost_wal;
mod scan_times;
mod scanner;
mod schedule;
mod small_files;
mod uploads;
mod wal_dirs;

#[cfg(test)]
mod tests;

pub use archive_scan::ArchiveScan;
pub use context::{ScanContext, ScanLimits, VerifiedContents};
pub use scan_times::ScanTimes;
pub use scanner::{ScanEnd, ScanObserver, Scanner};
pub use schedule::{ScheduleError, Ticker};
