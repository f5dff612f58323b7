#![doc = include_str!("../README.md")]
//!
//! `docs/specification.md`, 14.

mod backup_schedule;
mod calendar;
mod dialect;
mod every;
mod field;
mod intervals;
mod local_times;
mod occurrences;
mod words;

#[cfg(test)]
mod tests;

pub use backup_schedule::BackupSchedule;
pub use dialect::{Dialect, InvalidSchedule, Meaning};
pub use field::PartError;
pub use intervals::ScheduledIntervals;
pub use local_times::{next_time, previous_time};
pub use words::whole_length;
