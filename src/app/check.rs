//! Command `check`: health of the archives and certificates after one scan.

use std::io;

use anyhow::Context;

use super::command_line::OutputFormat;
use super::once::{COULD_NOT_TELL, Said, Scanned};
use super::terminal::wants_colours;
use crate::health::Severity;
use crate::output::{CheckDocument, check_text};

/// Returns the findings, with the worst severity as the exit code.
///
/// # Errors
/// If the result cannot be written as JSON.
pub(super) fn say(scanned: &Scanned, output: OutputFormat) -> anyhow::Result<Said> {
    let document = CheckDocument::new(&scanned.archives, &scanned.certificates, scanned.now);
    let text = match output {
        OutputFormat::Text => check_text(&document, wants_colours(&io::stdout())),
        OutputFormat::Json => document
            .to_json()
            .context("the result cannot be written as JSON")?,
    };
    Ok(Said {
        text,
        code: exit_code(document.status.0),
    })
}

/// Returns the exit code of a status.
pub(super) const fn exit_code(status: Severity) -> u8 {
    match status {
        Severity::Ok => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
        Severity::Unknown => COULD_NOT_TELL,
    }
}
