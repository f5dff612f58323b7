//! Archive that was recorded from real programs, and the facts that are known about it.

use std::fs;
use std::path::{Path, PathBuf};

use embedded_s3::{Options, recorded as load_recorded};
use serde_json::Value;

use crate::EmbeddedArchive;

/// JSON file next to the recording, such as `expected.json`.
///
/// # Panics
/// Panics if it is none.
pub fn recorded(name: &str) -> Value {
    serde_json::from_str(&read(name)).expect("the fixture is JSON")
}

/// Every object of the recording as it was listed, one JSON object each.
///
/// # Panics
/// Panics if the recording is broken.
pub fn recorded_objects() -> Vec<Value> {
    let listing = read("listing.jsonl");
    listing
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

/// Serves the recording.
///
/// # Panics
/// Panics if it cannot be loaded or served.
pub async fn recorded_archive() -> EmbeddedArchive {
    let (store, _) = load_recorded::load(&directory()).expect("the fixture can be loaded");
    let expected = recorded("expected.json");
    let text = |value: &Value| value.as_str().expect("a name is a text").to_owned();
    let prefix = expected
        .pointer("/servers/0/prefix")
        .map(text)
        .expect("it has a server");
    let bucket = expected.get("bucket").map(text).expect("it has a bucket");
    EmbeddedArchive::start(store, &format!("{bucket}/{prefix}"), Options::default()).await
}

fn read(name: &str) -> String {
    fs::read_to_string(directory().join(name)).expect("the fixture can be read")
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/real-archive")
}
