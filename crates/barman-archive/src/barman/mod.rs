//! Meaning of the keys and files of an archive: the layout that the `barman-cloud-*` tools write.
//!
//! Each key has exactly one meaning, and so every object is counted once. Files are read as Barman
//! reads them. Nothing here trusts a file: every parser is total, and what a file dictates is
//! bounded.
//!
//! `docs/specification.md`, 3 and 4.

mod backup_info;
#[cfg(any(test, feature = "test-archives"))]
mod backup_info_text;
mod backup_label;
mod compression;
mod directories;
mod keep;
mod key;
mod python;
mod server_pattern;
mod time;

pub use backup_info::{
    BackupInfo, BackupInfoError, BackupProgress, BackupStatus, DoneBackup, UnfinishedBackup,
    UnfinishedStatus,
};
#[cfg(any(test, feature = "test-archives"))]
pub use backup_info_text::BackupInfoText;
pub use backup_label::{BackupLabel, BackupOrigin};
pub use compression::{
    Compression, DecompressError, MAX_DECODER_BYTES, StreamDecoder, StreamError, StreamLimits,
};
pub use directories::{backup_directory, base_directory, wal_directory, wals_directory};
pub use keep::KeepTarget;
pub use key::{
    BackupFile, DataItem, DataObject, NestedNames, ObjectLocation, ServerKey, WalKind, WalObject,
};
pub use server_pattern::{InvalidServerPattern, ServerPattern};
