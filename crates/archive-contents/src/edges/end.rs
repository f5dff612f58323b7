//! Last bytes of an object.

use barman_archive::barman::Compression;

use super::ends::{self, Ending};
use super::{Edge, EdgeContent, EdgeFault, EdgeObject, EndProof, Unseen};
use crate::codec::{CodecFault, ends_in_framing};
use crate::tar::TarTail;
use crate::wal::WalFault;

/// Size of a record of tar, in bytes: Python's `tarfile` fills the last one (`RECORDSIZE`).
const RECORD: u64 = 10_240;

/// Most bytes that one byte of gzip can become, rounded up: a match of 258 bytes in two bits.
const GZIP_EXPANSION: u64 = 1032;

/// Looks at the last bytes of an object. The first bytes, of which 16 are enough, say what to expect.
///
/// Truncation of gzip, bzip2, xz and LZ4 is seen, except if the object happens to be cut where its
/// last bytes look like an end: for LZ4 that are four zeros, which can be content.
#[must_use]
pub fn check_end(object: &EdgeObject, first: &[u8], last: &[u8]) -> Edge<EndProof> {
    let Some(compression) = object.compression else {
        return check_plain(object, last);
    };
    if object.object_bytes == 0 {
        return Edge::Fault(CodecFault::Empty.into());
    }
    if ends_in_framing(last) {
        return Edge::Fault(EdgeFault::Framing);
    }
    let ending = match compression {
        Compression::Gzip => ends::of_gzip(last),
        Compression::Bzip2 => ends::of_bzip2(last),
        Compression::Xz => ends::of_xz(object.object_bytes, first, last),
        Compression::Lz4 => ends::of_lz4(first, last),
        Compression::Snappy | Compression::Zstandard => return Edge::Unseen(Unseen::NoEnd),
    };
    match ending {
        Ending::Whole => Edge::Proven(EndProof::default()),
        Ending::OfContent { bytes } => check_size(object, bytes),
        Ending::OfContentModulo { bytes } => check_size_modulo(object, bytes),
        Ending::Other => Edge::Fault(EdgeFault::End),
        Ending::TooFewBytes if object.is_whole(last) => Edge::Fault(CodecFault::Truncated.into()),
        Ending::TooFewBytes => Edge::Unseen(Unseen::NeedsMore),
    }
}

fn check_plain(object: &EdgeObject, last: &[u8]) -> Edge<EndProof> {
    let found = object.object_bytes;
    let proof = |tail| {
        Edge::Proven(EndProof {
            content_bytes: Some(found),
            tail,
        })
    };
    match &object.content {
        EdgeContent::Wal(context) => {
            let expected = u64::from(context.size.bytes());
            if found == expected {
                return proof(None);
            }
            if ends_in_framing(last) {
                return Edge::Fault(EdgeFault::Framing);
            }
            let fault = if found < expected {
                WalFault::Truncated { found, expected }
            } else {
                WalFault::TooLong { expected }
            };
            Edge::Fault(fault.into())
        }
        EdgeContent::Tar => match TarTail::read(last, found) {
            Some(tail) => proof(Some(tail)),
            None if ends_in_framing(last) => Edge::Fault(EdgeFault::Framing),
            None => Edge::Fault(EdgeFault::End),
        },
    }
}

fn check_size(object: &EdgeObject, stated_bytes: u64) -> Edge<EndProof> {
    let fits = match &object.content {
        EdgeContent::Wal(context) => stated_bytes == u64::from(context.size.bytes()),
        EdgeContent::Tar => stated_bytes.is_multiple_of(RECORD),
    };
    if !fits {
        return Edge::Fault(EdgeFault::ContentSize { stated_bytes });
    }
    Edge::Proven(EndProof {
        content_bytes: Some(stated_bytes),
        tail: None,
    })
}

fn check_size_modulo(object: &EdgeObject, stated_bytes: u32) -> Edge<EndProof> {
    let stated_bytes = u64::from(stated_bytes);
    let modulus = 1_u64 << 32;
    match &object.content {
        EdgeContent::Wal(_) => check_size(object, stated_bytes),
        EdgeContent::Tar => {
            let most = object.object_bytes.saturating_mul(GZIP_EXPANSION);
            // The remainder by a record repeats after five times.
            let fits = (0..5)
                .map(|times| stated_bytes + times * modulus)
                .take_while(|bytes| *bytes <= most)
                .any(|bytes| bytes.is_multiple_of(RECORD));
            if fits {
                Edge::Proven(EndProof::default())
            } else {
                Edge::Fault(EdgeFault::ContentSize { stated_bytes })
            }
        }
    }
}
