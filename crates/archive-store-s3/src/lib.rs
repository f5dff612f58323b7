//! Object storage over the S3 API: the only crate that uses the AWS SDK.
//!
//! | File | Content |
//! |---|---|
//! | `store.rs` | the calls |
//! | `settings.rs` | location of a bucket, and the credentials for it |
//! | `client.rs` | the SDK's client, built from the settings |
//! | `credentials.rs` | credentials in files |
//! | `endpoint.rs` | the address that requests go to |
//! | `product.rs` | the program that answers |
//! | `requests.rs` | the counter of requests |
//! | `errors.rs` | the SDK's errors, translated |
//! | `answers.rs` | the SDK's answers, translated |
//! | `pages.rs` | pages of objects, withheld from the SDK's decoder |
//! | `decoding.rs` | pages of objects, decoded |
//! | `xml.rs` | the elements of an XML document |
//! | `whole.rs` | listings that break off |

mod advice;
mod answers;
mod client;
mod credentials;
mod decoding;
mod encoding;
mod endpoint;
mod errors;
mod fault;
mod http;
mod pages;
mod product;
mod requests;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod whole;
mod xml;

pub use decoding::FULL_PAGE;
pub use settings::{CredentialSource, S3Settings};
pub use store::S3Store;
