//! Builds and connects the rooms.

pub mod build_info;
pub mod command_line;
pub mod logging;

mod archive;
mod check;
mod exporter;
mod process;
mod scanner;
mod serve;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::scan::Clock;

use command_line::{Command, CommandLine, Output};

/// The exit code for a wrong command line or configuration, as clap has it.
const WRONG_CONFIGURATION: u8 = 2;

/// The exit code of a program that could not start, or failed.
const FAILED: u8 = 1;

/// How long blocking tasks get when the program ends.
const RUNTIME_DEADLINE: Duration = Duration::from_secs(1);

/// Does what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    let command_line = CommandLine::of_this_process();
    let config = match command_line.load_config() {
        Ok(config) => config,
        Err(mistakes) => {
            say(io::stderr(), &format!("The configuration is wrong:\n{mistakes}"));
            return ExitCode::from(match command_line.command() {
                // There, that code says that backups are in danger.
                Command::Check { .. } => check::COULD_NOT_TELL,
                Command::Serve | Command::CheckConfig => WRONG_CONFIGURATION,
            });
        }
    };
    match command_line.command() {
        Command::CheckConfig => {
            say(io::stdout(), &summary(&config));
            ExitCode::SUCCESS
        }
        Command::Check { output, at } => ended(check(&config, output, at), check::COULD_NOT_TELL),
        Command::Serve => ended(serve(config).map(|()| ExitCode::SUCCESS), FAILED),
    }
}

/// The exit code of what has ended; an error is logged and has this one.
fn ended(result: anyhow::Result<ExitCode>, failed: u8) -> ExitCode {
    result.unwrap_or_else(|error| {
        tracing::error!(error = format!("{error:#}"), "The program ends");
        ExitCode::from(failed)
    })
}

fn check(config: &Config, output: Output, at: Option<DateTime<Utc>>) -> anyhow::Result<ExitCode> {
    logging::start(&config.log).context("the log cannot be started")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let clock = at.map_or_else(clock, |at| Arc::new(move || at));
    let ended = runtime.block_on(check::check(config, &clock, output));
    runtime.shutdown_timeout(RUNTIME_DEADLINE);
    ended
}

fn serve(config: Config) -> anyhow::Result<()> {
    logging::start(&config.log).context("the log cannot be started")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(serve::serve(config, clock()));
    runtime.shutdown_timeout(RUNTIME_DEADLINE);
    ended
}

/// The system's clock: the only place that reads it.
#[expect(clippy::disallowed_methods, reason = "everyone else takes the time from here")]
fn clock() -> Clock {
    Arc::new(Utc::now)
}

fn summary(config: &Config) -> String {
    let archives = config.archives.iter();
    let lines = archives.map(|one| format!("\n  {}: {}", one.name, one.destination));
    format!("The configuration is valid. Archives:{}", lines.collect::<String>())
}

/// Writes a line. One that cannot be written has nobody who reads it.
fn say(mut to: impl Write, text: &str) {
    drop(writeln!(to, "{text}"));
}
