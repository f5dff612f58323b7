//! Speed, memory and manners of the verification of contents.
//!
//! Contents are made up, and compressed as Barman does. Verification is compared with the decoders
//! alone, within one run: nothing reads faster than these. The last of a hundred gigabytes may take no
//! more memory than the first ones, and scans and scrapes no more time than without it.
//!
//! With names of groups as arguments, only these are measured, and nothing is written: `speed`,
//! `memory`, `beside`.

#![expect(
    clippy::print_stdout,
    reason = "its processes talk to each other, and to people"
)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on has failed"
)]

mod archive;
mod base;
mod beside;
mod codecs;
mod generated;
mod heap;
mod memory;
mod speed;
mod wal;

#[expect(dead_code, reason = "the benchmark of listings does more with it")]
#[path = "../listing/exporter.rs"]
mod exporter;
#[path = "../listing/process.rs"]
mod process;
#[path = "../results/mod.rs"]
mod results;
#[expect(dead_code, reason = "the benchmark of listings does more with it")]
#[path = "../listing/simulator.rs"]
mod simulator;

use std::process::ExitCode;

use process::{MEASURE, SIMULATE, runtime};
use results::Results;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [SIMULATE, what] => runtime().block_on(simulator::simulate(what)),
        [MEASURE, "\"memory\""] => println!("{}", runtime().block_on(memory::measure())),
        [MEASURE, ports] => {
            let ports = serde_json::from_str(ports).expect("the ports make sense");
            println!("{}", runtime().block_on(beside::measure(&ports)));
        }
        groups => return measure(groups),
    }
    ExitCode::SUCCESS
}

/// Measures these groups, or all.
fn measure(groups: &[&str]) -> ExitCode {
    // Cargo adds an argument of its own.
    let groups: Vec<_> = groups
        .iter()
        .filter(|group| !group.starts_with('-'))
        .collect();
    let wants = |group: &str| groups.is_empty() || groups.contains(&&group);
    let mut results = Results::new("Contents");
    if wants("speed") {
        runtime().block_on(speed::all(&mut results));
    }
    if wants("memory") {
        memory::all(&mut results);
    }
    if wants("beside") {
        beside::all(&mut results);
    }
    if groups.is_empty() {
        results.finish()
    } else {
        ExitCode::SUCCESS
    }
}
