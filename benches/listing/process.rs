//! This program, started once more with something to do.

use std::process::{Command, Stdio};

use tokio::runtime::Runtime;

/// Argument of a process that serves an archive.
pub(crate) const SIMULATE: &str = "simulate";

/// Argument of a process that does something and measures it.
pub(crate) const MEASURE: &str = "measure";

/// Builds a runtime like the exporter's.
pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .enable_all()
        .build()
        .expect("a runtime can be built")
}

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
