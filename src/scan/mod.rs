//! One pass over an archive, and the schedule of the passes.

mod adaptive_limit;
mod audit;
mod boundaries;
mod directory_probe;
mod estimate;
mod junctions;
mod key_order;
mod key_range;
mod listing;
mod listing_memory;
mod parallel;
mod pass;
mod progress;
mod reading;
mod rechecks;
mod rescan;
mod rescan_plan;
mod scan_times;
mod scanner;
mod schedule;
mod shard;
mod uploads;
mod wal_dirs;

#[cfg(test)]
mod memory_store;
#[cfg(test)]
mod parallel_tests;
#[cfg(test)]
mod rescan_tests;
#[cfg(test)]
mod tests;

pub use adaptive_limit::{AdaptiveLimit, LimitedStore};
pub use pass::{Knowledge, Pass};
pub use scan_times::ScanTimes;
pub use scanner::{Clock, ScanEnd, ScanLimits, ScanObserver, Scanner};
pub use schedule::{ScheduleError, Ticker};
