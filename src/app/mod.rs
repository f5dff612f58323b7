//! Builds and connects the modules.

pub mod build_info;
pub mod command_line;
pub mod logging;

mod archive;
mod certificates;
mod check;
mod exporter;
mod once;
mod process;
mod report;
mod scanner;
mod serve;
mod terminal;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use error_causes::with_causes;

use crate::clock::Clock;
use crate::config::Config;
use crate::output::explanation;
use crate::clock::Clock;
use command_line::{Command, CommandLine};
use once::{COULD_NOT_TELL, Requested, Said, Scanned};

/// The exit code for a wrong command line or configuration, as clap has it.
const WRONG_CONFIGURATION: u8 = 2;

/// The exit code for warnings where these are asked to count, as `check` has it.
const WARNINGS: u8 = 1;

/// The exit code of a program that could not start, or failed.
const FAILED: u8 = 1;

/// How long blocking tasks get when the program ends.
const RUNTIME_DEADLINE: Duration = Duration::from_secs(1);

/// Does what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    let command_line = CommandLine::of_this_process();
    match command_line.command() {
        Command::CheckConfig { strict } => {
            configured(&command_line, WRONG_CONFIGURATION, |config| check_config(&config, strict))
        }
        // For these, other codes say how it is with the backups.
        Command::Check { output, at } => configured(&command_line, COULD_NOT_TELL, |config| {
            once(&config, at, Requested::All, |scanned| check::say(scanned, output))
        }),
        Command::Report { output, at } => configured(&command_line, COULD_NOT_TELL, |config| {
            once(&config, at, Requested::Archives, |scanned| report::say(scanned, output))
        }),
        Command::ExplainSchedule { schedule, time_zone, at } => {
            let now = at.unwrap_or_else(|| clock()());
            say(io::stdout(), &explanation(&schedule, time_zone, now));
            ExitCode::SUCCESS
        }
        Command::Serve => configured(&command_line, WRONG_CONFIGURATION, |config| {
            ended(serve(config).map(|()| ExitCode::SUCCESS), FAILED)
        }),
    }
}

/// Acts with the configuration; where it is wrong, says so and ends with this code.
fn configured(
    command_line: &CommandLine,
    wrong: u8,
    act: impl FnOnce(Config) -> ExitCode,
) -> ExitCode {
    match command_line.load_config() {
        Ok(config) => act(config),
        Err(error) => {
            say(io::stderr(), &error.to_string());
            ExitCode::from(wrong)
        }
    }
}

/// Says what a valid configuration names, and what in it is probably not what is meant.
fn check_config(config: &Config, strict: bool) -> ExitCode {
    say(io::stdout(), &summary(config));
    let warnings = config.warnings();
    for warning in &warnings {
        say(io::stdout(), &format!("Warning: {warning}"));
    }
    if strict && !warnings.is_empty() { ExitCode::from(WARNINGS) } else { ExitCode::SUCCESS }
}

/// The exit code of what has ended; an error is logged and has this one.
fn ended(result: anyhow::Result<ExitCode>, failed: u8) -> ExitCode {
    result.unwrap_or_else(|error| {
        let error = with_causes(error.as_ref());
        tracing::error!(target: "app", error, "The program ends");
        ExitCode::from(failed)
    })
}

/// Scans every archive once, and prints what is to be said as of the clock's time or of another.
fn once(
    config: &Config,
    at: Option<DateTime<Utc>>,
    scope: Requested,
    say: impl FnOnce(&Scanned) -> anyhow::Result<Said>,
) -> ExitCode {
    let print = || {
        let said = say(&scan_once(config, at, scope)?)?;
        terminal::print(&said.text).context("the result cannot be written")?;
        Ok(ExitCode::from(said.code))
    };
    ended(print(), COULD_NOT_TELL)
}

fn scan_once(
    config: &Config,
    at: Option<DateTime<Utc>>,
    scope: Requested,
) -> anyhow::Result<Scanned> {
    logging::start(&config.log).context("the log cannot be started")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let clock = at.map_or_else(clock, |at| Arc::new(move || at));
    let scanned = runtime.block_on(once::scan_all(config, scope, &clock));
    runtime.shutdown_timeout(RUNTIME_DEADLINE);
    Ok(scanned)
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
    let line = |(name, place): (&String, String)| format!("\n  {name}: {place}");
    let archives =
        config.archives.iter().map(|archive| (&archive.name, archive.destination.to_string()));
    let mut lines = vec![
        "The configuration is valid; no file that it names was opened, and no store was asked. \
         Archives:"
            .to_owned(),
    ];
    lines.extend(archives.map(line));
    if !config.certificates.is_empty() {
        lines.push("\nCertificates, besides those of the archives' endpoints:".to_owned());
    }
    let certificates = config
        .certificates
        .iter()
        .map(|certificate| (&certificate.name, certificate.source.to_string()));
    lines.extend(certificates.map(line));
    lines.concat()
}

/// Writes a line. One that cannot be written has nobody who reads it.
fn say(mut to: impl Write, text: &str) {
    drop(writeln!(to, "{text}"));
}
