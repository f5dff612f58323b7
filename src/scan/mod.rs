//! One pass over an archive, and the schedule of the passes.

mod due;
mod listing;
mod logs;
mod losses;
mod pass;
mod reading;
mod scanner;
mod schedule;
mod uploads;

#[cfg(test)]
mod tests;

pub use due::Due;
pub use pass::{Knowledge, Pass};
pub use scanner::{Clock, ScanEnd, ScanLimits, ScanObserver, Scanner};
pub use schedule::{ScheduleError, Ticker};
