//! Assessment of an archive: what a scan read, and what an operator expects, become a report.
//!
//! Pure: [`assess`] takes the inventory, the content of small files, expectations and the current
//! time. It never guesses. A value that depends on a file that was not read, or on WAL files that the
//! inventory has forgotten, is absent from the report; the WAL directories to list again for it are
//! returned next to the report. The rules of PostgreSQL and Barman are those of `barman_archive`; here they are
//! applied to every server, and to every database cluster that shares a server's directory.

mod archive;
mod backups;
mod candidates;
mod clusters;
mod contents;
mod contents_report;
mod deletion;
mod expectations;
mod judged_cluster;
mod newest_wal;
mod oddities;
mod prefixes;
mod reclaimable;
mod recovery;
mod refusals;
mod retention;
mod scan_findings;
mod schedule;
mod segments;
mod server;
mod targets;
mod timelines;
mod uploads;
mod waiting;
mod wal_anomalies;

#[cfg(test)]
mod tests;

pub use archive::{Assessment, assess};
pub use contents::EDGE_BYTES;
pub use expectations::{AllowedHours, ContentsExpectation, Expectations, RetentionPolicies};
pub use oddities::oddities;
pub use scan_findings::ScanFindings;
pub use targets::{ArchiveTargets, BackupTarget, DirTarget, ServerTargets};
