//! Command `report`: usage of the archives after one scan.

use std::io;

use anyhow::Context;

use super::command_line::ReportOutput;
use super::once::{COULD_NOT_TELL, Said, Scanned};
use super::terminal::wants_colours;
use crate::output::{ReportDocument, report_markdown, report_text};

/// Returns the usage of the archives. The exit code is not 0 if a scan failed.
///
/// # Errors
/// If the result cannot be written as JSON.
pub(super) fn say(scanned: &Scanned, output: ReportOutput) -> anyhow::Result<Said> {
    let document = ReportDocument::new(&scanned.archives, scanned.now);
    let text = match output {
        ReportOutput::Text => report_text(&document, wants_colours(&io::stdout())),
        ReportOutput::Json => document
            .to_json()
            .context("the result cannot be written as JSON")?,
        ReportOutput::Markdown => report_markdown(&document),
    };
    Ok(Said {
        text,
        code: if document.complete { 0 } else { COULD_NOT_TELL },
    })
}
