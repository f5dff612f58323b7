//! Exit code of the program.

use std::process::ExitCode;

fn main() -> ExitCode {
    barman_cloud_exporter::app::run()
}
