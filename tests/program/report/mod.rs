//! `report` as a program: what it prints and how it ends, for archives served from memory.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may end so"
)]

mod exit_codes;
mod odd;
mod recorded;
mod terminal;

use serde_json::Value;
use test_support::{EmbeddedArchive, Ended, SMALL_MORNING};

/// Name of the archive in the configuration.
const ARCHIVE: &str = "production";

/// Reports on the archive alone as of a morning.
async fn report(archive: &EmbeddedArchive, output: &str) -> Ended {
    report_on(archive, vec![archive.settings(ARCHIVE)], output).await
}

/// Reports on archives as of a morning.
async fn report_on(archive: &EmbeddedArchive, archives: Vec<Value>, output: &str) -> Ended {
    archive
        .run(
            "report",
            archives,
            &["--at", SMALL_MORNING, "--output", output],
        )
        .await
}

/// Archive that refuses the exporter's credentials.
async fn closed() -> EmbeddedArchive {
    let archive = EmbeddedArchive::small(1000).await;
    archive.write_credentials("exporter-key-id", "wrong");
    archive
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}
