//! Directories of a server, as prefixes of keys below the destination path.
//!
//! `docs/specification.md`, 3.1.

use crate::postgres::WalDir;

/// Returns the directory of a server's base backups.
#[must_use]
pub fn base_directory(server: &str) -> String {
    format!("{server}/base/")
}

/// Returns the directory of one backup.
#[must_use]
pub fn backup_directory(server: &str, id: &str) -> String {
    format!("{server}/base/{id}/")
}

/// Returns the directory of a server's WAL.
#[must_use]
pub fn wals_directory(server: &str) -> String {
    format!("{server}/wals/")
}

/// Returns a WAL directory of a server.
#[must_use]
pub fn wal_directory(server: &str, wal_dir: WalDir) -> String {
    format!("{server}/wals/{wal_dir}/")
}
