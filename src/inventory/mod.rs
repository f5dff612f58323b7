//! What an archive contains, as sums and runs.
//!
//! Objects are folded in one by one and forgotten: what stays grows with servers, backups and log
//! directories, not with objects.

mod archive;
mod backups;
mod directory;
mod files;
mod object;
mod sums;
mod wal;

pub use archive::Inventory;
pub use backups::BackupInventory;
pub use directory::DirectoryInventory;
pub use files::{FileContent, FileKind, Files, Finding, SmallFile, UnreadableReason};
pub use object::{ListedObject, UnfinishedUpload};
pub use sums::Sums;
pub use wal::{LogInventory, WalInventory, WalObjectKind};
