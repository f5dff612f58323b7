//! Roles of the processes of a benchmark.

use std::process::ExitCode;

use crate::process::{MEASURE, SIMULATE, runtime};
use crate::results::Results;
use crate::{simulator, task};

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
