//! Findings: everything that is wrong with an archive, its servers and certificates.
//!
//! A rule is one function that looks at a report and returns findings; `rules` lists them all. A
//! finding has a severity and typed [`Evidence`], which determines its [`FindingCode`]. No rule
//! writes a sentence, and nothing unknown is reported as known: a rule that depends on a file that
//! the store refuses stays silent.

mod code;
mod evidence;
mod faults;
mod finding;
mod rules;
mod severity;
mod staleness;
mod summary;
mod thresholds;

pub use code::FindingCode;
pub use evidence::{Evidence, IncompleteBackup, MemberOfChain, MissingBackup, OddObjects};
pub use faults::{Doubt, FaultyData, FaultySegments, ProvenEnd};
pub use finding::Finding;
pub use rules::{archive_findings, certificate_findings, server_findings};
pub use severity::Severity;
pub use staleness::Staleness;
pub use summary::{RestoreVerdict, ServerSummary, server_summaries};
pub use thresholds::{LONG_RUN, Threshold, thresholds};
