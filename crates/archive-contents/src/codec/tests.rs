//! Decoding of what Barman wrote, sound, cut, damaged, and of readers that fail.

use std::fs;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::LazyLock;

use barman_archive::barman::Compression;
use proptest::prelude::*;

use super::*;
use crate::tests::fixtures;

/// One segment as Barman wrote it with each compression.
static SEGMENTS: LazyLock<Vec<(Compression, Vec<u8>)>> = LazyLock::new(|| {
    let read = |compression: Compression| {
        let name = format!("wal/good/000000010000000000000018{}", compression.ending());
        (compression, fs::read(fixtures().join(name)).unwrap())
    };
    Compression::ALL.map(read).to_vec()
});

/// The content of that segment.
static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (compression, bytes) = &segments()[0];
    decoded(*compression, bytes).1
});

/// Returns one segment as Barman wrote it with each compression.
pub(crate) fn segments() -> &'static [(Compression, Vec<u8>)] {
    &SEGMENTS
}

/// Returns the content of that segment.
pub(crate) fn plain_segment() -> &'static [u8] {
    &PLAIN
}

const LIMITS: DecodeLimits = DecodeLimits::of_plain_bytes(4 << 20);

/// Trailer of framing, as boto3 sends it.
pub(crate) const TRAILER: &[u8] = b"\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";

/// Reader that returns small pieces, and fails somewhere.
struct Reader<'a> {
    bytes: &'a [u8],
    piece: usize,
    failure: Option<io::ErrorKind>,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty()
            && let Some(kind) = self.failure
        {
            return Err(io::Error::new(kind, "of the network"));
        }
        let length = self.piece.min(buffer.len());
        self.bytes.read(&mut buffer[..length])
    }
}

fn decoded_from(
    compression: Compression,
    reader: impl Read,
) -> (Result<Decoded, DecodeError>, Vec<u8>) {
    let mut plain = Vec::new();
    let result = decode(Some(compression), reader, LIMITS, &mut |piece| {
        assert!(!piece.is_empty() && piece.len() <= 64 * 1024);
        plain.extend_from_slice(piece);
        ControlFlow::Continue(())
    });
    (result, plain)
}

fn decoded(compression: Compression, bytes: &[u8]) -> (Result<Decoded, DecodeError>, Vec<u8>) {
    decoded_from(compression, bytes)
}

fn fault(compression: Compression, bytes: &[u8]) -> Option<CodecFault> {
    decoded(compression, bytes)
        .0
        .err()
        .map(|error| error.fault().unwrap())
}

#[test]
fn one_segment_of_every_compression_is_the_same() {
    for (compression, bytes) in segments() {
        for piece in [13, usize::MAX] {
            let reader = Reader {
                bytes,
                piece,
                failure: None,
            };
            let (result, plain) = decoded_from(*compression, reader);

            let whole = Decoded {
                plain_bytes: 1 << 20,
                streams: 1,
                behind_first: LaterStreams::None,
                was_stopped: false,
            };
            assert_eq!(result.unwrap(), whole, "{compression:?}");
            assert!(plain == plain_segment(), "{compression:?}");
        }
    }
}

#[test]
fn an_object_without_compression_comes_as_it_is() {
    let mut plain = Vec::new();
    let decoded = decode(None, plain_segment(), LIMITS, &mut |piece| {
        plain.extend_from_slice(piece);
        ControlFlow::Continue(())
    });

    assert_eq!(decoded.unwrap().plain_bytes, 1 << 20);
    assert!(plain == plain_segment());
}

#[test]
fn streams_in_a_row_are_read_and_counted() {
    for (compression, bytes) in segments() {
        let (result, plain) = decoded(*compression, &bytes.repeat(2));

        // Chunks of Snappy go on behind another header.
        let streams = if *compression == Compression::Snappy {
            1
        } else {
            2
        };
        let found = result.unwrap();
        assert_eq!(found.streams, streams, "{compression:?}");
        let behind_first = if streams == 1 {
            LaterStreams::None
        } else {
            LaterStreams::Content
        };
        assert_eq!(found.behind_first, behind_first, "{compression:?}");
        assert!(plain == plain_segment().repeat(2), "{compression:?}");
    }
}

