//! First and last bytes of an object, and what they prove.
//!
//! Two requests of some kilobytes see most of what is known to happen to archives: objects of another
//! cluster or under a wrong name, framing that a store did not take off, truncation, and content that
//! was compressed twice. What they must never do is to call an object damaged because too few bytes
//! were there to see. They prove nothing about the middle.
//!
//! A fault at the end can have a harmless reason: an object of several streams, which somebody
//! compressed anew, states the size of its last stream only. Only a whole read tells.

mod end;
mod ends;
mod start;
#[cfg(test)]
mod tests;

use barman_archive::barman::Compression;
use thiserror::Error;

use crate::codec::{CodecFault, Content};
use crate::tar::{TAIL_BYTES, TarFault, TarTail};
use crate::wal::{FirstPage, SegmentContext, WalFault};

pub use end::check_end;
pub use start::check_start;

/// Object whose edges are looked at, as its key and the listing describe it.
#[derive(Clone, Debug)]
pub struct EdgeObject {
    /// Compression that the key states.
    pub compression: Option<Compression>,
    /// Size of the object, in bytes.
    pub object_bytes: u64,
    /// Content that the object should have.
    pub content: EdgeContent,
}

/// Content of an object.
#[derive(Clone, Debug)]
pub enum EdgeContent {
    /// Segment of WAL, also a partial one.
    Wal(SegmentContext),
    /// Part of a base backup: a tar archive.
    Tar,
}

/// Result of a look at one edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge<T> {
    /// The edge is as it should be.
    Proven(T),
    /// The edge is not as it should be.
    Fault(EdgeFault),
    /// The edge says nothing.
    Unseen(Unseen),
}

/// Reason why an edge says nothing. None is a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// Too few bytes: the next of [`EdgeObject::first_lengths`] is needed. If there is none, a whole read
    /// is.
    NeedsMore,
    /// The segment can be of another version of `PostgreSQL`, whose pages start with this number.
    UnknownFormat {
        /// Number at the start of the page.
        magic: u16,
    },
    /// The stream demands too much memory.
    TooMuchMemory,
    /// The stream uses a part of its format that is not supported.
    Unsupported,
    /// The format has nothing at its end that could be recognised.
    NoEnd,
}

/// Fault that an edge shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EdgeFault {
    /// Compressed bytes are wrong.
    #[error(transparent)]
    Codec(#[from] CodecFault),
    /// The first page of a segment is wrong, or the size of a segment without compression.
    #[error(transparent)]
    Wal(#[from] WalFault),
    /// The first header of an archive is invalid.
    #[error("the archive does not start with a valid header")]
    TarHeader,
    /// Content, decompressed, that is something else.
    #[error("the content looks like something else ({looks_like:?})")]
    Content {
        /// What it looks like.
        looks_like: Content,
    },
    /// End that is not that of the format.
    #[error("the object does not end like its format")]
    End,
    /// Trailer of framing at the end.
    #[error("the object ends in the trailer of `aws-chunked` framing")]
    Framing,
    /// Size that the end states and that the content cannot have.
    ///
    /// Of gzip, modulo 4 GiB.
    #[error("the end states a content of {stated_bytes} bytes")]
    ContentSize {
        /// Size of the content that is stated, in bytes.
        stated_bytes: u64,
    },
}

/// Proof from the first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartProof {
    /// First page of a segment, which fits the segment's name and what is known of the cluster.
    Wal(FirstPage),
    /// First header of an archive.
    Tar {
        /// Path of the first member; `None` if the bytes do not reach to its header.
        first_member: Option<String>,
    },
}

/// Proof from the last bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndProof {
    /// Size of the content; `None` if the end does not state it, or only modulo 4 GiB.
    pub content_bytes: Option<u64>,
    /// Last members of an archive without compression.
    pub tail: Option<TarTail>,
}

/// Number of first bytes to read, and how many instead if these show too little.
///
/// A chunk of Snappy and a block of LZ4 have 64 KiB, a block of Zstandard has 128 KiB.
const FIRST_LENGTHS: [usize; 2] = [8 << 10, 136 << 10];

/// The same for bzip2, whose blocks have up to 900 kB.
const FIRST_LENGTHS_OF_BZIP2: [usize; 3] = [8 << 10, 136 << 10, 1 << 20];

/// Number of last bytes to read.
const LAST_LENGTH: usize = 1 << 10;

impl EdgeObject {
    /// Numbers of first bytes to read, one after the other until the start is seen.
    #[must_use]
    pub const fn first_lengths(&self) -> &'static [usize] {
        match self.compression {
            Some(Compression::Bzip2) => &FIRST_LENGTHS_OF_BZIP2,
            Some(
                Compression::Gzip
                | Compression::Xz
                | Compression::Snappy
                | Compression::Zstandard
                | Compression::Lz4,
            )
            | None => &FIRST_LENGTHS,
        }
    }

    /// Number of last bytes to read.
    #[must_use]
    pub const fn last_length(&self) -> usize {
        match (&self.content, self.compression) {
            (EdgeContent::Tar, None) => TAIL_BYTES,
            (EdgeContent::Tar, Some(_)) | (EdgeContent::Wal(_), _) => LAST_LENGTH,
        }
    }

    /// Returns whether these are all bytes of the object.
    fn is_whole(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 >= self.object_bytes
    }
}

impl TarFault {
    /// Returns the fault of an edge.
    const fn at_start(&self) -> EdgeFault {
        match self {
            Self::Header { .. } | Self::CutMember { .. } | Self::NoEnd | Self::Trailing => {
                EdgeFault::TarHeader
            }
        }
    }
}
