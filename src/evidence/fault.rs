//! Faults of WAL files, as they are remembered.

use archive_contents::codec::CodecFault;
use archive_contents::wal::{WalFault, WalFormat};
use barman_archive::postgres::Lsn;
use serde::{Deserialize, Serialize};

/// Kind of a fault that was found in the content of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Content that ends too early.
    Truncated,
    /// Something after the end of the content.
    Trailing,
    /// Content that is not in the format that the key's ending states.
    OtherFormat,
    /// Compressed content that its codec refuses.
    Codec,
    /// Content of another length than a segment.
    Length,
    /// Zeros where WAL should be.
    Zeros,
    /// WAL of another database cluster.
    Foreign,
    /// WAL of another position or timeline than the name states.
    Misplaced,
    /// Page header that is damaged.
    Page,
    /// Record that is damaged.
    Record,
    /// WAL that does not continue the segment before it.
    Discontinued,
    /// WAL that ends within a segment, without a switch.
    EndsEarly,
    /// Format that is not known here, of another version of `PostgreSQL` for example.
    UnknownFormat,
    /// Decompression that takes more memory than is allowed.
    TooMuchMemory,
    /// Object to which the store refuses access.
    Refused,
    /// Object in a storage class that cannot be read at once.
    Cold,
    /// Object that the store lists and does not have when it is asked for it.
    NotGivenOut,
    /// Object that cannot be read to its end again and again, while the store answers otherwise.
    Unanswered,
    /// Object whose content changed from one read of the same version to the next.
    Inconsistent,
}

/// What keeps content from being judged.
#[derive(Clone, Copy)]
enum Hindrance {
    /// Something of the content, which only a new version of it can change.
    Lasting,
    /// Something of the store, which can be otherwise the next time.
    Passing,
}

impl FaultKind {
    /// Every kind, in order.
    pub const ALL: [Self; 19] = [
        Self::Truncated,
        Self::Trailing,
        Self::OtherFormat,
        Self::Codec,
        Self::Length,
        Self::Zeros,
        Self::Foreign,
        Self::Misplaced,
        Self::Page,
        Self::Record,
        Self::Discontinued,
        Self::EndsEarly,
        Self::UnknownFormat,
        Self::TooMuchMemory,
        Self::Refused,
        Self::Cold,
        Self::NotGivenOut,
        Self::Unanswered,
        Self::Inconsistent,
    ];

    /// The kind as a word for scripts.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Trailing => "trailing",
            Self::OtherFormat => "other_format",
            Self::Codec => "codec",
            Self::Length => "length",
            Self::Zeros => "zeros",
            Self::Foreign => "foreign",
            Self::Misplaced => "misplaced",
            Self::Page => "page",
            Self::Record => "record",
            Self::Discontinued => "discontinued",
            Self::EndsEarly => "ends_early",
            Self::UnknownFormat => "unknown_format",
            Self::TooMuchMemory => "too_much_memory",
            Self::Refused => "refused",
            Self::Cold => "cold",
            Self::NotGivenOut => "not_given_out",
            Self::Unanswered => "unanswered",
            Self::Inconsistent => "inconsistent",
        }
    }

    /// Returns whether a fault of this kind is no damage, but keeps the content from being judged.
    #[must_use]
    pub const fn is_unreadable(self) -> bool {
        self.hindrance().is_some()
    }

    /// Returns whether an object with this fault can become readable without being written again.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        matches!(self.hindrance(), Some(Hindrance::Passing))
    }

    const fn hindrance(self) -> Option<Hindrance> {
        match self {
            Self::UnknownFormat | Self::TooMuchMemory => Some(Hindrance::Lasting),
            Self::Refused | Self::Cold | Self::NotGivenOut | Self::Unanswered => {
                Some(Hindrance::Passing)
            }
            Self::Truncated
            | Self::Trailing
            | Self::OtherFormat
            | Self::Codec
            | Self::Length
            | Self::Zeros
            | Self::Foreign
            | Self::Misplaced
            | Self::Page
            | Self::Record
            | Self::Discontinued
            | Self::EndsEarly
            | Self::Inconsistent => None,
        }
    }

    /// Kind of a fault of compressed content.
    #[must_use]
    pub const fn of_codec(fault: CodecFault) -> Self {
        match fault {
            CodecFault::Empty | CodecFault::Truncated => Self::Truncated,
            CodecFault::Damaged => Self::Codec,
            CodecFault::NotThisFormat { .. } => Self::OtherFormat,
            CodecFault::Trailing(_) => Self::Trailing,
            CodecFault::TooLong { .. } => Self::Length,
        }
    }

    /// Kind of a fault of WAL.
    #[must_use]
    pub fn of_wal(fault: WalFault) -> Self {
        match fault {
            WalFault::Truncated { .. } | WalFault::TooLong { .. } => Self::Length,
            WalFault::Magic { magic, .. } if WalFormat::is_unknown_magic(magic) => {
                Self::UnknownFormat
            }
            WalFault::SystemIdentifier { .. } => Self::Foreign,
            WalFault::PageAddress { .. } | WalFault::Timeline { .. } => Self::Misplaced,
            WalFault::Zeros { .. } => Self::Zeros,
            WalFault::Magic { .. }
            | WalFault::OtherFormat { .. }
            | WalFault::Flags { .. }
            | WalFault::Sizes { .. } => Self::Page,
            WalFault::Length { .. }
            | WalFault::ResourceManager { .. }
            | WalFault::Checksum { .. } => Self::Record,
            WalFault::Continuation { .. } | WalFault::Previous { .. } | WalFault::Gap { .. } => {
                Self::Discontinued
            }
        }
    }
}

/// Effect of a faulty WAL file on a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Replay ends within the segment, or before it, without an error.
    EndsReplay {
        /// Position up to which replay gets.
        ends_at: Lsn,
        /// Position from which the rest can be read by a replay that begins there; `None` if there
        /// is none.
        sound_from: Option<Lsn>,
    },
    /// `PostgreSQL` refuses the file: "archive file has wrong size".
    WrongSize,
    /// WAL ends at a position. That is allowed in the last segment of a timeline.
    EndsAt(Lsn),
    /// None that is known.
    Unknown,
}

/// Fault of a WAL file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFault {
    /// Kind of the fault.
    pub kind: FaultKind,
    /// Effect on a restore.
    pub effect: Effect,
    /// True if a second read of the same bytes found the same.
    pub is_confirmed: bool,
}

impl SegmentFault {
    /// Creates a fault that was found once.
    #[must_use]
    pub const fn new(kind: FaultKind, effect: Effect) -> Self {
        Self {
            kind,
            effect,
            is_confirmed: false,
        }
    }
}
