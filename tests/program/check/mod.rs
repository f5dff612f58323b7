//! `check` as a program: what it prints and how it ends, for archives served from memory.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may end so"
)]

mod contents;
mod exit_codes;
mod findings;
mod recorded;
mod schedule;
mod small;

use serde_json::Value;
use test_support::{EmbeddedArchive, Ended, SMALL_BUCKET, SMALL_MORNING, small_key};

/// Name of the archive in the configuration.
const ARCHIVE: &str = "production";

/// Runs `check` on archives to its end.
async fn check(archive: &EmbeddedArchive, archives: Vec<Value>, arguments: &[&str]) -> Ended {
    archive.run("check", archives, arguments).await
}

/// Checks the archive alone at a moment in the morning, with these additional settings.
async fn check_with(archive: &EmbeddedArchive, more: &Value, arguments: &[&str]) -> Ended {
    let at_morning = [&["--at", SMALL_MORNING], arguments].concat();
    check(archive, vec![settings(archive, more)], &at_morning).await
}

/// Entry for the archive in the configuration, with these additional settings.
fn settings(archive: &EmbeddedArchive, more: &Value) -> Value {
    let mut settings = archive.settings(ARCHIVE);
    for (key, value) in more.as_object().expect("settings are an object") {
        settings[key] = value.clone();
    }
    settings
}

/// Small archive without its second segment.
async fn with_a_gap() -> EmbeddedArchive {
    EmbeddedArchive::small_but(|store| {
        let key = "wals/0000000100000000/000000010000000000000002.gz";
        store.remove(SMALL_BUCKET, &small_key(key));
    })
    .await
}
