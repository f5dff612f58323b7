//! An S3 service that holds one archive of any size: its pages are computed, not stored.
//!
//! Every key follows from its place among all keys, so that ten million objects cost nothing but
//! the writing of the pages that somebody asks for. It is a service of its own process, so that
//! time and memory of a client can be distinguished from the service's.
//!
//! | file | holds |
//! |---|---|
//! | `archive.rs` | the objects by their place in the order of keys |
//! | `backup.rs` | content of `backup.info` and history files |
//! | `contents.rs` | ranges of large objects |
//! | `listing.rs` | pages of `ListObjectsV2` |
//! | `server.rs` | HTTP, and the time that a request takes |
//! | `text.rs` | numbers and moments, written quickly |

mod archive;
mod backup;
mod contents;
mod listing;
mod server;
mod text;

pub use archive::{Archive, NOW, PREFIX, Shape};
pub use listing::{Query, Start};
pub use server::{ARCHIVE_ONE_MORE, BUCKET, serve};
