//! Configuration of the program.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

use barman_cloud_exporter::config::{Config, ENVIRONMENT_PREFIX};
use tempfile::NamedTempFile;

/// Configuration file, and variables of the environment.
///
/// Input: the file; after a zero byte each, variables without the prefix of their names.
pub fn config(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == 0);
    let text = parts.next().unwrap_or_default();
    let variables: Vec<_> = parts.map(variable).collect();
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();

    match Config::load(Some(file.path()), variables, &[]) {
        Ok(config) => {
            assert!(!config.archives.is_empty());
            let _ = config.warnings();
        }
        Err(mistakes) => {
            assert!(mistakes.iter().next().is_some());
            for mistake in &mistakes {
                assert!(!mistake.message.is_empty());
            }
        }
    }
}

fn variable(text: &[u8]) -> (OsString, OsString) {
    let mut parts = text.splitn(2, |byte| *byte == b'=');
    let name = parts.next().unwrap_or_default();
    let value = parts.next().unwrap_or_default();
    let name = [ENVIRONMENT_PREFIX.as_bytes(), name].concat();
    (OsString::from_vec(name), OsString::from_vec(value.to_vec()))
}
