//! Faults of WAL.

use barman_archive::postgres::{Lsn, TimelineId};

/// Fault at which `PostgreSQL` ends replay, or refuses the segment.
///
/// Positions are those of the page or record that is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalFault {
    /// Fewer bytes than a segment has.
    #[error("the segment has {found} bytes instead of {expected}")]
    Truncated {
        /// Number of bytes that came.
        found: u64,
        /// Size of a segment.
        expected: u64,
    },
    /// More bytes than a segment has.
    #[error("the segment has more than {expected} bytes")]
    TooLong {
        /// Size of a segment.
        expected: u64,
    },
    /// Number at the start of the first page that no known version has.
    ///
    /// With [`WalFormat::is_unknown_magic`](super::WalFormat::is_unknown_magic) it can be another version
    /// of `PostgreSQL`, which is not damage.
    #[error("the page at {at} starts with the unknown number {magic:04X}")]
    Magic {
        /// Position of the page.
        at: Lsn,
        /// Number at its start.
        magic: u16,
    },
    /// Page that does not start with the same number as the page before.
    #[error("the page at {at} does not start as the one before")]
    OtherFormat {
        /// Position of the page.
        at: Lsn,
    },
    /// Flags that the version does not have, or that do not belong on this page.
    #[error("the page at {at} has the flags {flags:04X}")]
    Flags {
        /// Position of the page.
        at: Lsn,
        /// Flags of the page.
        flags: u16,
    },
    /// Segment of another database cluster.
    #[error("the segment is of the database system {found} instead of {expected}")]
    SystemIdentifier {
        /// Identifier in the segment.
        found: u64,
        /// Identifier that was expected.
        expected: u64,
    },
    /// Size of segments or pages that does not fit.
    #[error("the segment states a segment size of {segment} and a page size of {page} bytes")]
    Sizes {
        /// Size of segments in the header.
        segment: u32,
        /// Size of pages in the header.
        page: u32,
    },
    /// Page that belongs elsewhere.
    #[error("the page at {at} says that it is at {found}")]
    PageAddress {
        /// Position of the page.
        at: Lsn,
        /// Position that it states.
        found: Lsn,
    },
    /// Page of a timeline that cannot have written it.
    #[error("the page at {at} is of timeline {found}")]
    Timeline {
        /// Position of the page.
        at: Lsn,
        /// Timeline that it states.
        found: TimelineId,
    },
    /// Zeros where WAL goes on afterwards.
    #[error("there are zeros at {at}")]
    Zeros {
        /// First position of the zeros.
        at: Lsn,
    },
    /// Page that continues another record than the one that is open.
    #[error("the page at {at} does not continue the record before it")]
    Continuation {
        /// Position of the page.
        at: Lsn,
    },
    /// Record with an impossible length.
    #[error("the record at {at} has an impossible length of {length} bytes")]
    Length {
        /// Start of the record.
        at: Lsn,
        /// Length that it states.
        length: u32,
    },
    /// Record that does not follow the one before.
    #[error("the record at {at} says that the one before it is at {found}")]
    Previous {
        /// Start of the record.
        at: Lsn,
        /// Start of the record before, as it states.
        found: Lsn,
    },
    /// Record of a resource manager that cannot exist.
    #[error("the record at {at} has the resource manager {manager}")]
    ResourceManager {
        /// Start of the record.
        at: Lsn,
        /// Number of the resource manager.
        manager: u8,
    },
    /// Record whose checksum fails.
    #[error("the checksum of the record at {at} is wrong")]
    Checksum {
        /// Start of the record.
        at: Lsn,
    },
    /// Segment that does not follow the one before.
    #[error("the segment begins at {found}, and the one before ends at {expected}")]
    Gap {
        /// First position of the segment.
        found: Lsn,
        /// End of the segment before.
        expected: Lsn,
    },
}
