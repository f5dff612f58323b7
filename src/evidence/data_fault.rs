//! Faults of a base backup's data, and what a read of them does not prove.

use super::FaultKind;

/// Fault of a base backup's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataFault {
    /// Fault of an object, as WAL files have them, too.
    Object(FaultKind),
    /// Object that differs from the checksum that the store has of it.
    StoreChecksum,
    /// Pages of relations, or small files of databases, that a server refuses.
    Pages,
    /// Archive that `tar` cannot read to its end.
    Archive,
    /// File that every backup contains and that is missing.
    MissingMember,
    /// `backup_label` that is not the one of `backup.info`.
    Label,
    /// `pg_control` that is damaged.
    ControlFile,
    /// `pg_control` of a cluster with segments of another size.
    SegmentSize,
    /// `pg_control` of another timeline.
    Timeline,
    /// `pg_control` with a checkpoint that is not the backup's.
    Checkpoint,
    /// `PG_VERSION` of another major version.
    MajorVersion,
    /// `pg_control` of a server that was not a standby, in a backup taken from one.
    State,
    /// Manifest that cannot be read.
    Manifest,
    /// Files that are not as the manifest says.
    Files,
    /// Minimum recovery point behind the end of the backup.
    RecoveryPoint,
    /// Incremental backup without a manifest.
    NoManifest,
}

impl DataFault {
    /// Every fault that is not one of an object.
    const OTHERS: [Self; 15] = [
        Self::StoreChecksum,
        Self::Pages,
        Self::Archive,
        Self::MissingMember,
        Self::Label,
        Self::ControlFile,
        Self::SegmentSize,
        Self::Timeline,
        Self::Checkpoint,
        Self::MajorVersion,
        Self::State,
        Self::Manifest,
        Self::Files,
        Self::RecoveryPoint,
        Self::NoManifest,
    ];

    /// The fault as a word for scripts.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Object(kind) => kind.as_label(),
            Self::StoreChecksum => "store_checksum",
            Self::Pages => "pages",
            Self::Archive => "archive",
            Self::MissingMember => "missing_member",
            Self::Label => "label",
            Self::ControlFile => "control_file",
            Self::SegmentSize => "segment_size",
            Self::Timeline => "timeline",
            Self::Checkpoint => "checkpoint",
            Self::MajorVersion => "major_version",
            Self::State => "state",
            Self::Manifest => "manifest",
            Self::Files => "files",
            Self::RecoveryPoint => "recovery_point",
            Self::NoManifest => "no_manifest",
        }
    }

    /// Returns the fault with this word; `None` for a word of another version of the program.
    #[must_use]
    pub fn of_label(label: &str) -> Option<Self> {
        let objects = FaultKind::ALL.into_iter().map(Self::Object);
        let mut all = objects.chain(Self::OTHERS);
        all.find(|fault| fault.as_label() == label)
    }
}

/// Something that a read of a backup's data does not prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unproven {
    /// Pages without checksums: only their headers were looked at.
    PagesWithoutChecksums,
    /// Pages that were not looked at.
    PagesNotChecked,
    /// Pages of zeros: new ones, or lost ones, which nothing can tell apart.
    ZeroPages,
    /// Files that have no checksum.
    FilesWithoutChecksums,
    /// Damaged pages of free space and visibility maps.
    MapsPassedOver,
    /// Damaged pages of unlogged relations.
    UnloggedRelationsPassedOver,
    /// Ends of files that are no whole page.
    EndsOfFiles,
    /// Objects of which the store has no checksum.
    NoChecksumOfTheStore,
}

impl Unproven {
    /// Everything that may be unproven, in order.
    pub const ALL: [Self; 8] = [
        Self::PagesWithoutChecksums,
        Self::PagesNotChecked,
        Self::ZeroPages,
        Self::FilesWithoutChecksums,
        Self::MapsPassedOver,
        Self::UnloggedRelationsPassedOver,
        Self::EndsOfFiles,
        Self::NoChecksumOfTheStore,
    ];

    /// The subject as a word for scripts.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::PagesWithoutChecksums => "pages_without_checksums",
            Self::PagesNotChecked => "pages_not_checked",
            Self::ZeroPages => "zero_pages",
            Self::FilesWithoutChecksums => "files_without_checksums",
            Self::MapsPassedOver => "maps_passed_over",
            Self::UnloggedRelationsPassedOver => "unlogged_relations_passed_over",
            Self::EndsOfFiles => "ends_of_files",
            Self::NoChecksumOfTheStore => "no_checksum_of_the_store",
        }
    }

    /// Returns the subject with this word; `None` for a word of another version of the program.
    #[must_use]
    pub fn of_label(label: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|subject| subject.as_label() == label)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_of_data_has_a_word_of_its_own() {
        let objects = FaultKind::ALL.into_iter().map(DataFault::Object);
        let all: Vec<_> = objects.chain(DataFault::OTHERS).collect();

        let words: BTreeSet<_> = all.iter().map(|fault| fault.as_label()).collect();

        assert_eq!(words.len(), all.len());
        for fault in all {
            assert_eq!(DataFault::of_label(fault.as_label()), Some(fault));
        }
    }

    #[test]
    fn what_is_unproven_is_found_by_its_word() {
        for subject in Unproven::ALL {
            assert_eq!(Unproven::of_label(subject.as_label()), Some(subject));
        }
        assert_eq!(Unproven::of_label("something else"), None);
    }
}
