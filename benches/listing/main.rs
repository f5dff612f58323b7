//! Time and memory for listing an archive, against the SDK's own paginator on the same archive.
//!
//! The server and each listing are processes of their own, this program with an argument: the one
//! does not add to the time and memory of the other, and no measurement warms up the next. Every
//! figure is a ratio within one run, of the least times where time is measured.

#![expect(
    clippy::print_stdout,
    reason = "its processes talk to each other, and to people"
)]
#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot go on has failed"
)]

mod exporter;
mod figures;
mod process;
mod roles;
mod sdk;
mod simulator;
mod task;

#[path = "../results/mod.rs"]
mod results;

use std::process::ExitCode;

fn main() -> ExitCode {
    roles::run("Listing", figures::all)
}
