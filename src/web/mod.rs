//! HTTP server: routes, bytes and limits.
//!
//! This module knows nothing about metrics, reports and configuration: it serves a [`Content`]. No
//! client can hold it up: the number of connections, their headers, their lifetime and the time to
//! write a page are all limited, see [`ConnectionLimits`]. Log messages have the target `web`.

mod accept;
mod content;
mod metrics_page;
mod routes;
mod server;

#[cfg(test)]
mod tests;

pub use accept::wanted_format;
pub use content::{Content, Exposition};
pub use server::{ConnectionLimits, serve};
