//! One scan of every archive, and what it says about their health.

use std::env;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::Context;
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::rendering::{CheckDocument, Severity, text};
use crate::scan::Clock;

use super::command_line::Output;
use super::say;
use super::scanner::scanner;

/// Scans every archive once, prints what that says as of the clock's time, and tells it by the exit
/// code.
///
/// # Errors
/// When nothing can be printed. A scan that fails is a part of the result.
pub(super) async fn check(
    config: &Config,
    clock: &Clock,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    let statuses = join_all(config.archives.iter().map(|archive| async {
        let (published, scanner) = scanner(archive, config, clock);
        Box::pin(scanner.scan(&stop)).await;
        published.view(None).status
    }));
    let document = CheckDocument::new(&statuses.await, clock());
    let shown = match output {
        Output::Text => text(&document, wants_colours()),
        Output::Json => document.to_json().context("the result cannot be written as JSON")?,
    };
    say(io::stdout(), &shown);
    Ok(exit_code(document.status))
}

fn wants_colours() -> bool {
    io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn exit_code(status: Severity) -> ExitCode {
    ExitCode::from(match status {
        Severity::Ok => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
        Severity::Unknown => COULD_NOT_TELL,
    })
}

/// The exit code of a check that could not be done.
pub(super) const COULD_NOT_TELL: u8 = 3;
