//! Temporary place for databases: in memory if there is room.

use std::path::{Path, PathBuf};

use rustix::fs::statvfs;
use tempfile::TempDir;
use test_support::make_database_directory;

/// Mount point of Linux's file system in memory.
const MEMORY: &str = "/dev/shm";

/// Maximum space that one life and its restores take, in bytes.
const NEEDED: u64 = 1 << 30;

/// Directory of one life; it is removed with everything in it.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn make() -> Self {
        let mut builder = tempfile::Builder::new();
        builder.prefix("truth");
        let made = if has_room(Path::new(MEMORY)) {
            builder.tempdir_in(MEMORY)
        } else {
            builder.tempdir()
        };
        Self(made.expect("temporary directories can be made"))
    }

    /// Path below the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes a directory for programs that run as the user of the database.
    pub(crate) fn make_directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        make_database_directory(&path);
        path
    }
}

fn has_room(path: &Path) -> bool {
    statvfs(path).is_ok_and(|state| state.f_bavail.saturating_mul(state.f_frsize) >= NEEDED)
}
