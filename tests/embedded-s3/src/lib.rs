//! S3 service in memory, for the demo and the tests.
//!
//! Fill a [`Store`], start a [`Server`] on it, and point any S3 client at
//! [`Server::endpoint`] with path-style addresses. While it runs, the store can be
//! changed, [`Faults`] can be set, and the [`Request`]s it saw can be read.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use embedded_s3::{Action, Fault, Operation, Options, Server, Store, When};
//!
//! let store = Store::default();
//! store.put_bytes("bucket", "some/key", "content", chrono::DateTime::UNIX_EPOCH);
//!
//! let server = Server::start(store, Options::default()).await?;
//! let second_listing = When::operation(Operation::ListObjects).from_request(2).times(1);
//! server.faults().add(Fault::new(second_listing, Action::slow_down()));
//! assert!(server.endpoint().starts_with("http://127.0.0.1:"));
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

mod actions;
mod body;
mod checksums;
mod encoding;
mod faults;
mod front;
mod listing;
mod objects;
pub mod recorded;
mod requests;
mod server;
mod service;
mod store;
mod tls;
mod uploads;

pub use actions::{Action, ErrorAnswer};
pub use checksums::{ChecksumKind, Checksums};
pub use faults::{Fault, Faults, When};
pub use requests::{Operation, Request};
pub use server::{Options, Product, Server};
pub use store::{Content, Object, Part, Store, Upload};
pub use tls::{Certificates, CertificatesError, Tls};
