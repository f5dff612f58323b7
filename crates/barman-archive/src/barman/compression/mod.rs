//! Compression endings, and reading what is behind them.

mod stream;
mod zstandard;

pub use stream::{MAX_DECODER_BYTES, StreamDecoder, StreamError, StreamLimits};

/// Compression of an object, as the ending of its key states.
///
/// The endings are those of `barman-cloud-wal-archive` and `barman-cloud-backup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// gzip, `.gz`.
    Gzip,
    /// bzip2, `.bz2`.
    Bzip2,
    /// xz, `.xz`, for WAL only.
    Xz,
    /// Snappy in the framing format, `.snappy`.
    Snappy,
    /// Zstandard, `.zst`.
    Zstandard,
    /// LZ4 in the frame format, `.lz4`.
    Lz4,
}

/// Reason why a file cannot be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// Content that is not in the format that the ending of the key states.
    #[error("the content is not a valid {0:?} stream")]
    Invalid(Compression, #[source] StreamError),
    /// Content that is far larger than any such file.
    #[error("more than {0} bytes when decompressed")]
    TooLarge(u64),
}

impl Compression {
    /// Every compression, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Gzip,
        Self::Bzip2,
        Self::Xz,
        Self::Snappy,
        Self::Zstandard,
        Self::Lz4,
    ];

    /// Ending of keys, with its dot.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Bzip2 => ".bz2",
            Self::Xz => ".xz",
            Self::Snappy => ".snappy",
            Self::Zstandard => ".zst",
            Self::Lz4 => ".lz4",
        }
    }

    /// Splits one compression ending off a name; `None` if the name does not have any.
    #[must_use]
    pub fn split(name: &str) -> (&str, Option<Self>) {
        for kind in Self::ALL {
            if let Some(stem) = name.strip_suffix(kind.ending()) {
                return (stem, Some(kind));
            }
        }
        (name, None)
    }

    /// Returns whether Barman restores an empty object as an empty file instead of failing.
    ///
    /// Verified with Barman 3.20 (`decompress_to_file` in `cloud_compression.py`).
    #[must_use]
    pub const fn takes_nothing_for_empty(self) -> bool {
        match self {
            Self::Gzip | Self::Snappy | Self::Zstandard => true,
            Self::Bzip2 | Self::Xz | Self::Lz4 => false,
        }
    }

    /// Returns whether Barman accepts a truncated file of WAL and restores what can be read of it.
    ///
    /// Verified with Barman 3.20: its readers of these formats do not look for the end
    /// (`decompress_to_file` in `cloud_compression.py`).
    #[must_use]
    pub const fn takes_what_is_left(self) -> bool {
        match self {
            Self::Snappy | Self::Zstandard => true,
            Self::Gzip | Self::Bzip2 | Self::Xz | Self::Lz4 => false,
        }
    }

    /// Decompresses a small file as `barman-cloud-wal-restore` does.
    ///
    /// # Errors
    /// Returns an error if the content is not in this format, is truncated and Barman would notice
    /// it, or yields more than `max_bytes`.
    pub fn decompress(self, content: &[u8], max_bytes: u64) -> Result<Vec<u8>, DecompressError> {
        if content.is_empty() {
            if self.takes_nothing_for_empty() {
                return Ok(Vec::new());
            }
            return Err(DecompressError::Invalid(self, StreamError::Truncated));
        }
        let mut plain = Vec::new();
        if let Err(error) = self.read_streams(content, max_bytes, &mut plain) {
            let is_cut_off = matches!(error, StreamError::Truncated);
            if !(is_cut_off && self.takes_what_is_left()) {
                return Err(DecompressError::Invalid(self, error));
            }
        }
        if plain.len() as u64 > max_bytes {
            return Err(DecompressError::TooLarge(max_bytes));
        }
        Ok(plain)
    }

    /// Appends the content of one stream after the other, and stops when it is too much.
    fn read_streams(
        self,
        content: &[u8],
        max_bytes: u64,
        plain: &mut Vec<u8>,
    ) -> Result<(), StreamError> {
        let limits = StreamLimits {
            max_decoder_bytes: MAX_DECODER_BYTES,
            max_plain_bytes: max_bytes,
        };
        let mut piece = [0; 4096];
        let mut rest = content;
        while !rest.is_empty() {
            let mut decoder = StreamDecoder::new(self, rest, limits)?;
            loop {
                let bytes = decoder.read(&mut piece)?;
                plain.extend_from_slice(piece.get(..bytes).unwrap_or_default());
                if plain.len() as u64 > max_bytes {
                    return Ok(());
                }
                if bytes == 0 {
                    break;
                }
            }
            rest = decoder.into_input();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn compress(kind: Compression, plain: &[u8]) -> Vec<u8> {
        match kind {
            Compression::Gzip => {
                let mut out =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                out.write_all(plain).unwrap();
                out.finish().unwrap()
            }
            Compression::Bzip2 => {
                let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                out.write_all(plain).unwrap();
                out.finish().unwrap()
            }
            Compression::Xz => {
                let mut out = liblzma::write::XzEncoder::new(Vec::new(), 0);
                out.write_all(plain).unwrap();
                out.finish().unwrap()
            }
            Compression::Snappy => {
                let mut out = snap::write::FrameEncoder::new(Vec::new());
                out.write_all(plain).unwrap();
                out.into_inner().unwrap()
            }
            Compression::Zstandard => ruzstd::encoding::compress_to_vec(
                plain,
                ruzstd::encoding::CompressionLevel::Fastest,
            ),
            Compression::Lz4 => {
                let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
                out.write_all(plain).unwrap();
                out.finish().unwrap()
            }
        }
    }

    #[test]
    fn one_ending_is_taken_off_and_no_more() {
        assert_eq!(Compression::split("X.gz"), ("X", Some(Compression::Gzip)));
        assert_eq!(Compression::split("X.gz.tmp"), ("X.gz.tmp", None));
        assert_eq!(
            Compression::split("X.gz.bz2"),
            ("X.gz", Some(Compression::Bzip2))
        );
        assert_eq!(Compression::split("X"), ("X", None));
    }

    #[test]
    fn what_each_compression_wrote_is_read_again() {
        let plain = b"1\t0/160000A0\tno recovery target specified\n".repeat(20);

        for kind in Compression::ALL {
            let read = kind.decompress(&compress(kind, &plain), 10_000).unwrap();
            assert_eq!(read, plain, "{kind:?}");
        }
    }

    #[test]
    fn a_small_file_that_becomes_huge_is_refused() {
        for kind in Compression::ALL {
            let bomb = compress(kind, &vec![0; 1_000_000]);
            let error = kind.decompress(&bomb, 1000).unwrap_err();
            assert!(
                matches!(error, DecompressError::TooLarge(1000)),
                "{kind:?}: {error}"
            );
        }
    }

    #[test]
    fn several_streams_in_a_row_are_read_as_one() {
        for kind in Compression::ALL {
            let twice = [compress(kind, b"one"), compress(kind, b"two")].concat();

            assert_eq!(kind.decompress(&twice, 100).unwrap(), b"onetwo", "{kind:?}");
        }
    }

    /// An xz file whose header asks for a dictionary of this size, as the format encodes it.
    fn xz_with_dictionary(size: u8) -> Vec<u8> {
        let mut file = compress(Compression::Xz, b"x");
        // The header of the first block: its size, flags, filter, size of properties, dictionary,
        // three bytes of padding, and a checksum of them all.
        assert_eq!(file[12..16], [2, 0, 0x21, 1]);
        file[16] = size;
        let mut checksum = flate2::Crc::new();
        checksum.update(&file[12..20]);
        file[20..24].copy_from_slice(&checksum.sum().to_le_bytes());
        file
    }

    /// A Zstandard file with a window of two to the power of this, and one byte of content.
    fn zstandard_with_window(power: u8) -> Vec<u8> {
        [
            &0xFD2F_B528_u32.to_le_bytes()[..],
            &[0, (power - 10) << 3],
            &[9, 0, 0],
            b"x",
        ]
        .concat()
    }

    #[test]
    fn a_small_file_that_asks_for_much_memory_is_refused() {
        let little = [
            (Compression::Xz, xz_with_dictionary(22)),
            // What level 9 asks for: 64 MiB.
            (Compression::Xz, xz_with_dictionary(28)),
            (Compression::Zstandard, zstandard_with_window(23)),
            // What level 22 asks for: 128 MiB, of which no more is kept than comes.
            (Compression::Zstandard, zstandard_with_window(27)),
        ];
        let far_more = [
            (Compression::Xz, xz_with_dictionary(30)),
            (Compression::Xz, xz_with_dictionary(40)),
            (Compression::Zstandard, zstandard_with_window(28)),
            (Compression::Zstandard, zstandard_with_window(40)),
        ];

        for (kind, file) in little {
            assert_eq!(kind.decompress(&file, 100).unwrap(), b"x", "{kind:?}");
        }
        for (kind, file) in far_more {
            let error = kind.decompress(&file, 100).unwrap_err();
            assert!(
                matches!(
                    error,
                    DecompressError::Invalid(_, StreamError::TooMuchMemory)
                ),
                "{kind:?}: {error:?}"
            );
        }
    }

    #[test]
    fn a_file_cut_off_is_an_error_where_barman_notices_it() {
        let plain: Vec<u8> = (0_u32..5000).flat_map(u32::to_le_bytes).collect();

        for kind in Compression::ALL {
            let whole = compress(kind, &plain);
            let result = kind.decompress(&whole[..whole.len() / 2], 1_000_000);
            match kind {
                Compression::Snappy => assert!(plain.starts_with(&result.unwrap())),
                Compression::Zstandard => {}
                Compression::Gzip | Compression::Bzip2 | Compression::Xz | Compression::Lz4 => {
                    assert!(result.is_err(), "{kind:?}");
                }
            }
        }
    }

    #[test]
    fn a_few_bytes_of_something_else_are_no_truncated_zstandard() {
        let read = |content: &[u8]| Compression::Zstandard.decompress(content, 10).ok();

        // As `ZstdDecompressor.stream_reader` of Python's zstandard does.
        assert_eq!(read(b"\x28\xB5"), Some(Vec::new()));
        assert_eq!(read(b"\x28\xB5\x2F\xFD"), Some(Vec::new()));
        for other in [&b"1"[..], b"\x28\x01", b"1\t0", b"\x28\xB5\x2F\xFE"] {
            assert_eq!(read(other), None, "{other:?}");
        }
    }

    #[test]
    fn an_empty_object_is_an_empty_file_or_an_error_as_in_barman() {
        let empty = |kind: Compression| kind.decompress(b"", 10).ok();

        let read = Compression::ALL.map(empty);

        let nothing = || Some(Vec::new());
        assert_eq!(read, [nothing(), None, None, nothing(), nothing(), None]);
    }

    #[test]
    fn an_lz4_file_that_ends_between_blocks_is_cut_off() {
        let whole = compress(Compression::Lz4, &vec![7; 200_000]);

        for end in 1..whole.len() {
            let error = Compression::Lz4.decompress(&whole[..end], 1_000_000);
            assert!(
                matches!(
                    error,
                    Err(DecompressError::Invalid(_, StreamError::Truncated))
                ),
                "{end}: {error:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(content: Vec<u8>) {
            for kind in Compression::ALL {
                let _ = kind.decompress(&content, 10_000);
            }
        }
    }
}
