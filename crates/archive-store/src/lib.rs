#![doc = include_str!("../README.md")]

mod adaptive_limit;
mod error;
mod key_order;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
mod observer;
mod outcome;
mod pages;
mod store;
mod uploads;
mod version;

pub use adaptive_limit::{AdaptiveLimit, LimitedStore};
pub use barman_archive::inventory::{ListedObject, StorageClass, UnfinishedUpload};
pub use error::{ErrorScope, StorageError};
pub use key_order::{Forward, KeyOrder};
pub use observer::RequestObserver;
pub use outcome::{ErrorKind, Operation, RequestOutcome};
pub use pages::{EntityTags, ListPage, ListRequest};
pub use store::ObjectStore;
pub use uploads::{UploadCoverage, UploadListing};
pub use version::{MAX_RANGE_BYTES, ObjectChecksums, ObjectVersion};
