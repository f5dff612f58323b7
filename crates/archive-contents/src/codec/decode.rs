//! Decoding of an object to its end.

use std::io::{BufRead, Read};
use std::ops::ControlFlow;

use barman_archive::barman::{
    Compression, MAX_DECODER_BYTES, StreamDecoder, StreamError, StreamLimits,
};

use super::content::{SHOWN, ends_in_framing, is_framing_trailer};
use super::input::Input;
use super::{CodecFault, Content, DecodeError, TrailingBytes, magic};
use crate::bytes::is_zero;

/// Size of the pieces that decompressed bytes come in, at most.
const PIECE: usize = 64 * 1024;

/// Length of the header of a chunk of Snappy, in bytes.
const SNAPPY_HEADER: usize = 4;

/// Limits of decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Maximum number of decompressed bytes.
    pub max_plain_bytes: u64,
    /// Maximum memory for what a stream refers back to, in bytes; the buffers of formats that fix their
    /// size, 12 MiB at most, and 128 KiB for pieces come on top.
    pub max_decoder_bytes: u64,
}

impl DecodeLimits {
    /// Limits for an object that may have this many bytes, decompressed.
    ///
    /// The memory is enough for what Barman writes at any level: see
    /// [`MAX_DECODER_BYTES`].
    #[must_use]
    pub const fn of_plain_bytes(max_plain_bytes: u64) -> Self {
        Self {
            max_plain_bytes,
            max_decoder_bytes: MAX_DECODER_BYTES,
        }
    }
}

/// Content of the streams of an object behind the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaterStreams {
    /// There is no other stream.
    #[default]
    None,
    /// They have no content.
    Empty,
    /// They hold nothing but zeros.
    Zeros,
    /// They hold something else.
    Content,
}

/// Result of decoding without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Number of decompressed bytes that the sink took.
    pub plain_bytes: u64,
    /// Number of streams that ended; 0 without compression. Barman writes one, and does not read every
    /// object with more: see [`reaction_to_several_streams`](super::reaction_to_several_streams).
    pub streams: u64,
    /// Content of all streams after the first one.
    pub behind_first: LaterStreams,
    /// True if the sink ended it. Nothing is known about the rest then.
    pub was_stopped: bool,
}

/// Decompresses an object piece by piece, and hands each piece to a sink.
///
/// A piece has 64 KiB at most. Every object is read in memory that its content cannot raise above the
/// limits.
///
/// # Errors
/// Fails at the first fault, and if the object cannot be read here. What the sink took before is the
/// beginning of the content, as far as the codec can tell: that of Zstandard without checksums and LZ4
/// can be damaged and decode.
pub fn decode(
    compression: Option<Compression>,
    compressed: impl Read,
    limits: DecodeLimits,
    sink: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Decoded, DecodeError> {
    let mut input = Input::new(compressed);
    let mut output = Output {
        sink,
        max_bytes: limits.max_plain_bytes,
        plain_bytes: 0,
        behind_first: LaterStreams::None,
    };
    match compression {
        Some(compression) => decode_streams(compression, &mut input, limits, &mut output),
        None => copy(&mut input, &mut output),
    }
}

/// Receiver of pieces, with its limit.
struct Output<'a, S> {
    sink: &'a mut S,
    max_bytes: u64,
    plain_bytes: u64,
    behind_first: LaterStreams,
}

impl<S: FnMut(&[u8]) -> ControlFlow<()>> Output<'_, S> {
    /// Hands on a piece, and returns whether to go on.
    fn take(&mut self, piece: &[u8]) -> Result<ControlFlow<()>, CodecFault> {
        let total = self.plain_bytes.saturating_add(piece.len() as u64);
        if total > self.max_bytes {
            return Err(CodecFault::TooLong {
                max_bytes: self.max_bytes,
            });
        }
        self.plain_bytes = total;
        self.note_later_stream(piece);
        Ok((self.sink)(piece))
    }

    /// Notes what a stream after the first one holds.
    fn note_later_stream(&mut self, piece: &[u8]) {
        self.behind_first = match self.behind_first {
            LaterStreams::Empty | LaterStreams::Zeros if is_zero(piece) => LaterStreams::Zeros,
            LaterStreams::Empty | LaterStreams::Zeros => LaterStreams::Content,
            unchanged @ (LaterStreams::None | LaterStreams::Content) => unchanged,
        };
    }

    const fn decoded(&self, streams: u64, was_stopped: bool) -> Decoded {
        Decoded {
            plain_bytes: self.plain_bytes,
            streams,
            behind_first: self.behind_first,
            was_stopped,
        }
    }
}

