//! What timelines lead to.
