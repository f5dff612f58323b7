//! Words for faults, and for what a read does not prove.

use crate::evidence::{DataFault, FaultKind, Unproven};
use crate::output::SelectedBackupEntry;
use crate::output::words::count;
use crate::report::UnreadReason;

/// Describes a fault of an object, as what the object is or does.
pub(super) const fn fault_in_words(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Truncated => "ends too early",
        FaultKind::Trailing => "goes on after its end",
        FaultKind::OtherFormat => "is not in the format that its name states",
        FaultKind::Codec => "cannot be decompressed",
        FaultKind::Length => "does not have the size of a segment",
        FaultKind::Zeros => "has zeros in place of WAL",
        FaultKind::Foreign => "is of another cluster",
        FaultKind::Misplaced => "is WAL of another position or timeline",
        FaultKind::Page => "has a damaged page",
        FaultKind::Record => "has a damaged record",
        FaultKind::Discontinued => "does not continue the segment before it",
        FaultKind::EndsEarly => "ends before it is full",
        FaultKind::UnknownFormat => "is in an unknown format",
        FaultKind::TooMuchMemory => "takes too much memory to decompress",
        FaultKind::Refused => "is refused by the store",
        FaultKind::Cold => "is in a storage class without immediate access",
        FaultKind::Inconsistent => "differs from one read to the next",
    }
}

/// Describes a fault of a backup's data by its word.
pub(super) fn data_fault(word: &str) -> String {
    let Some(fault) = DataFault::of_label(word) else {
        // Evidence of another version of the program.
        return "it is damaged in a way that this version does not know".to_owned();
    };
    let words = match fault {
        DataFault::Object(kind) => return format!("an object {}", fault_in_words(kind)),
        DataFault::StoreChecksum => "an object differs from the checksum that the store has of it",
        DataFault::Pages => "pages of relations are damaged",
        DataFault::Archive => "a tar archive is not whole",
        DataFault::MissingMember => "a file that every backup contains is missing",
        DataFault::Label => "its `backup_label` differs from the one in backup.info",
        DataFault::ControlFile => "its `pg_control` is damaged",
        DataFault::SegmentSize => "its `pg_control` is of a cluster with another segment size",
        DataFault::Timeline => "its `pg_control` is of a later timeline",
        DataFault::Checkpoint => "its `pg_control` is newer than the end of the backup",
        DataFault::MajorVersion => "it is of another major version of PostgreSQL",
        DataFault::State => "its `pg_control` is not that of a standby, as its label says",
        DataFault::Manifest => "its manifest is damaged",
        DataFault::Files => "files differ from the manifest",
        DataFault::RecoveryPoint => "it needs WAL from after the end of the backup",
        DataFault::NoManifest => "it has no manifest to compare the files with",
    };
    words.to_owned()
}

/// Describes what a read of a backup's data does not prove, by its word; `None` for a word of another
/// version of the program.
pub(super) fn unproven_in_words(word: &str, backup: &SelectedBackupEntry) -> Option<String> {
    let zero = backup.pages.map_or(0, |pages| pages.zero);
    let words = match Unproven::of_label(word)? {
        Unproven::PagesWithoutChecksums => {
            "pages have no checksums (only their headers were looked at)"
        }
        Unproven::PagesNotChecked => "pages were not looked at",
        Unproven::ZeroPages => {
            return Some(format!(
                "{} of zeros (new or lost, which nothing can tell apart)",
                count(zero, "page")
            ));
        }
        Unproven::FilesWithoutChecksums => "files without checksums, such as configuration files",
        Unproven::MapsPassedOver => {
            "damaged pages of free space and visibility maps, which PostgreSQL replaces"
        }
        Unproven::UnloggedRelationsPassedOver => {
            "damaged pages of unlogged relations, which a restore empties"
        }
        Unproven::EndsOfFiles => "ends of files that are not a whole page",
        Unproven::NoChecksumOfTheStore => {
            "the store has no checksum of the objects to compare with"
        }
    };
    Some(words.to_owned())
}

/// Describes why something was not read, as a clause.
pub(super) const fn unread_in_words(reason: UnreadReason) -> &'static str {
    match reason {
        UnreadReason::Budget => "it is larger than what was left of --max-bytes",
        UnreadReason::Cold => "it is in a storage class without immediate access",
        UnreadReason::DryRun => "this is a dry run",
        UnreadReason::Ended => "the reads ended before",
        UnreadReason::Gone => "it was deleted or replaced since the scan",
    }
}
