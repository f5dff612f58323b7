//! This program, started once more with something to do.

use std::process::{Command, Stdio};

/// Argument of a process that serves an archive.
pub(crate) const SIMULATE: &str = "simulate";

/// Argument of a process that does something and measures it.
pub(crate) const MEASURE: &str = "measure";

/// A process that does something, given as JSON.
pub(crate) fn process(role: &str, what: &impl serde::Serialize) -> Command {
    let program = std::env::current_exe().expect("the program knows where it is");
    let mut command = Command::new(program);
    command
        .arg(role)
        .arg(serde_json::to_string(what).expect("it can be written as JSON"));
    // As the image and the systemd unit have it.
    command.env("MALLOC_TRIM_THRESHOLD_", "131072");
    command.stdout(Stdio::piped());
    command
}
