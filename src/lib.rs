//! Reads archives of `PostgreSQL` backups in Barman Cloud's layout and reports on them to Prometheus.
//!
//! `ARCHITECTURE.md` describes how the modules work together. Dependencies point one way:
//! `evidence ← report ← assess`, `report ← health ← output ← pages`, and `report ← metrics`; all of these are
//! pure. The modules that do I/O (`certificates`, `scan`, `verification`, `web`) know nothing of `config`: only `app`
//! sees both, and only `app` reads the clock.
//!
//! | module | holds |
//! |---|---|
//! | [`evidence`] | what is known of contents, because they were read |
//! | [`report`] | the immutable result of one scan |
//! | [`assess`] | the rules that make a report of what a scan read and an operator expects |
//! | [`health`] | findings: a closed set of problems, with severity and evidence |
//! | [`output`] | sentences about findings; documents as JSON, text and Markdown |
//! | [`pages`] | the HTML of the landing page |
//! | [`metrics`] | what Prometheus sees |
//! | [`config`] | what an operator can set |
//! | [`clock`] | the source of the current time |
//! | [`certificates`] | certificates in files, and in handshakes |
//! | [`scan`] | one pass over an archive, and its schedule |
//! | [`verification`] | reading of contents within a budget |
//! | [`web`] | the HTTP server: routes, bytes and limits |
//! | [`app`] | builds and connects the modules |

pub mod app;
pub mod assess;
pub mod certificates;
pub mod clock;
pub mod config;
pub mod evidence;
pub mod health;
pub mod metrics;
pub mod output;
pub mod pages;
pub mod report;
pub mod scan;
#[cfg(test)]
mod tests;
pub mod verification;
pub mod web;
