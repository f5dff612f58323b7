//! Documents for users: generated parts, samples of real output, links, and what has to be in them.
//!
//! `make generate` writes the generated parts.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]

mod contents;
mod generated;
mod links;
mod samples;
mod settings;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the path of a file or folder of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Reads a file of the project.
fn read(path: &str) -> String {
    fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
