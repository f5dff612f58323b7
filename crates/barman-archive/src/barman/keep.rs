//! Keep annotations: backups that retention must not delete.

/// Purpose for which a keep annotation keeps a backup (`barman-cloud-backup-keep --target`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeepTarget {
    /// Keeps the backup and all WAL after it.
    Full,
    /// Keeps the backup and only the WAL that makes it consistent.
    Standalone,
}

impl KeepTarget {
    /// Every target, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Full, Self::Standalone];

    /// Target as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Standalone => "standalone",
        }
    }

    /// Reads the content of `annotations/keep`.
    ///
    /// Only the exact word `standalone` makes Barman treat a backup as standalone; with anything
    /// else it keeps the backup and its WAL (`KeepManagerMixinCloud`). An empty annotation keeps
    /// nothing: `None`.
    #[must_use]
    pub fn from_content(content: &[u8]) -> Option<Self> {
        match content {
            b"" => None,
            b"standalone" => Some(Self::Standalone),
            _ => Some(Self::Full),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_other_word_keeps_in_full() {
        assert_eq!(
            KeepTarget::from_content(b"standalone"),
            Some(KeepTarget::Standalone)
        );
        assert_eq!(KeepTarget::from_content(b""), None);
        for content in [&b"full"[..], b"Standalone", b"\xFF", b"nokeep"] {
            assert_eq!(KeepTarget::from_content(content), Some(KeepTarget::Full));
        }
    }
}
