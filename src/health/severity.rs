//! Severities of findings.

/// Severity of a finding, or of the worst of several.
///
/// A problem that is known to be critical outweighs one that could not be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing to do.
    #[default]
    Ok,
    /// Something that should be looked at during working hours.
    Warning,
    /// Something that could not be judged.
    Unknown,
    /// Something that cannot be restored.
    Critical,
}

impl Severity {
    /// Returns the worst of several severities; [`Severity::Ok`] without any.
    #[must_use]
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().max().unwrap_or_default()
    }

    /// The severity as a word.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_critical_outweighs_what_is_not_known() {
        let all = [
            Severity::Warning,
            Severity::Critical,
            Severity::Unknown,
            Severity::Ok,
        ];

        assert_eq!(Severity::worst(all), Severity::Critical);
        assert_eq!(
            Severity::worst([Severity::Unknown, Severity::Warning]),
            Severity::Unknown
        );
        assert_eq!(Severity::worst([]), Severity::Ok);
    }
}
