//! Faults of compressed objects, and other reasons why one cannot be decoded.

use std::io;

use thiserror::Error;

use super::Content;

/// Bytes behind the end of compressed content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailingBytes {
    /// Zeros, up to the end.
    Zeros,
    /// Trailer of framing, such as `x-amz-checksum-crc32:…`.
    Framing,
    /// Anything else.
    Other,
}

/// Fault of the bytes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CodecFault {
    /// No byte at all.
    #[error("the object is empty")]
    Empty,
    /// Object that ends before its stream does.
    ///
    /// Damage can look like this: a length that was changed can reach behind the end. Streams of Snappy
    /// have no end, so that a cut between two of its chunks shows in the number of bytes only.
    #[error("the object ends before its compressed stream does")]
    Truncated,
    /// Bytes that break the rules of the format, or whose checksum fails.
    #[error("the compressed stream is damaged")]
    Damaged,
    /// First bytes that are not those of the format.
    #[error("the object does not start like the format that its name states")]
    NotThisFormat {
        /// What the bytes look like; `None` if that is not recognised.
        looks_like: Option<Content>,
    },
    /// Something behind the end of the last stream.
    #[error("there is something behind the end of the compressed stream")]
    Trailing(TrailingBytes),
    /// More decompressed bytes than allowed.
    #[error("more than {max_bytes} bytes when decompressed")]
    TooLong {
        /// Maximum number of bytes.
        max_bytes: u64,
    },
}

/// Reason why an object cannot be decoded to its end.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Fault of the object.
    #[error(transparent)]
    Fault(#[from] CodecFault),
    /// Stream that demands more memory than allowed. It cannot be read here; it can be sound.
    #[error("the compressed stream demands more memory than a decoder may use")]
    TooMuchMemory,
    /// Stream that uses a part of its format that is not supported here. It can be sound.
    #[error("the compressed stream uses an unsupported part of its format")]
    Unsupported,
    /// Failure of the reader, unchanged. It says nothing about the object.
    #[error("the object cannot be read")]
    Read(#[source] io::Error),
}

impl DecodeError {
    /// Returns the fault of the object; `None` if the object is not to blame.
    #[must_use]
    pub const fn fault(&self) -> Option<CodecFault> {
        match self {
            Self::Fault(fault) => Some(*fault),
            Self::TooMuchMemory | Self::Unsupported | Self::Read(_) => None,
        }
    }
}
