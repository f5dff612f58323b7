//! Commands of the program: configuration, construction and connection of the other modules.
//!
//! This is the only module that sees both `config` and the modules that do the work, the only one
//! that reads the wall clock, and the only one that uses `anyhow`. It holds no rules: what it builds
//! can be built with other settings in a test.

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
mod store;
mod terminal;
mod verification;
mod verify;

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
use command_line::{Command, CommandLine, VerifyArguments};
use once::{COULD_NOT_TELL, Requested, Said, Scanned};

/// Exit code for a wrong command line or configuration, as clap has it.
const WRONG_CONFIGURATION: u8 = 2;

/// Exit code for warnings of `check-config --strict`, as `check` has it.
const WARNINGS: u8 = 1;

/// Exit code of a program that could not start, or failed.
const FAILED: u8 = 1;

/// Time for blocking tasks when the program ends.
const RUNTIME_DEADLINE: Duration = Duration::from_secs(1);

/// Executes the command of the command line.
#[must_use]
pub fn run() -> ExitCode {
    let command_line = CommandLine::of_this_process();
    match command_line.command() {
        Command::CheckConfig { strict } => {
            configured(&command_line, WRONG_CONFIGURATION, |config| {
                check_config(&config, strict)
            })
        }
        // For these, other codes say how it is with the backups.
        Command::Check { output, at } => configured(&command_line, COULD_NOT_TELL, |config| {
            once(&config, at, Requested::All, |scanned| {
                check::say(scanned, output)
            })
        }),
        Command::Report { output, at } => configured(&command_line, COULD_NOT_TELL, |config| {
            once(&config, at, Requested::Archives, |scanned| {
                report::say(scanned, output)
            })
        }),
        Command::Verify(arguments) => configured(&command_line, COULD_NOT_TELL, |config| {
            ended(verify(&config, &arguments), COULD_NOT_TELL)
        }),
        Command::ExplainSchedule {
            schedule,
            time_zone,
            at,
        } => {
            let now = at.unwrap_or_else(|| clock()());
            say(io::stdout(), &explanation(&schedule, time_zone, now));
            ExitCode::SUCCESS
        }
        Command::Serve => configured(&command_line, WRONG_CONFIGURATION, |config| {
            ended(serve(config).map(|()| ExitCode::SUCCESS), FAILED)
        }),
    }
}

/// Acts with the configuration. If it is wrong, prints its mistakes and ends with this code.
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

/// Prints a summary of a valid configuration, and its warnings.
fn check_config(config: &Config, strict: bool) -> ExitCode {
    say(io::stdout(), &summary(config));
    let warnings = config.warnings();
    for warning in &warnings {
        say(io::stdout(), &format!("Warning: {warning}"));
    }
    if strict && !warnings.is_empty() {
        ExitCode::from(WARNINGS)
    } else {
        ExitCode::SUCCESS
    }
}

/// Returns the exit code of a command that has ended. An error is logged and has the code `failed`.
fn ended(result: anyhow::Result<ExitCode>, failed: u8) -> ExitCode {
    result.unwrap_or_else(|error| {
        let error = with_causes(error.as_ref());
        tracing::error!(target: "app", error, "Exiting after an error");
        ExitCode::from(failed)
    })
}

/// Scans every archive once, and prints the result as of the current time or another.
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let clock = at.map_or_else(clock, |at| Arc::new(move || at));
    let scanned = runtime.block_on(once::scan_all(config, scope, &clock));
    runtime.shutdown_timeout(RUNTIME_DEADLINE);
    Ok(scanned)
}

/// Reads contents once, and prints what was found.
fn verify(config: &Config, arguments: &VerifyArguments) -> anyhow::Result<ExitCode> {
    logging::start(&config.log).context("the log cannot be started")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let said = runtime.block_on(Box::pin(verify::verify(config, arguments, &clock())));
    runtime.shutdown_timeout(RUNTIME_DEADLINE);
    let said = said?;
    terminal::print(&said.text).context("the result cannot be written")?;
    Ok(ExitCode::from(said.code))
}

fn serve(config: Config) -> anyhow::Result<()> {
    logging::start(&config.log).context("the log cannot be started")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(serve::serve(config, clock()));
    runtime.shutdown_timeout(RUNTIME_DEADLINE);
    ended
}

/// Returns the system's clock. Only this function reads it.
#[expect(
    clippy::disallowed_methods,
    reason = "all other code gets the time from here"
)]
fn clock() -> Clock {
    Arc::new(Utc::now)
}

/// Returns the places that a valid configuration names.
fn summary(config: &Config) -> String {
    let mut lines = vec![
        "The configuration is valid; no file that it names was opened, and no store was contacted. \
         Archives:"
            .to_owned(),
    ];
    for archive in &config.archives {
        lines.push(format!("  {}: {}", archive.name, archive.store));
    }
    if !config.certificates.is_empty() {
        lines.push("Certificates, besides those of the archives' endpoints:".to_owned());
    }
    for certificate in &config.certificates {
        lines.push(format!("  {}: {}", certificate.name, certificate.source));
    }
    lines.join("\n")
}

/// Writes a line. A line that cannot be written has no reader.
fn say(mut to: impl Write, text: &str) {
    drop(writeln!(to, "{text}"));
}
