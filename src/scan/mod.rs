//! One pass over an archive, and the schedule of the passes.

mod audit;
mod boundaries;
mod due;
mod exploration;
mod key_order;
mod key_range;
mod listing;
mod logs;
mod losses;
mod pace;
mod parallel;
mod part;
mod pass;
mod progress;
mod reading;
mod rescan;
mod rescan_plan;
mod scanner;
mod schedule;
mod seams;
mod size;
mod stocktaking;
mod uploads;

#[cfg(test)]
mod memory_store;
#[cfg(test)]
mod parallel_tests;
#[cfg(test)]
mod rescan_tests;
#[cfg(test)]
mod tests;

pub use due::Due;
pub use pace::{Pace, Paced};
pub use pass::{Knowledge, Pass};
pub use scanner::{Clock, ScanEnd, ScanLimits, ScanObserver, Scanner};
pub use schedule::{ScheduleError, Ticker};
