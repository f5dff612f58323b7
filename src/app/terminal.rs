//! Standard output and standard error, which may be a terminal.

use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Wipes the line of a terminal and returns to its start (ECMA-48, "Erase In Line").
const WIPE: &[u8] = b"\r\x1b[K";

/// True while a line of progress is on standard error. Changed only while that is locked.
static PROGRESS_IS_SHOWN: AtomicBool = AtomicBool::new(false);

/// Returns true if a stream gets colours: it is a terminal, and `NO_COLOR` is empty or not set
/// (no-color.org).
pub(super) fn wants_colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns true if standard error is a terminal that can wipe a line.
pub(super) fn wants_progress() -> bool {
    io::stderr().is_terminal() && env::var_os("TERM").is_some_and(|value| value != "dumb")
}

/// Writes a result to standard output.
///
/// # Errors
/// If it cannot be written, as on a full disk. A reader that is gone, such as `head`, is not an error.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

/// Replaces the line of progress.
pub(super) fn show_progress(line: &str) {
    let mut errors = io::stderr().lock();
    PROGRESS_IS_SHOWN.store(true, Ordering::Relaxed);
    drop(errors.write_all(&[WIPE, line.as_bytes()].concat()));
}

/// Wipes the line of progress, if there is one.
pub(super) fn wipe_progress() {
    drop(Errors.flush());
}

/// Standard error, with the line of progress wiped before anything else is written.
pub(super) struct Errors;

impl Errors {
    fn wiped() -> io::Result<io::StderrLock<'static>> {
        let mut errors = io::stderr().lock();
        if PROGRESS_IS_SHOWN.swap(false, Ordering::Relaxed) {
            errors.write_all(WIPE)?;
        }
        Ok(errors)
    }
}

impl Write for Errors {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::wiped()?.write(bytes)
    }

    // In one piece: other output comes after it.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Self::wiped()?.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::wiped()?.flush()
    }
}
