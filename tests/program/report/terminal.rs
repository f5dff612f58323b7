//! Output while a scan is running, and the stream it goes to.

use std::process::{Command, Stdio};
use std::time::Duration;

use embedded_s3::{Action, Fault, Operation, When};
use test_support::{EmbeddedArchive, SMALL_MORNING};

use crate::report::{ARCHIVE, report};

/// Archive in four pages, the last of which takes a while.
async fn slow() -> EmbeddedArchive {
    let archive = EmbeddedArchive::small(2).await;
    let last = When::operation(Operation::ListObjects)
        .from_request(4)
        .times(1);
    let delay = Action::Delay(Duration::from_millis(2500));
    archive.s3().faults().set([Fault::new(last, delay)]);
    archive
}

#[tokio::test]
async fn progress_is_shown_on_a_terminal_and_wiped() {
    let archive = slow().await;
    let file = archive.write_configuration(vec![archive.settings(ARCHIVE)]);
    let program = env!("CARGO_BIN_EXE_barman-cloud-exporter");
    let run = format!("{program} report --config.file {file} --at {SMALL_MORNING}");
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &run, "/dev/null"]);
    command
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());

    let ended = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic");

    let ended = ended.expect("util-linux has this program");
    let output = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(0), "{output}");
    // How many, depends on which of several requests at once is the slow one.
    let (_, progress) = output
        .split_once("\r\u{1b}[Kproduction: ")
        .expect("progress");
    let (pages, rest) = progress
        .split_once(" pages of up to 1,000 objects listed…")
        .expect("pages");
    assert!(
        pages.parse::<u32>().is_ok_and(|pages| pages > 1),
        "{output:?}"
    );
    let (_, report) = rest
        .rsplit_once("\r\u{1b}[K")
        .unwrap_or_else(|| panic!("{output:?}"));
    assert!(report.starts_with("Storage as of"), "{output:?}");
    assert!(report.contains("\u{1b}[1;32mOK\u{1b}[0m"), "{output:?}");
}

#[tokio::test]
async fn without_a_terminal_there_is_neither_progress_nor_colour() {
    let ended = report(&slow().await, "text").await;

    assert_eq!(
        (ended.code, ended.errors.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    assert!(!ended.output.contains('\u{1b}'), "{ended:?}");
}
