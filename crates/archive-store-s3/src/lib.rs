//! Object storage over the S3 API: the only crate that uses the AWS SDK.
//!
//! The SDK sends, signs and repeats requests; everything that reaches a caller is translated first:
//! answers into our own types, errors into sentences that say what to do. No secret is in an error,
//! half a page is an error and never a short page, and nothing here can write.
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
//! | `http.rs` | connections, and the certificates that they trust |
//! | `errors.rs` | the SDK's errors, translated |
//! | `fault/` | the meaning of an error: its kind, and what it affects |
//! | `advice.rs` | what to do about an error |
//! | `answers.rs` | the SDK's answers, translated |
//! | `reading.rs` | objects, read whole or in ranges |
//! | `ranges.rs` | ranges: asked for, and checked in answers |
//! | `versions.rs` | versions of objects, and their checksums |
//! | `pages.rs` | pages of objects, withheld from the SDK's decoder |
//! | `decoding.rs` | pages of objects, decoded |
//! | `encoding.rs` | keys that stores encode in listings |
//! | `xml.rs` | the elements of an XML document |
//! | `whole.rs` | listings that break off |
//! | `fuzzing.rs` | decoders of answers without a store, for tests |

mod advice;
mod answers;
mod client;
mod credentials;
mod decoding;
mod encoding;
mod endpoint;
mod errors;
mod fault;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod http;
mod pages;
mod product;
mod ranges;
mod reading;
mod requests;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod versions;
mod whole;
mod xml;

pub use decoding::FULL_PAGE;
pub use settings::{CredentialSource, S3Settings};
pub use store::S3Store;
