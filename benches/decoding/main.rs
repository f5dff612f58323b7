//! Time for reading the XML of pages, with the exporter's own reader and with `quick-xml`.
//!
//! The exporter has a reader of its own (`crates/archive-store-s3/src/xml.rs`), because a library would cost a
//! scan too much. The last figure is that cost: if it falls below a fifth of a full scan's
//! processor time, the benchmark fails, and the library is the better choice.
//!
//! Both readers are equally strict. Full scans run in processes of their own, as in the benchmark
//! of listings; every figure is a ratio of least times within one run.
//!
//! `make bench` builds it with the profile of the released program, unlike the other benchmarks:
//! `quick-xml` is a quarter faster with link-time optimization, which `bench` does without.

#![expect(
    clippy::print_stdout,
    reason = "its processes talk to each other, and to people"
)]
#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot go on has failed"
)]

mod figures;
mod pages;
mod quick;
mod reading;

#[path = "../listing/exporter.rs"]
mod exporter;
#[path = "../listing/process.rs"]
mod process;
#[expect(dead_code, reason = "the benchmark of listings has other bounds")]
#[path = "../results/mod.rs"]
mod results;
#[path = "../listing/roles.rs"]
mod roles;
#[path = "../listing/sdk.rs"]
mod sdk;
#[path = "../listing/simulator.rs"]
mod simulator;
#[path = "../listing/task.rs"]
mod task;
#[path = "../../crates/archive-store-s3/src/xml.rs"]
mod xml;

use std::process::ExitCode;

fn main() -> ExitCode {
    roles::run("Decoding", figures::all)
}
