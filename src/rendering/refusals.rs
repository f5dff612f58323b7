//! Findings on files whose content the store refuses.

use super::human::{count, cut};
use super::{Evidence, Finding, FindingCode, Severity};
use crate::report::{Refused, RefusedKind, ServerReport};

/// Maximum length of the store's reason in a finding, in characters.
const REASON_CHARACTERS: usize = 400;

/// Returns one finding for each kind of file: what depends on them is not known.
pub(super) fn refusals(server: &ServerReport) -> Vec<Finding> {
    server.refusals.kinds.iter().map(|(kind, refused)| finding(*kind, refused)).collect()
}

fn finding(kind: RefusedKind, refused: &Refused) -> Finding {
    let (code, unit, consequence) = match kind {
        RefusedKind::BackupInfo => (
            FindingCode::BackupUnreadable,
            "backup.info file",
            "it is not known whether these backups can be restored",
        ),
        RefusedKind::History => (
            FindingCode::FileUnreadable,
            "history file",
            "the ancestry of these timelines is not known",
        ),
        RefusedKind::Keep => {
            (FindingCode::FileUnreadable, "keep annotation", "which backups are kept is not known")
        }
    };
    let message = format!(
        "The store refuses to return {}, so {consequence}: {}",
        count(refused.count, unit),
        cut(&refused.message, REASON_CHARACTERS)
    );
    let evidence = Evidence {
        count: Some(refused.count),
        key: Some(refused.newest_key.clone()),
        ..Evidence::default()
    };
    Finding::new(Severity::Unknown, code, message).with(evidence)
}
