//! Codecs, as Barman writes with them, and their decoders without anything around them.

use std::hint::black_box;
use std::io::{Read, Write};

use barman_archive::barman::Compression;

/// Program of Barman that compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// `barman-cloud-wal-archive`, with its medium levels (`LEVEL_MEDIUM` in `compression.py`).
    WalArchive,
    /// `barman-cloud-backup`, with the default levels of the libraries (`cloud_compression.py`, and
    /// `tarfile` for gzip and bzip2).
    Backup,
}

impl Writer {
    /// Compressions that the program has; `None` for none.
    pub(crate) const fn compressions(self) -> &'static [Option<Compression>] {
        match self {
            Self::WalArchive => &[
                None,
                Some(Compression::Gzip),
                Some(Compression::Bzip2),
                Some(Compression::Xz),
                Some(Compression::Snappy),
                Some(Compression::Zstandard),
                Some(Compression::Lz4),
            ],
            Self::Backup => &[
                None,
                Some(Compression::Gzip),
                Some(Compression::Bzip2),
                Some(Compression::Snappy),
                Some(Compression::Zstandard),
                Some(Compression::Lz4),
            ],
        }
    }

    /// Compresses as the program does, but for LZ4: of its compressor, this one has no levels.
    pub(crate) fn compress(self, compression: Option<Compression>, plain: &[u8]) -> Vec<u8> {
        let is_wal = self == Self::WalArchive;
        let Some(compression) = compression else {
            return plain.to_vec();
        };
        match compression {
            Compression::Gzip => {
                let level = flate2::Compression::new(if is_wal { 6 } else { 9 });
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                write(&mut encoder, plain);
                encoder.finish().expect(WRITABLE)
            }
            Compression::Bzip2 => {
                let level = bzip2::Compression::new(if is_wal { 5 } else { 9 });
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), level);
                write(&mut encoder, plain);
                encoder.finish().expect(WRITABLE)
            }
            Compression::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 3);
                write(&mut encoder, plain);
                encoder.finish().expect(WRITABLE)
            }
            Compression::Snappy => {
                let mut encoder = snap::write::FrameEncoder::new(Vec::new());
                write(&mut encoder, plain);
                encoder.into_inner().expect(WRITABLE)
            }
            Compression::Zstandard => {
                let level = if is_wal { 4 } else { 3 };
                let mut encoder = zstd::Encoder::new(Vec::new(), level).expect(WRITABLE);
                write(&mut encoder, plain);
                encoder.finish().expect(WRITABLE)
            }
            Compression::Lz4 => lz4(plain, is_wal),
        }
    }
}

const WRITABLE: &str = "memory can be written";

fn write(encoder: &mut impl Write, plain: &[u8]) {
    encoder.write_all(plain).expect(WRITABLE);
}

/// Writes linked blocks of 64 KiB, with the size of the content for WAL, as `lz4.frame` does.
fn lz4(plain: &[u8], states_size: bool) -> Vec<u8> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

    let info = FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_mode(BlockMode::Linked)
        .content_size(states_size.then_some(plain.len() as u64));
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    write(&mut encoder, plain);
    encoder.finish().expect(WRITABLE)
}

/// Name of a compression, for people.
pub(crate) const fn name(compression: Option<Compression>) -> &'static str {
    match compression {
        None => "none",
        Some(Compression::Gzip) => "gzip",
        Some(Compression::Bzip2) => "bzip2",
        Some(Compression::Xz) => "xz",
        Some(Compression::Snappy) => "Snappy",
        Some(Compression::Zstandard) => "Zstandard",
        Some(Compression::Lz4) => "LZ4",
    }
}

/// Ending of the key of an object.
pub(crate) fn ending(compression: Option<Compression>) -> &'static str {
    compression.map_or("", Compression::ending)
}

/// Decodes an object with the library that the exporter decodes with, and throws the content away; how
/// long that is.
///
/// Without compression, bytes are copied.
pub(crate) fn decode(compression: Option<Compression>, object: &[u8]) -> u64 {
    match compression {
        None => drain(object),
        Some(Compression::Gzip) => drain(flate2::bufread::GzDecoder::new(object)),
        Some(Compression::Bzip2) => drain(bzip2::bufread::BzDecoder::new(object)),
        Some(Compression::Xz) => drain(liblzma::bufread::XzDecoder::new(object)),
        Some(Compression::Snappy) => drain(snap::read::FrameDecoder::new(object)),
        Some(Compression::Zstandard) => {
            drain(ruzstd::decoding::StreamingDecoder::new(object).expect("it was just written"))
        }
        Some(Compression::Lz4) => drain(lz4_flex::frame::FrameDecoder::new(object)),
    }
}

fn drain(mut decoder: impl Read) -> u64 {
    let mut piece = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        let bytes = decoder.read(&mut piece).expect("it was just written");
        black_box(&piece);
        total += bytes as u64;
        if bytes == 0 {
            return total;
        }
    }
}
