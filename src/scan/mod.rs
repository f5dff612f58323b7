//! One pass over an archive, and the schedule of the passes.

mod audit;
mod listing_memory;
mod pass;
mod range;
mod reading;
mod rechecks;
mod rescan;
mod rescan_plan;
mod scan_times;
mod scanner;
mod schedule;
mod uploads;
mod wal_dirs;

#[cfg(test)]
mod rescan_tests;
#[cfg(test)]
mod tests;

pub use pass::{Knowledge, Pass};
pub use scan_times::ScanTimes;
pub use scanner::{Clock, ScanEnd, ScanLimits, ScanObserver, Scanner};
pub use schedule::{ScheduleError, Ticker};