#[test]
fn later_streams_count_by_what_they_hold() {
    use std::io::Write;

    let member = |content: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    for (later, expected) in [
        (vec![], LaterStreams::None),
        (vec![&b""[..]], LaterStreams::Empty),
        (vec![&b"\0\0"[..], b""], LaterStreams::Zeros),
        (vec![&b"\0\0"[..], b"\0a", b"\0"], LaterStreams::Content),
    ] {
        let later = later.into_iter().flat_map(member);
        let object: Vec<_> = member(b"first").into_iter().chain(later).collect();

        let (result, _) = decoded(Compression::Gzip, &object);

        assert_eq!(result.unwrap().behind_first, expected);
    }
}

#[test]
fn a_restore_of_base_backups_reads_the_first_stream_only() {
    use LaterStreams::{Content, Empty, None as Nothing, Zeros};

    for (compression, behind_first, expected) in [
        (Compression::Gzip, Nothing, Reaction::RestoresAll),
        (Compression::Gzip, Empty, Reaction::RestoresAll),
        (Compression::Bzip2, Empty, Reaction::Depends),
        (Compression::Gzip, Zeros, Reaction::Depends),
        (Compression::Gzip, Content, Reaction::RestoresPart),
        (Compression::Zstandard, Content, Reaction::RestoresPart),
        (Compression::Snappy, Content, Reaction::RestoresAll),
    ] {
        let base = reaction_to_several_streams(compression, RestoreKind::Base, behind_first);
        assert_eq!(base, expected, "{compression:?} {behind_first:?}");
        let wal = reaction_to_several_streams(compression, RestoreKind::Wal, behind_first);
        assert_eq!(wal, Reaction::RestoresAll, "{compression:?}");
    }
}

#[test]
fn what_follows_the_end_is_named() {
    let junk: &[u8] = b"\0\0junk";
    for (compression, bytes) in segments() {
        for (rest, expected) in [
            (&[0; 700][..], TrailingBytes::Zeros),
            (TRAILER, TrailingBytes::Framing),
            (
                b"\r\n0;chunk-signature=0123456789abcdef\r\n\r\n",
                TrailingBytes::Framing,
            ),
            (b"x-amz-checksum-crc32:AAAAAA==\r\n", TrailingBytes::Framing),
            (junk, TrailingBytes::Other),
        ] {
            let found = fault(*compression, &[bytes, rest].concat());

            let expected = match (compression, expected) {
                (Compression::Snappy, TrailingBytes::Zeros | TrailingBytes::Other) => {
                    CodecFault::Damaged
                }
                (_, trailing) => CodecFault::Trailing(trailing),
            };
            assert_eq!(found, Some(expected), "{compression:?} {rest:?}");
        }
    }
}

#[test]
fn an_object_of_another_format_is_recognised() {
    for (named, _) in segments() {
        for (compression, bytes) in segments() {
            if named != compression {
                let looks_like = Some(Content::Compressed(*compression));
                let expected = CodecFault::NotThisFormat { looks_like };
                assert_eq!(fault(*named, bytes), Some(expected));
            }
        }
    }
    for (bytes, looks_like) in [
        (plain_segment(), Some(Content::Wal)),
        (&[0; 20][..], Some(Content::Zeros)),
        (b"100000;chunk-signature=0123", Some(Content::Framing)),
        (b"10000\r\n\xFD7zXZ\0", Some(Content::Framing)),
        (b"<?xml version=\"1.0\"?><Error>", Some(Content::Markup)),
        (b"<!DOCTYPE html>", Some(Content::Markup)),
        (b"hello", None),
    ] {
        let expected = CodecFault::NotThisFormat { looks_like };
        assert_eq!(fault(Compression::Gzip, bytes), Some(expected));
    }
}

#[test]
fn an_empty_object_is_a_fault_of_its_own() {
    for compression in Compression::ALL {
        assert_eq!(fault(compression, b""), Some(CodecFault::Empty));
        let cut_in_magic = &magic(compression)[..2];
        assert_eq!(
            fault(compression, cut_in_magic),
            Some(CodecFault::Truncated)
        );
    }
}

