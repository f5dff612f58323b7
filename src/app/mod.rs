//! Builds and connects the rooms.

pub mod build_info;
pub mod command_line;
pub mod logging;
