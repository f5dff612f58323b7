//! Reads archives of `PostgreSQL` backups in Barman Cloud's layout and tells Prometheus about them.
//!
//! A scan: list keys → read `backup.info` and history files → inventory → report, swapped in for
//! the old one. A scrape encodes the latest reports and does no I/O. Uses go one way:
//! `postgres ← barman ← inventory ← recovery ← report ← assess, rendering, metrics`, with `schedule` and
//! `x509` beside them. The modules that do I/O (`trust`, `storage`, `certificates`, `scan`, `web`) know nothing
//! of `config`: only `app` sees both, and only `app` reads the clock.
//!
//! | module | holds |
//! |---|---|
//! | [`report`] | the immutable result of one scan |
//! | [`assess`] | the rules that make a report of what a scan read and an operator expects |
//! | [`rendering`] | what a report says to people and their scripts: findings, sums, JSON, text |
//! | [`metrics`] | what Prometheus sees |
//! | [`config`] | what an operator can set |
//! | [`certificates`] | certificates in files, and in handshakes |
//! | [`scan`] | one pass over an archive, and its schedule |
//! | [`web`] | `/metrics`, health, the landing page |
//! | [`app`] | builds and connects the modules |

pub mod app;
pub mod assess;
pub mod certificates;
pub mod config;
pub mod metrics;
pub mod rendering;
pub mod report;
pub mod scan;
pub mod web;
