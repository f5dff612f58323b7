//! First bytes of an object.

use std::borrow::Cow;
use std::ops::ControlFlow;

use barman_archive::barman::Compression;

use super::{Edge, EdgeContent, EdgeFault, EdgeObject, StartProof, Unseen};
use crate::bytes::is_zero;
use crate::codec::{CodecFault, Content, DecodeError, DecodeLimits, decode, magic};
use crate::tar::{BLOCK, Member, MemberSink, TarReader};
use crate::wal::{FIRST_HEADER, FirstPage, SegmentContext, WalFault, WalFormat};

/// Number of bytes of an archive that show its first member: an extended header of one block, and the
/// header behind it.
const FIRST_MEMBER: usize = 3 * BLOCK;

/// Limits of decoding: only the start is decoded.
const LIMITS: DecodeLimits = DecodeLimits::of_plain_bytes(4 << 20);

/// Number of decompressed bytes after which decoding ends: first bytes can be those of a bomb.
const ENOUGH: usize = 2 << 20;

/// Looks at the first bytes of an object.
#[must_use]
pub fn check_start(object: &EdgeObject, first: &[u8]) -> Edge<StartProof> {
    let wanted = match object.content {
        EdgeContent::Wal(_) => FIRST_HEADER,
        EdgeContent::Tar => FIRST_MEMBER,
    };
    let start = plain_start(object, first, wanted);
    match &object.content {
        EdgeContent::Wal(context) => check_segment(context, &start),
        EdgeContent::Tar => check_archive(&start),
    }
}

/// Start of the content, and why it does not go on.
struct Start<'a> {
    plain: Cow<'a, [u8]>,
    /// `None` if there is as much as was wanted, or the content is not longer. A fault can lie behind
    /// that.
    stopped_by: Option<Stop>,
}

enum Stop {
    Fault(CodecFault),
    Unseen(Unseen),
}

impl Stop {
    const fn edge(&self) -> Edge<StartProof> {
        match self {
            Self::Fault(fault) => Edge::Fault(EdgeFault::Codec(*fault)),
            Self::Unseen(unseen) => Edge::Unseen(*unseen),
        }
    }
}

