//! What timelines lead to, and what retention would delete.

pub mod retention;
mod stray;

pub use stray::{TimelinesSeen, stray_timelines};