#[test]
fn more_bytes_than_allowed_are_not_handed_on() {
    for (compression, bytes) in segments() {
        let limits = DecodeLimits::of_plain_bytes((1 << 20) - 1);
        let mut taken = 0;
        let result = decode(Some(*compression), &bytes[..], limits, &mut |piece| {
            taken += piece.len() as u64;
            ControlFlow::Continue(())
        });

        let max_bytes = limits.max_plain_bytes;
        let expected = CodecFault::TooLong { max_bytes };
        assert_eq!(result.unwrap_err().fault(), Some(expected));
        assert!(taken <= max_bytes, "{compression:?}");
    }
}

#[test]
fn a_sink_can_stop_it() {
    for (compression, bytes) in segments() {
        let result = decode(Some(*compression), &bytes[..], LIMITS, &mut |_| {
            ControlFlow::Break(())
        });

        let decoded = result.unwrap();
        assert!(
            decoded.was_stopped && decoded.plain_bytes > 0,
            "{compression:?}"
        );
    }
}

#[test]
fn a_demand_for_memory_is_no_fault_of_the_object() {
    for (compression, bytes) in segments() {
        let limits = DecodeLimits {
            max_decoder_bytes: 64 << 10,
            ..LIMITS
        };
        let result = decode(Some(*compression), &bytes[..], limits, &mut |_| {
            ControlFlow::Continue(())
        });

        match compression {
            Compression::Xz | Compression::Zstandard => {
                assert!(
                    matches!(result, Err(DecodeError::TooMuchMemory)),
                    "{result:?}"
                );
            }
            Compression::Gzip | Compression::Bzip2 | Compression::Snappy | Compression::Lz4 => {
                assert!(result.is_ok(), "{compression:?}");
            }
        }
    }
}

/// The segment in Zstandard, with another descriptor of the window.
fn with_window(descriptor: u8) -> Vec<u8> {
    let (_, bytes) = segments()
        .iter()
        .find(|(compression, _)| *compression == Compression::Zstandard)
        .unwrap();
    let mut bytes = bytes.clone();
    assert_eq!(bytes[4], 0, "no checksum, no size, a window");
    bytes[5] = descriptor;
    bytes
}

#[test]
fn the_windows_of_every_level_of_zstandard_are_read() {
    for descriptor in [17 << 3, (25 - 10) << 3, (27 - 10) << 3] {
        let (result, plain) = decoded(Compression::Zstandard, &with_window(descriptor));
        assert_eq!(result.unwrap().plain_bytes, 1 << 20, "{descriptor}");
        assert!(plain == plain_segment(), "{descriptor}");
    }
    let result = decoded(Compression::Zstandard, &with_window(18 << 3)).0;
    assert!(matches!(result, Err(DecodeError::TooMuchMemory)));
}

#[test]
fn content_beyond_a_window_that_was_made_smaller_is_no_damage() {
    for power in 17..20 {
        let limits = DecodeLimits::of_plain_bytes(1 << power);
        let bytes = with_window(17 << 3);
        let result = decode(
            Some(Compression::Zstandard),
            &bytes[..],
            limits,
            &mut |_| ControlFlow::Continue(()),
        );

        let error = result.unwrap_err();
        let is_too_long = matches!(error.fault(), Some(CodecFault::TooLong { .. }));
        assert!(
            is_too_long || matches!(error, DecodeError::TooMuchMemory),
            "{error}"
        );
    }
}

