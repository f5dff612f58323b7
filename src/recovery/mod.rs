//! What timelines lead to.

mod stray;

pub use stray::{TimelinesSeen, stray_timelines};
