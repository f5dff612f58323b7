//! This program, started once more with something to do.

use std::process::{Command, ExitCode, Stdio};

use tokio::runtime::Runtime;

use crate::results::Results;
use crate::{simulator, task};

/// Argument of a process that serves an archive.
pub(crate) const SIMULATE: &str = "simulate";

/// Argument of a process that does something and measures it.
pub(crate) const MEASURE: &str = "measure";

/// Does what the arguments ask for; without any, takes the figures of a benchmark.
pub(crate) fn run(benchmark: &'static str, figures: fn(&mut Results)) -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some(SIMULATE), Some(what)) => {
            runtime().block_on(simulator::simulate(&what));
            ExitCode::SUCCESS
        }
        (Some(MEASURE), Some(what)) => {
            println!("{}", runtime().block_on(task::measure(&what)));
            ExitCode::SUCCESS
        }
        _ => {
            let mut results = Results::new(benchmark);
            figures(&mut results);
            results.finish()
        }
    }
}

/// Builds a runtime like the exporter's.
fn runtime() -> Runtime {
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
