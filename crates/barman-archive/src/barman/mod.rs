//! What the keys and files of an archive mean: the layout that the `barman-cloud-*` tools write.
//!
//! `docs/specification.md`, 3 and 4.

mod backup_info;
mod backup_label;
mod compression;
mod keep;
mod key;
mod python;
mod server_pattern;
mod time;

pub use backup_info::{
    BackupInfo, BackupInfoError, BackupProgress, BackupStatus, DoneBackup, UnfinishedBackup,
    UnfinishedStatus,
};
pub use backup_label::{BackupLabel, BackupOrigin};
pub use compression::{Compression, DecompressError};
pub use keep::KeepTarget;
pub use key::{
    BackupFile, DataItem, DataObject, NestedNames, ObjectLocation, ServerKey, WalKind, WalObject,
};
pub use server_pattern::{InvalidServerPattern, ServerPattern};