/// Decompresses the first bytes, up to as many as wanted or somewhat more.
fn plain_start<'a>(object: &EdgeObject, first: &'a [u8], wanted: usize) -> Start<'a> {
    let needs_more = Some(Stop::Unseen(Unseen::NeedsMore));
    let is_whole = object.is_whole(first);
    let Some(compression) = object.compression else {
        let is_short = first.len() < wanted && !is_whole;
        return Start {
            plain: Cow::Borrowed(first),
            stopped_by: needs_more.filter(|_| is_short),
        };
    };
    let block = (compression == Compression::Zstandard && !is_whole)
        .then(|| first_block(first))
        .flatten();
    let mut plain = Vec::new();
    let mut bytes = 0;
    let input = block.as_deref().unwrap_or(first);
    // Up to the end of the bytes, because damage behind what is wanted is seen as well.
    let decoded = decode(Some(compression), input, LIMITS, &mut |piece| {
        let missing = wanted.saturating_sub(plain.len()).min(piece.len());
        plain.extend_from_slice(piece.get(..missing).unwrap_or_default());
        bytes += piece.len();
        if bytes < ENOUGH {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    let is_enough = plain.len() >= wanted;
    let was_changed = block.is_some() && !plain.is_empty();
    let stopped_by = match decoded {
        Ok(_) if is_whole || is_enough => None,
        // More can follow.
        Ok(_) => needs_more,
        // The block that was made the last one is sound; only what should follow is missing. It may hold
        // nothing.
        Err(DecodeError::Fault(_)) if was_changed => needs_more.filter(|_| !is_enough),
        Err(DecodeError::Fault(CodecFault::Trailing(_))) if block.is_some() => needs_more,
        Err(error) => {
            Some(stop(&error, is_whole)).filter(|stop| !is_enough || matches!(stop, Stop::Fault(_)))
        }
    };
    Start {
        plain: Cow::Owned(plain),
        stopped_by,
    }
}

fn stop(error: &DecodeError, is_whole: bool) -> Stop {
    match error {
        DecodeError::Fault(CodecFault::Truncated | CodecFault::Empty) if !is_whole => {
            Stop::Unseen(Unseen::NeedsMore)
        }
        DecodeError::Fault(fault) => Stop::Fault(*fault),
        DecodeError::TooMuchMemory => Stop::Unseen(Unseen::TooMuchMemory),
        DecodeError::Unsupported => Stop::Unseen(Unseen::Unsupported),
        // Bytes in memory can be read.
        DecodeError::Read(_) => Stop::Unseen(Unseen::NeedsMore),
    }
}

/// Returns the beginning of a frame of Zstandard as if its first block were the last one; `None` if
/// the bytes do not reach that far.
///
/// The decoder hands nothing out before the window is full, which can be megabytes, or the frame ends.
/// RFC 8878, 3.1.1, has the header of a frame, and that of a block, whose lowest bit marks the last
/// one.
fn first_block(first: &[u8]) -> Option<Vec<u8>> {
    /// Descriptor of the frame, behind the magic number.
    const DESCRIPTOR: usize = 4;
    const CHECKSUM: u8 = 0x04;
    const SINGLE_SEGMENT: u8 = 0x20;

    if !first.starts_with(magic(Compression::Zstandard)) {
        return None;
    }
    let descriptor = *first.get(DESCRIPTOR)?;
    let is_single = descriptor & SINGLE_SEGMENT != 0;
    let dictionary = [0, 1, 2, 4];
    let size = [usize::from(is_single), 2, 4, 8];
    let header = DESCRIPTOR
        + 1
        + usize::from(!is_single)
        + dictionary.get(usize::from(descriptor & 3))?
        + size.get(usize::from(descriptor >> 6))?;
    let mut bytes = first.to_vec();
    *bytes.get_mut(DESCRIPTOR)? &= !CHECKSUM;
    *bytes.get_mut(header)? |= 1;
    Some(bytes)
}

fn check_segment(context: &SegmentContext, start: &Start<'_>) -> Edge<StartProof> {
    if let Some(stop) = &start.stopped_by {
        return stop.edge();
    }
    match FirstPage::check(context, &start.plain) {
        Ok(page) => Edge::Proven(StartProof::Wal(page)),
        Err(WalFault::Magic { magic, .. }) if WalFormat::is_unknown_magic(magic) => {
            Edge::Unseen(Unseen::UnknownFormat { magic })
        }
        Err(fault @ WalFault::Magic { .. }) => {
            Edge::Fault(other_content(&start.plain, fault.into()))
        }
        Err(fault) => Edge::Fault(fault.into()),
    }
}

fn check_archive(start: &Start<'_>) -> Edge<StartProof> {
    if let Some(stop @ Stop::Fault(_)) = &start.stopped_by {
        return stop.edge();
    }
    // The first header may be there when its member's is not.
    let Some(block) = start.plain.get(..BLOCK) else {
        return match &start.stopped_by {
            Some(stop) => stop.edge(),
            None => Edge::Fault(other_content(&start.plain, EdgeFault::TarHeader)),
        };
    };
    if is_zero(block) {
        let looks_like = Content::Zeros;
        return Edge::Fault(EdgeFault::Content { looks_like });
    }
    let mut member = FirstMember(None);
    match TarReader::default().feed(&start.plain, &mut member) {
        Ok(()) => Edge::Proven(StartProof::Tar {
            first_member: member.0,
        }),
        Err(fault) if member.0.is_none() => {
            Edge::Fault(other_content(&start.plain, fault.at_start()))
        }
        Err(fault) => Edge::Fault(fault.at_start()),
    }
}

/// Returns a fault that names what the content is instead, if that is recognised.
fn other_content(plain: &[u8], fault: EdgeFault) -> EdgeFault {
    match Content::of(plain) {
        Some(
            looks_like @ (Content::Compressed(_)
            | Content::Framing
            | Content::Zeros
            | Content::Markup),
        ) => EdgeFault::Content { looks_like },
        // Known to be a damaged one, or something in it that is.
        Some(Content::Wal | Content::Tar) | None => fault,
    }
}

/// Path of the first member that begins.
struct FirstMember(Option<String>);

impl MemberSink for FirstMember {
    fn begin(&mut self, member: &Member) {
        self.0.get_or_insert_with(|| member.path.clone());
    }

    fn content(&mut self, _: &[u8]) {}

    fn end(&mut self) {}
}
