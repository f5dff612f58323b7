//! Decoder of one frame of Zstandard.
//!
//! `ruzstd` compares neither the checksum nor the size of the content, and keeps as much as the
//! header of the frame demands. RFC 8878, 3.1.1, has the format.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, FrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::stream::{StreamError, StreamLimits, WatchedInput};

/// Largest window of a frame that is decoded at all, in bytes.
///
/// The limit of the reference decoder (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`), which Barman does not raise.
/// Barman can write such windows, even for a small file: level 22 demands 128 MiB.
const MAX_WINDOW: u64 = 128 << 20;

/// Largest block, decompressed, in bytes. A window below it would limit blocks as well.
const MAX_BLOCK: u64 = 128 << 10;

/// First bytes of a frame.
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Place of the descriptor of a frame, behind the magic number.
const DESCRIPTOR: usize = 4;

/// Place of the descriptor of the window, in frames that have one.
const WINDOW: usize = 5;

/// Flag of a frame that is its own window (`Single_Segment_flag`).
const SINGLE_SEGMENT: u8 = 0x20;

/// Decoder of one frame.
pub(super) struct ZstandardFrame<R> {
    input: R,
    decoder: FrameDecoder,
    /// True if less is kept than the frame demands.
    keeps_less: bool,
    /// Number of bytes that were read.
    plain_bytes: u64,
}

impl<R: BufRead> ZstandardFrame<WatchedInput<R>> {
    /// Reads the header of a frame.
    pub(super) fn new(
        mut input: WatchedInput<R>,
        limits: StreamLimits,
    ) -> Result<Self, StreamError> {
        match Self::begin(&mut input, limits) {
            Ok((decoder, keeps_less)) => Ok(Self {
                input,
                decoder,
                keeps_less,
                plain_bytes: 0,
            }),
            Err(BeginError::TooMuchMemory) => Err(StreamError::TooMuchMemory),
            Err(BeginError::Read(error)) => Err(input.error_of(error)),
        }
    }

    /// Reads the header, and returns the decoder and whether it keeps less than the header demands.
    fn begin(
        input: &mut WatchedInput<R>,
        limits: StreamLimits,
    ) -> Result<(FrameDecoder, bool), BeginError> {
        check_magic(input.fill_buf()?)?;
        let mut keeps_less = false;
        let mut head = [0; WINDOW + 1];
        let (fixed, window) = head.split_at_mut(WINDOW);
        input.read_exact(fixed)?;
        let is_single = fixed
            .get(DESCRIPTOR)
            .is_some_and(|flags| flags & SINGLE_SEGMENT != 0);
        if !is_single {
            input.read_exact(window)?;
            for descriptor in window {
                let needed = needed_window(*descriptor, limits)?;
                keeps_less |= needed != *descriptor;
                *descriptor = needed;
            }
        }
        let length = if is_single { WINDOW } else { WINDOW + 1 };
        let head = head.get(..length).unwrap_or_default();
        // A new decoder allocates as it decodes, and not what the header demands.
        let mut decoder = FrameDecoder::new();
        decoder.init(head.chain(input))?;
        if is_single {
            check_memory(decoder.content_size(), limits)?;
        }
        Ok((decoder, keeps_less))
    }
}

impl<R: BufRead> ZstandardFrame<R> {
    /// Reads the next decompressed bytes; 0 at the end of the frame.
    pub(super) fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one_block = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder
                .decode_blocks(&mut self.input, one_block)
                .map_err(io::Error::other)?;
        }
        let bytes = self.decoder.read(piece)?;
        self.plain_bytes = self.plain_bytes.saturating_add(bytes as u64);
        if bytes == 0 && !piece.is_empty() {
            self.check_content()?;
        }
        Ok(bytes)
    }

    /// Returns whether the frame can refer to what was not kept: it has more content than was expected.
    pub(super) fn has_lost_content(&self) -> bool {
        self.keeps_less && self.plain_bytes > 0 && !self.decoder.is_finished()
    }

    /// Compares the content with the size and the checksum that the frame states, if it does.
    fn check_content(&self) -> io::Result<()> {
        let wrong = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        let stated = self.decoder.content_size();
        if stated != 0 && stated != self.plain_bytes {
            return wrong("the size of the content is wrong");
        }
        let stated = self.decoder.get_checksum_from_data();
        if stated.is_some() && stated != self.decoder.get_calculated_checksum() {
            return wrong("the checksum of the content is wrong");
        }
        Ok(())
    }

    pub(super) fn into_input(self) -> R {
        self.input
    }

    pub(super) const fn input_mut(&mut self) -> &mut R {
        &mut self.input
    }
}

/// Reason why a frame cannot be begun.
enum BeginError {
    TooMuchMemory,
    Read(io::Error),
}

impl From<io::Error> for BeginError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<FrameDecoderError> for BeginError {
    fn from(error: FrameDecoderError) -> Self {
        let demands_too_much = matches!(
            error,
            FrameDecoderError::WindowSizeTooBig { .. }
                | FrameDecoderError::FrameHeaderError(FrameHeaderError::WindowTooBig { .. })
        );
        if demands_too_much {
            Self::TooMuchMemory
        } else {
            Self::Read(io::Error::other(error))
        }
    }
}

/// Fails if bytes, however few, do not begin like a frame: they are not a truncated one then.
fn check_magic(start: &[u8]) -> io::Result<()> {
    if start
        .iter()
        .zip(&MAGIC)
        .all(|(found, expected)| found == expected)
    {
        return Ok(());
    }
    let wrong = "the content does not start like a Zstandard frame";
    Err(io::Error::new(io::ErrorKind::InvalidData, wrong))
}

/// Returns the descriptor of the window that a decoder has to keep: nothing refers back further than
/// to the start of the content, so that it is enough to keep as much as may come.
fn needed_window(descriptor: u8, limits: StreamLimits) -> Result<u8, BeginError> {
    let base = 1_u64 << (10 + (descriptor >> 3));
    let window = base + base / 8 * u64::from(descriptor & 7);
    if window > MAX_WINDOW {
        return Err(BeginError::TooMuchMemory);
    }
    let most = limits.max_plain_bytes.clamp(MAX_BLOCK, MAX_WINDOW);
    let enough = most.next_power_of_two();
    if window <= enough {
        check_memory(window, limits)?;
        return Ok(descriptor);
    }
    check_memory(enough, limits)?;
    let exponent = enough.trailing_zeros().saturating_sub(10);
    Ok(u8::try_from(exponent << 3).unwrap_or(descriptor))
}

/// Fails if a window takes too much memory. The ring buffer of `ruzstd` grows to the next power of
/// two, and has the half of that next to it while it does.
fn check_memory(window: u64, limits: StreamLimits) -> Result<(), BeginError> {
    let buffer = window.min(1 << 62).next_power_of_two();
    if buffer.saturating_add(buffer / 2) > limits.max_decoder_bytes {
        return Err(BeginError::TooMuchMemory);
    }
    Ok(())
}