fn copy<S: FnMut(&[u8]) -> ControlFlow<()>>(
    input: &mut Input<impl Read>,
    output: &mut Output<'_, S>,
) -> Result<Decoded, DecodeError> {
    loop {
        let piece = input.fill_buf().map_err(DecodeError::Read)?;
        let bytes = piece.len();
        if bytes == 0 {
            return Ok(output.decoded(0, false));
        }
        if output.take(piece)?.is_break() {
            return Ok(output.decoded(0, true));
        }
        input.consume(bytes);
    }
}

fn decode_streams<S: FnMut(&[u8]) -> ControlFlow<()>>(
    compression: Compression,
    input: &mut Input<impl Read>,
    limits: DecodeLimits,
    output: &mut Output<'_, S>,
) -> Result<Decoded, DecodeError> {
    check_start(compression, input.peek(SHOWN).map_err(DecodeError::Read)?)?;
    let mut piece = vec![0; PIECE];
    let mut streams = 0;
    loop {
        let decoded = decode_stream(compression, &mut *input, limits, output, &mut piece);
        match decoded {
            Ok(ControlFlow::Continue(())) => streams += 1,
            Ok(ControlFlow::Break(())) => return Ok(output.decoded(streams, true)),
            Err(error) => return Err(as_trailer_of_snappy(error, compression, input)),
        }
        let next = input.peek(SHOWN).map_err(DecodeError::Read)?;
        if next.is_empty() {
            return Ok(output.decoded(streams, false));
        }
        if !next.starts_with(magic(compression)) {
            let trailing = trailing_bytes(input).map_err(DecodeError::Read)?;
            return Err(CodecFault::Trailing(trailing).into());
        }
        output.behind_first = output.behind_first.max(LaterStreams::Empty);
    }
}

/// Decodes one stream, and returns whether to go on.
fn decode_stream<S: FnMut(&[u8]) -> ControlFlow<()>>(
    compression: Compression,
    input: impl BufRead,
    limits: DecodeLimits,
    output: &mut Output<'_, S>,
    piece: &mut [u8],
) -> Result<ControlFlow<()>, DecodeError> {
    let limits = StreamLimits {
        max_decoder_bytes: limits.max_decoder_bytes,
        max_plain_bytes: limits.max_plain_bytes,
    };
    let mut decoder = StreamDecoder::new(compression, input, limits).map_err(reason)?;
    loop {
        let bytes = decoder.read(piece).map_err(reason)?;
        if bytes == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        if output
            .take(piece.get(..bytes).unwrap_or_default())?
            .is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
    }
}

fn reason(error: StreamError) -> DecodeError {
    match error {
        StreamError::Input(error) => DecodeError::Read(error),
        StreamError::Truncated => CodecFault::Truncated.into(),
        StreamError::TooMuchMemory => DecodeError::TooMuchMemory,
        StreamError::Unsupported(_) => DecodeError::Unsupported,
        StreamError::Damaged(_) => CodecFault::Damaged.into(),
    }
}

/// Checks that an object starts like a format.
fn check_start(compression: Compression, first: &[u8]) -> Result<(), CodecFault> {
    let magic = magic(compression);
    if first.is_empty() {
        Err(CodecFault::Empty)
    } else if first.starts_with(magic) {
        Ok(())
    } else if magic.starts_with(first) {
        Err(CodecFault::Truncated)
    } else {
        let looks_like = Content::of(first);
        Err(CodecFault::NotThisFormat { looks_like })
    }
}

/// Reads what follows the end of a stream, up to something that is not zero.
fn trailing_bytes(input: &mut Input<impl Read>) -> std::io::Result<TrailingBytes> {
    if is_framing_trailer(input.peek(SHOWN)?) {
        return Ok(TrailingBytes::Framing);
    }
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(TrailingBytes::Zeros);
        }
        if !is_zero(bytes) {
            return Ok(TrailingBytes::Other);
        }
        let length = bytes.len();
        input.consume(length);
    }
}

/// Returns a better reason for damage of a stream of Snappy that is in fact the trailer of framing: as
/// Snappy has no end, its decoder takes whatever follows for a chunk.
fn as_trailer_of_snappy(
    error: DecodeError,
    compression: Compression,
    input: &Input<impl Read>,
) -> DecodeError {
    let is_damage = error.fault() == Some(CodecFault::Damaged);
    if compression == Compression::Snappy
        && is_damage
        && is_framing_trailer(input.around(SNAPPY_HEADER))
        && ends_in_framing(input.around(SNAPPY_HEADER))
    {
        return CodecFault::Trailing(TrailingBytes::Framing).into();
    }
    error
}
