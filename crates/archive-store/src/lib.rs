//! Object storage as the reader of an archive needs it.
//!
//! A store lists pages of objects, reads small objects, and lists unfinished uploads: everything is in
//! the trait [`ObjectStore`], and nothing in it writes. Each kind of store is a crate of its own that
//! implements the trait; this one knows no protocol and opens no connection.
//!
//! What must hold for every store: an error that it returns is final (it has retried what is worth
//! retrying), and its text holds no secret.

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

pub use adaptive_limit::{AdaptiveLimit, LimitedStore};
pub use barman_archive::inventory::{ListedObject, StorageClass, UnfinishedUpload};
pub use error::{ErrorScope, StorageError};
pub use key_order::{Forward, KeyOrder};
pub use observer::RequestObserver;
pub use outcome::{ErrorKind, Operation, RequestOutcome};
pub use pages::{ListPage, ListRequest};
pub use store::ObjectStore;
pub use uploads::{UploadCoverage, UploadListing};
