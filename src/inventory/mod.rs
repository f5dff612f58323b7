//! What an archive contains, as sums and runs.
//!
//! Objects are folded in one by one and forgotten: what stays grows with servers, backups and log
//! directories, not with objects.

mod archive;
mod backups;
mod directory;
mod files;
mod intervals;
mod log;
mod logged_files;
mod names;
mod object;
mod packed_files;
mod rarities;
mod stock;
mod storage_class;
mod sums;
mod wal;

pub use archive::Inventory;
pub use backups::BackupInventory;
pub use directory::DirectoryInventory;
pub use files::{FileContent, FileKind, Files, Finding, SmallFile, UnreadableReason};
pub use intervals::Intervals;
pub use log::LogInventory;
pub use logged_files::LoggedFile;
pub use names::SomeNames;
pub use object::{ListedObject, UnfinishedUpload};
pub use rarities::{PartialSegment, Rarities};
pub use stock::{Day, Stock};
pub use storage_class::StorageClass;
pub use sums::{SomeObjects, Sums};
pub use wal::{BesideLogs, KindSums, WalInventory, WalObjectKind};
