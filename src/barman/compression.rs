//! Compression endings, and reading what is behind them.

use std::io::{self, Read};

/// How an object is compressed, as the ending of its key says.
///
/// The endings are those of `barman-cloud-wal-archive` and `barman-cloud-backup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// `.gz`
    Gzip,
    /// `.bz2`
    Bzip2,
    /// `.xz`, of WAL only.
    Xz,
    /// `.snappy`, in the framing format.
    Snappy,
    /// `.zst`
    Zstandard,
    /// `.lz4`, in the frame format.
    Lz4,
}

/// A file that could not be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// The content is not what the ending of the key says.
    #[error("the content is no valid {0:?} stream")]
    Invalid(Compression, #[source] io::Error),
    /// The content is far larger than any such file.
    #[error("more than {0} bytes when decompressed")]
    TooLarge(u64),
}

impl Compression {
    /// Every compression, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Gzip, Self::Bzip2, Self::Xz, Self::Snappy, Self::Zstandard, Self::Lz4];

    /// The ending of keys, with its dot.
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

    /// Takes one compression ending off a name.
    #[must_use]
    pub fn split(name: &str) -> (&str, Option<Self>) {
        Self::ALL
            .into_iter()
            .find_map(|kind| Some((name.strip_suffix(kind.ending())?, Some(kind))))
            .unwrap_or((name, None))
    }

    /// Decompresses a small file.
    ///
    /// # Errors
    /// When the content is not compressed this way, is cut off, or yields more than `max_bytes`.
    pub fn decompress(self, content: &[u8], max_bytes: u64) -> Result<Vec<u8>, DecompressError> {
        let mut plain = Vec::new();
        self.reader(content)
            .and_then(|reader| reader.take(max_bytes.saturating_add(1)).read_to_end(&mut plain))
            .map_err(|error| DecompressError::Invalid(self, error))?;
        if plain.len() as u64 > max_bytes {
            return Err(DecompressError::TooLarge(max_bytes));
        }
        Ok(plain)
    }

    fn reader<'a>(self, content: &'a [u8]) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(content)),
            Self::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(content)),
            Self::Xz => Box::new(liblzma::read::XzDecoder::new_multi_decoder(content)),
            Self::Snappy => Box::new(snap::read::FrameDecoder::new(content)),
            Self::Zstandard => Box::new(
                ruzstd::decoding::StreamingDecoder::new(content).map_err(io::Error::other)?,
            ),
            Self::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(content)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

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
        assert_eq!(Compression::split("X.gz.bz2"), ("X.gz", Some(Compression::Bzip2)));
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
            assert!(matches!(error, DecompressError::TooLarge(1000)), "{kind:?}: {error}");
        }
    }

    #[test]
    fn a_file_cut_off_is_an_error() {
        let plain: Vec<u8> = (0_u32..5000).flat_map(u32::to_le_bytes).collect();

        for kind in Compression::ALL {
            let whole = compress(kind, &plain);
            let result = kind.decompress(&whole[..whole.len() / 2], 1_000_000);
            assert!(result.is_err(), "{kind:?}");
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
