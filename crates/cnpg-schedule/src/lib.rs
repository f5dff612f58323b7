//! When backups should be taken: schedules as `CloudNativePG` reads them.
//!
//! `CloudNativePG` reads the `schedule` of a `ScheduledBackup` with `cron.Parse` of
//! `github.com/robfig/cron` v1.2.0: seconds first, the last field (day of week) optional. A
//! Kubernetes `CronJob` reads its own with `ParseStandard` of v3.0.1: without seconds. The texts look
//! alike and mean other things, which is what [`BackupSchedule::warning`] is about.
//!
//! The fields are read here, by the rules of those two, and handed to croner as lists of numbers, so
//! that nothing which it reads differently (`7`, `L`, `#`, stars) gets there.
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
mod naive_tests;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod tests;

pub use backup_schedule::BackupSchedule;
pub use dialect::{Dialect, InvalidSchedule, Meaning};
pub use field::PartError;
pub use intervals::ScheduledIntervals;
pub use local_times::{next_time, previous_time};
pub use words::whole_length;
