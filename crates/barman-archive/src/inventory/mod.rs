//! Content of an archive, as sums and runs.
//!
//! Objects are added one by one and then forgotten, so memory grows with the number of servers,
//! backups and WAL directories, not with that of objects.

mod archive;
mod backups;
mod directory;
mod files;
mod intervals;
mod irregularities;
mod names;
mod object;
mod packed_files;
mod storage_class;
mod sums;
mod usage;
mod wal;
mod wal_dir;
mod wal_dir_files;

pub use archive::Inventory;
pub use backups::{BackupInventory, DataState};
pub use directory::DirectoryInventory;
pub use files::{FileContent, FileKind, FileReading, SmallFile, SmallFiles, UnreadableReason};
pub use intervals::Intervals;
pub use irregularities::{Irregularities, PartialSegment};
pub use names::SomeNames;
pub use object::{ListedObject, UnfinishedUpload};
pub use storage_class::StorageClass;
pub use sums::{SomeObjects, Sums};
pub use usage::{Day, Usage};
pub use wal::{KindSums, OutsideWalDirs, WalInventory, WalObjectKind};
pub use wal_dir::WalDirInventory;
pub use wal_dir_files::WalDirFile;
