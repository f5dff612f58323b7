//! One finding.

use super::{Evidence, FindingCode, Severity};

/// Something that is wrong, or worth knowing.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Severity of the finding.
    pub severity: Severity,
    /// Facts that the finding rests on.
    pub evidence: Evidence,
}

impl Finding {
    pub(super) const fn ok(evidence: Evidence) -> Self {
        Self {
            severity: Severity::Ok,
            evidence,
        }
    }

    pub(super) const fn warning(evidence: Evidence) -> Self {
        Self {
            severity: Severity::Warning,
            evidence,
        }
    }

    pub(super) const fn unknown(evidence: Evidence) -> Self {
        Self {
            severity: Severity::Unknown,
            evidence,
        }
    }

    pub(super) const fn critical(evidence: Evidence) -> Self {
        Self {
            severity: Severity::Critical,
            evidence,
        }
    }

    /// Code of the finding.
    #[must_use]
    pub const fn code(&self) -> FindingCode {
        self.evidence.code()
    }
}
