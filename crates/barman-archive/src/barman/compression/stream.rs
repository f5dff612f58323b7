//! Decoders of one compressed stream, with what went wrong told apart.

use std::io::{self, BufRead, Read};

use liblzma::stream::{Error as XzError, Stream};

use super::Compression;
use super::zstandard::ZstandardFrame;

/// Maximum memory that a decoder may use for what a stream refers back to, in bytes.
///
/// In xz and Zstandard, the content chooses how far back it refers, so that needs a limit. The formats
/// of the others have one: 32 KiB for gzip, blocks of 900 kB for bzip2 (4 MB of tables), of 64 KiB for
/// Snappy, and of 4 MiB for LZ4 (12 MiB of buffers).
///
/// Enough for every preset of xz: level 9 takes 65 MiB. Zstandard keeps no more than what it may
/// decompress to, so that a WAL segment of any level fits.
pub const MAX_DECODER_BYTES: u64 = 72 << 20;

/// Reason why a stream cannot be decoded further.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Failure of the reader that the compressed bytes come from, as it reported it. Says nothing about
    /// the bytes.
    #[error("the compressed bytes cannot be read")]
    Input(#[source] io::Error),
    /// Input that ends before the stream does.
    #[error("the stream is cut off")]
    Truncated,
    /// Stream that demands more memory than allowed. It can be sound.
    #[error("the stream demands more memory than a decoder may use")]
    TooMuchMemory,
    /// Stream that uses something of its format that this decoder does not have. It can be sound.
    #[error("the stream uses an unsupported part of its format")]
    Unsupported(#[source] io::Error),
    /// Bytes that break the rules of the format, or whose checksum fails.
    #[error("the stream is damaged")]
    Damaged(#[source] io::Error),
}

/// Limits of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Maximum memory for what the stream refers back to, in bytes.
    pub max_decoder_bytes: u64,
    /// Number of bytes after which nobody reads on. A decoder of Zstandard keeps no more than about these,
    /// whatever window the stream demands. It is not enforced: a decoder can yield more, or fail for
    /// too much memory if the content refers further back.
    pub max_plain_bytes: u64,
}

/// Decoder of one stream: a member of gzip, a stream of bzip2 or xz, a frame of Zstandard or LZ4, or
/// all chunks of Snappy, which has no end of its own.
///
/// It takes no byte behind the end of its stream out of its input.
pub struct StreamDecoder<R: BufRead> {
    decoder: Decoder<WatchedInput<R>>,
}

enum Decoder<R: BufRead> {
    Gzip(flate2::bufread::GzDecoder<R>),
    Bzip2(bzip2::bufread::BzDecoder<R>),
    Xz(liblzma::bufread::XzDecoder<R>),
    Snappy(snap::read::FrameDecoder<R>),
    Zstandard(Box<ZstandardFrame<R>>),
    Lz4(lz4_flex::frame::FrameDecoder<R>),
}

impl<R: BufRead> StreamDecoder<R> {
    /// Creates a decoder for the stream that the input begins with.
    ///
    /// # Errors
    /// Fails if the stream demands too much memory. Decoders that read the header at once fail here if
    /// that cannot be read.
    pub fn new(
        compression: Compression,
        input: R,
        limits: StreamLimits,
    ) -> Result<Self, StreamError> {
        let input = WatchedInput::new(input);
        let decoder = match compression {
            Compression::Gzip => Decoder::Gzip(flate2::bufread::GzDecoder::new(input)),
            Compression::Bzip2 => Decoder::Bzip2(bzip2::bufread::BzDecoder::new(input)),
            Compression::Xz => {
                let stream = Stream::new_stream_decoder(limits.max_decoder_bytes, 0)
                    .map_err(|error| StreamError::Unsupported(error.into()))?;
                Decoder::Xz(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
            Compression::Snappy => Decoder::Snappy(snap::read::FrameDecoder::new(input)),
            Compression::Zstandard => {
                Decoder::Zstandard(Box::new(ZstandardFrame::new(input, limits)?))
            }
            Compression::Lz4 => Decoder::Lz4(lz4_flex::frame::FrameDecoder::new(input)),
        };
        Ok(Self { decoder })
    }

    /// Reads the next decompressed bytes, and returns how many; 0 at the end of the stream.
    ///
    /// # Errors
    /// Fails if the stream cannot be decoded further. What was read before is lost for the decoder: do
    /// not read on.
    pub fn read(&mut self, piece: &mut [u8]) -> Result<usize, StreamError> {
        let read = match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.read(piece),
            Decoder::Bzip2(decoder) => decoder.read(piece),
            Decoder::Xz(decoder) => decoder.read(piece),
            Decoder::Snappy(decoder) => decoder.read(piece),
            Decoder::Zstandard(decoder) => decoder.read(piece),
            Decoder::Lz4(decoder) => decoder.read(piece),
        };
        match read {
            Ok(0) if self.is_cut_without_error() => Err(self.input_mut().error_of_end()),
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(self.error_of(error)),
        }
    }

    fn error_of(&mut self, error: io::Error) -> StreamError {
        let has_lost_content = match &self.decoder {
            Decoder::Zstandard(frame) => frame.has_lost_content(),
            Decoder::Gzip(_)
            | Decoder::Bzip2(_)
            | Decoder::Xz(_)
            | Decoder::Snappy(_)
            | Decoder::Lz4(_) => false,
        };
        let error = self.input_mut().error_of(error);
        if has_lost_content && matches!(error, StreamError::Damaged(_)) {
            return StreamError::TooMuchMemory;
        }
        error
    }

    /// Returns the input, at the first byte behind what was decoded.
    #[must_use]
    pub fn into_input(self) -> R {
        let watched = match self.decoder {
            Decoder::Gzip(decoder) => decoder.into_inner(),
            Decoder::Bzip2(decoder) => decoder.into_inner(),
            Decoder::Xz(decoder) => decoder.into_inner(),
            Decoder::Snappy(decoder) => decoder.into_inner(),
            Decoder::Zstandard(decoder) => decoder.into_input(),
            Decoder::Lz4(decoder) => decoder.into_inner(),
        };
        watched.input
    }

    /// Returns whether the input has ended or failed where the decoder takes that for the end.
    ///
    /// The decoder of LZ4 does so between two blocks; it reads nothing behind a proper end.
    fn is_cut_without_error(&mut self) -> bool {
        let expects_no_end = match self.decoder {
            Decoder::Lz4(_) => true,
            Decoder::Gzip(_)
            | Decoder::Bzip2(_)
            | Decoder::Xz(_)
            | Decoder::Snappy(_)
            | Decoder::Zstandard(_) => false,
        };
        let input = self.input_mut();
        input.failure.is_some() || (expects_no_end && input.has_ended)
    }

    fn input_mut(&mut self) -> &mut WatchedInput<R> {
        match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Bzip2(decoder) => decoder.get_mut(),
            Decoder::Xz(decoder) => decoder.get_mut(),
            Decoder::Snappy(decoder) => decoder.get_mut(),
            Decoder::Zstandard(decoder) => decoder.input_mut(),
            Decoder::Lz4(decoder) => decoder.get_mut(),
        }
    }
}

/// Input that remembers how it ended: the errors of decoders do not tell.
pub(super) struct WatchedInput<R> {
    input: R,
    /// True once a decoder wanted more and there was nothing.
    has_ended: bool,
    /// Failure of the input, of which the decoder sees a stand-in.
    failure: Option<io::Error>,
}

impl<R: BufRead> WatchedInput<R> {
    const fn new(input: R) -> Self {
        Self {
            input,
            has_ended: false,
            failure: None,
        }
    }

    /// Returns the reason for an error of a decoder.
    pub(super) fn error_of(&mut self, error: io::Error) -> StreamError {
        if self.failure.is_some() || self.has_ended {
            return self.error_of_end();
        }
        let cause = error.get_ref();
        match cause.and_then(|cause| cause.downcast_ref::<XzError>()) {
            Some(XzError::MemLimit | XzError::Mem) => StreamError::TooMuchMemory,
            Some(XzError::Options | XzError::UnsupportedCheck) => StreamError::Unsupported(error),
            Some(XzError::Data | XzError::Format | XzError::Program | XzError::NoCheck) | None => {
                StreamError::Damaged(error)
            }
        }
    }

    /// Returns the reason why there are no more bytes.
    fn error_of_end(&mut self) -> StreamError {
        self.failure
            .take()
            .map_or(StreamError::Truncated, StreamError::Input)
    }

    /// Keeps a failure, and returns its stand-in.
    fn keep(&mut self, failure: io::Error) -> io::Error {
        self.failure = Some(failure);
        io::Error::other("the input failed")
    }
}

impl<R: BufRead> Read for WatchedInput<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let taken = available.len().min(bytes.len());
        if let (Some(from), Some(to)) = (available.get(..taken), bytes.get_mut(..taken)) {
            to.copy_from_slice(from);
        }
        self.consume(taken);
        Ok(taken)
    }
}

impl<R: BufRead> BufRead for WatchedInput<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.input.fill_buf() {
                Ok([]) => {
                    self.has_ended = true;
                    return Ok(&[]);
                }
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.keep(error)),
            }
        }
        // Once more, because what the loop borrowed cannot leave it. It is filled, so nothing is read.
        self.input.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.input.consume(bytes);
    }
}
