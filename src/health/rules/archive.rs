//! Rules on an archive as a whole.

use super::{ScannedArchive, storage};
use crate::health::{Evidence, Finding};
use crate::report::ArchiveStatus;

/// Finding on an archive without a good scan: nothing is known about its servers.
pub(super) fn scan_failed(status: &ArchiveStatus) -> Finding {
    let failure = status
        .last_failure
        .as_ref()
        .map(|failure| failure.message.clone());
    Finding::unknown(Evidence::ScanFailed { failure })
}

pub(super) fn no_servers(archive: &ScannedArchive<'_>) -> Option<Finding> {
    let report = archive.report;
    // Expected servers have findings of their own.
    let is_empty = report.servers.is_empty() && !report.has_server_directories();
    is_empty.then_some(Finding::unknown(Evidence::NoServers))
}

pub(super) fn listed_in_part(archive: &ScannedArchive<'_>) -> Option<Finding> {
    let is_whole = archive.report.is_whole;
    (!is_whole).then_some(Finding::ok(Evidence::ListedInPart))
}

/// Finding on uploads outside any server.
pub(super) fn unfinished_uploads(archive: &ScannedArchive<'_>) -> Option<Finding> {
    storage::old_uploads(archive.report.uploads_outside_servers()?, archive.now)
}