#[test]
fn what_a_restore_does_is_what_barman_did() {
    use Compression::{Bzip2, Gzip, Lz4, Snappy, Xz, Zstandard};
    use Reaction::{Depends, Refuses, RestoresAll, RestoresPart};

    // In the order of the columns; each was tried with Barman 3.20.1.
    let columns = [Gzip, Bzip2, Xz, Snappy, Zstandard, Lz4];
    let trailing = CodecFault::Trailing;
    for (fault, expected) in [
        (
            CodecFault::Truncated,
            [
                Refuses,
                Refuses,
                Refuses,
                RestoresPart,
                RestoresPart,
                Refuses,
            ],
        ),
        (
            CodecFault::Empty,
            [
                RestoresPart,
                Refuses,
                Refuses,
                RestoresPart,
                RestoresPart,
                Refuses,
            ],
        ),
        (
            trailing(TrailingBytes::Zeros),
            [RestoresAll, RestoresAll, Refuses, Depends, Refuses, Refuses],
        ),
        (
            trailing(TrailingBytes::Framing),
            [
                Refuses,
                RestoresAll,
                RestoresAll,
                RestoresAll,
                Refuses,
                Refuses,
            ],
        ),
        (
            CodecFault::NotThisFormat { looks_like: None },
            [Refuses, Refuses, Refuses, Depends, Refuses, Refuses],
        ),
    ] {
        let found = columns.map(|column| reaction(fault, Some(column), RestoreKind::Wal));
        assert_eq!(found, expected, "{fault}");
    }
    let base = |fault, compression| reaction(fault, Some(compression), RestoreKind::Base);
    assert_eq!(base(CodecFault::Truncated, Gzip), Depends);
    assert_eq!(base(CodecFault::Empty, Gzip), Refuses);
    assert_eq!(base(trailing(TrailingBytes::Framing), Gzip), RestoresAll);
    assert_eq!(base(trailing(TrailingBytes::Framing), Bzip2), Depends);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_cut_is_seen_by_every_codec_that_has_an_end(place: prop::sample::Index) {
        for (compression, bytes) in segments() {
            let (result, plain) = decoded(*compression, &bytes[..place.index(bytes.len())]);

            prop_assert!(plain_segment().starts_with(&plain), "{:?}", compression);
            match (compression, result) {
                (Compression::Snappy, Ok(decoded)) => {
                    prop_assert!(decoded.plain_bytes < 1 << 20);
                }
                (_, Ok(_)) => prop_assert!(false, "{:?}", compression),
                (_, Err(error)) => prop_assert!(
                    matches!(error.fault(), Some(CodecFault::Truncated | CodecFault::Empty)),
                    "{:?}: {}", compression, error,
                ),
            }
        }
    }

    #[test]
    fn a_failure_of_the_reader_is_never_a_fault(
        place: prop::sample::Index,
        kind in prop::sample::select(vec![
            io::ErrorKind::UnexpectedEof,
            io::ErrorKind::InvalidData,
            io::ErrorKind::InvalidInput,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::TimedOut,
            io::ErrorKind::WouldBlock,
            io::ErrorKind::Other,
        ]),
    ) {
        for (compression, bytes) in segments() {
            let reader = Reader {
                bytes: &bytes[..place.index(bytes.len() + 1)],
                piece: usize::MAX,
                failure: Some(kind),
            };
            let error = decoded_from(*compression, reader).0.unwrap_err();

            let DecodeError::Read(error) = error else {
                panic!("{compression:?}: {error}");
            };
            prop_assert_eq!(error.kind(), kind);
            prop_assert_eq!(error.to_string(), "of the network");
        }
    }

    #[test]
    fn a_flipped_bit_is_seen_by_every_codec_with_a_checksum(
        place: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        for (compression, bytes) in segments() {
            let mut bytes = bytes.clone();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            let (result, plain) = decoded(*compression, &bytes);

            // Some bits of headers mean nothing, such as a time.
            let has_checksum = !matches!(compression, Compression::Zstandard | Compression::Lz4);
            let is_seen = result.is_err() || plain == plain_segment();
            prop_assert!(!has_checksum || is_seen, "{:?} at {}", compression, place);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(noise: Vec<u8>, place: prop::sample::Index) {
        for (compression, bytes) in segments() {
            let _ = decoded(*compression, &[magic(*compression), &noise].concat());
            let mut bytes = bytes.clone();
            let place = place.index(bytes.len());
            for (byte, noise) in bytes.iter_mut().skip(place).zip(&noise) {
                *byte = *noise;
            }
            let _ = decoded(*compression, &bytes);
        }
        let _ = (Content::of(&noise), ends_in_framing(&noise));
    }
}
