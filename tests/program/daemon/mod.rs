//! Program as a daemon: its start, its pages, its scans, its end.

#![expect(clippy::unwrap_used, reason = "a test may end so")]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]
#![expect(clippy::float_cmp, reason = "counts are whole")]

mod backup_schedule;
mod command_line;
mod log;
mod pages;
mod schedule;
mod start;
mod stop;

use std::time::Duration;

use embedded_s3::{Action, Fault};
use test_support::{EmbeddedArchive, Exporter, Samples, every_second};

/// Name of the archive in the exporter's configuration.
const ARCHIVE: &str = "production";

/// Time for what takes one or two scans; far more than needed.
const SOON: Duration = Duration::from_secs(30);

/// Exporter of the small archive that has finished a scan.
async fn scanned() -> (EmbeddedArchive, Exporter) {
    let archive = EmbeddedArchive::small(1000).await;
    let exporter = Exporter::start(every_second([archive.settings(ARCHIVE)]).to_string()).await;
    let is_up = |samples: &Samples| samples.value("barman_cloud_up", &[]) == Some(1.0);
    exporter.wait_for("a good scan", SOON, is_up).await;
    (archive, exporter)
}

/// Small archive on a store that never answers.
async fn hanging() -> EmbeddedArchive {
    let archive = EmbeddedArchive::small(1000).await;
    archive.s3().faults().set([Fault::always(Action::Hang)]);
    archive
}
