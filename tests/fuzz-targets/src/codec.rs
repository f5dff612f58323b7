//! Compressed objects.

use std::io::{self, Read};
use std::ops::ControlFlow;

use archive_contents::codec::{CodecFault, Content, DecodeError, DecodeLimits, Decoded, decode};
use barman_archive::barman::{Compression, DecompressError, MAX_DECODER_BYTES};

use crate::input::{Input, Pieces, choice};

/// Largest piece that a sink is given, in bytes.
const PIECE: usize = 64 * 1024;

/// Largest content that is compared, in bytes.
const MOST: u64 = 4 << 20;

/// Returns a compression by its number, or none.
pub(crate) fn compression(number: u8) -> Option<Compression> {
    let number = usize::from(number) % (Compression::ALL.len() + 1);
    Compression::ALL.get(number).copied()
}

/// Result of decoding.
pub(crate) struct Outcome {
    pub(crate) result: Result<Decoded, DecodeError>,
    pub(crate) plain: Vec<u8>,
}

/// Decodes, and makes sure that the limits are kept.
pub(crate) fn decoded(
    compression: Option<Compression>,
    object: impl Read,
    limits: DecodeLimits,
) -> Outcome {
    let mut plain = Vec::new();
    let result = decode(compression, object, limits, &mut |piece| {
        assert!(!piece.is_empty() && piece.len() <= PIECE);
        plain.extend_from_slice(piece);
        ControlFlow::Continue(())
    });
    assert!(plain.len() as u64 <= limits.max_plain_bytes);
    if let Ok(decoded) = &result {
        assert_eq!(decoded.plain_bytes, plain.len() as u64);
        assert!(!decoded.was_stopped);
        assert_eq!(decoded.streams == 0, compression.is_none());
    }
    Outcome { result, plain }
}

/// Kind of a result, which two readings of the same bytes have to share.
fn kind(result: &Result<Decoded, DecodeError>) -> String {
    match result {
        Ok(decoded) => format!("{decoded:?}"),
        Err(DecodeError::Fault(fault)) => format!("{fault:?}"),
        Err(DecodeError::TooMuchMemory) => "too much memory".to_owned(),
        Err(DecodeError::Unsupported) => "unsupported".to_owned(),
        Err(DecodeError::Read(error)) => panic!("memory can be read: {error}"),
    }
}

/// Object of a base backup or of WAL, decoded piece by piece.
///
/// Input: compression, seed of the pieces, limits, place of a failure; the object.
pub fn codec(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let compression = compression(input.byte());
    let seed = input.byte();
    let limits = DecodeLimits {
        max_plain_bytes: choice(&[MOST, 1000, 65_536, 0], input.byte()),
        max_decoder_bytes: choice(&[MAX_DECODER_BYTES, 64 << 10, 1 << 20], input.byte()),
    };
    let fails_after = usize::from(input.u16());
    let object = input.rest();

    let whole = decoded(compression, object, limits);
    let in_pieces = decoded(compression, Pieces::of(object, seed), limits);

    assert_eq!(kind(&whole.result), kind(&in_pieces.result));
    let is_same = whole.plain == in_pieces.plain;
    // What comes out before an error depends on how much a decoder holds back.
    let is_start =
        whole.plain.starts_with(&in_pieces.plain) || in_pieces.plain.starts_with(&whole.plain);
    assert!(is_same || whole.result.is_err() && is_start);
    assert_failure_is_no_fault(compression, object, fails_after, &whole, limits);
    let _ = Content::of(object);
    let Some(compression) = compression else {
        assert!(whole.result.is_err() || whole.plain == object);
        return;
    };
    if whole.result.is_ok() {
        let at_once = compression.decompress(object, limits.max_plain_bytes);
        assert!(at_once.is_ok_and(|plain| plain == whole.plain));
    }
}

/// Reader that fails somewhere.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.0.read(buffer)
    }
}

/// A failure of the reader is reported as one, unless something before it is a fault already.
fn assert_failure_is_no_fault(
    compression: Option<Compression>,
    object: &[u8],
    fails_after: usize,
    whole: &Outcome,
    limits: DecodeLimits,
) {
    let start = &object[..fails_after.min(object.len())];
    let failed = decoded(compression, Failing(start), limits);
    match (failed.result, &whole.result) {
        (Err(DecodeError::Read(_)), _) => {}
        (Err(DecodeError::Fault(found)), Err(DecodeError::Fault(expected))) => {
            assert_eq!(found, *expected);
        }
        (Err(DecodeError::TooMuchMemory), Err(DecodeError::TooMuchMemory))
        | (Err(DecodeError::Unsupported), Err(DecodeError::Unsupported)) => {}
        (found, expected) => panic!("{found:?} before a failure, {expected:?} without"),
    }
}

/// Small file that is decompressed at once.
///
/// Input: compression, limit; the file.
pub fn decompress(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let compression = choice(&Compression::ALL, input.byte());
    let max_bytes = choice(&[1 << 20, 1000, 0], input.byte());
    let file = input.rest();

    let plain = compression.decompress(file, max_bytes);

    match &plain {
        Ok(plain) => assert!(plain.len() as u64 <= max_bytes),
        Err(DecompressError::TooLarge(bytes)) => assert_eq!(*bytes, max_bytes),
        Err(DecompressError::Invalid(of, _)) => assert_eq!(*of, compression),
    }
    let limits = DecodeLimits::of_plain_bytes(max_bytes);
    let streamed = decoded(Some(compression), file, limits);
    if let Ok(plain) = plain {
        let is_restored_by_barman = match streamed.result {
            Ok(_) => true,
            Err(DecodeError::Fault(CodecFault::Truncated)) => compression.takes_what_is_left(),
            Err(DecodeError::Fault(CodecFault::Empty)) => compression.takes_nothing_for_empty(),
            // It waits for the rest of what looks like a chunk.
            Err(DecodeError::Fault(CodecFault::NotThisFormat { .. })) => {
                compression == Compression::Snappy && plain.is_empty()
            }
            Err(_) => false,
        };
        assert!(is_restored_by_barman, "{:?}", streamed.result);
        assert_eq!(streamed.plain, plain);
    }
}
