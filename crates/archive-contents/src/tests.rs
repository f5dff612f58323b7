//! Fixtures: what real servers and Barman wrote.

use std::fs;
use std::path::{Path, PathBuf};

use barman_archive::barman::Compression;

/// Returns the folder of the fixtures.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/contents")
}

/// Reads a file, decompressed by the ending of its name; `None` if its codec refuses it.
pub(crate) fn plain(path: &Path) -> Option<Vec<u8>> {
    let content = fs::read(path).unwrap();
    let (_, compression) = Compression::split(path.file_name()?.to_str()?);
    match compression {
        Some(compression) => compression.decompress(&content, 16 << 20).ok(),
        None => Some(content),
    }
}

/// Returns the tar archive of a base backup.
pub(crate) fn base_backup(name: &str) -> Vec<u8> {
    plain(&fixtures().join(format!("base/{name}/data.tar.gz"))).unwrap()
}
