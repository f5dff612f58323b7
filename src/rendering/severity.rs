//! How bad a finding is.

use serde::Serialize;

use super::{FindingCode, Moment};

/// How bad something is; the worst of several is the one that counts.
///
/// What is known to be critical outweighs what could not be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing to do.
    #[default]
    Ok,
    /// Someone should look at it in the daytime.
    Warning,
    /// It could not be told how things are.
    Unknown,
    /// Something cannot be restored.
    Critical,
}

impl Severity {
    /// The worst of several; well without any.
    #[must_use]
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().max().unwrap_or_default()
    }

    /// The severity as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, for scripts: a word that does not change, such as `gap`.
    pub code: FindingCode,
    /// What it is, for people: sentences without a line break.
    pub message: String,
    /// What it is about, in fields beside these.
    #[serde(flatten)]
    pub evidence: Evidence,
}

/// What a finding is about; a field that says nothing about it is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Id of the backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// Number of the timeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<u32>,
    /// Name of the missing segment, or of the first one of a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Name of the last segment of a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_segment: Option<String>,
    /// Key of the object, from the bucket's root; if there are several, the newest one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How many segments, objects, uploads or backups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Since when it has been so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
}

impl Finding {
    pub(super) fn new(severity: Severity, code: FindingCode, message: String) -> Self {
        Self { severity, code, message, evidence: Evidence::default() }
    }

    pub(super) fn with(mut self, evidence: Evidence) -> Self {
        self.evidence = evidence;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_critical_outweighs_what_is_not_known() {
        let all = [Severity::Warning, Severity::Critical, Severity::Unknown, Severity::Ok];

        assert_eq!(Severity::worst(all), Severity::Critical);
        assert_eq!(Severity::worst([Severity::Unknown, Severity::Warning]), Severity::Unknown);
        assert_eq!(Severity::worst([]), Severity::Ok);
    }
}
