//! Kinds of content, by the first bytes.

use barman_archive::barman::Compression;

use crate::bytes::{is_zero, u16_at, u32_at};
use crate::wal::WalFormat;

/// Number of first bytes that show every kind of content.
pub(super) const SHOWN: usize = 512;

/// Place of `ustar` in a header of tar.
const USTAR: usize = 257;

/// Maximum number of digits that the length of a chunk has in framing.
const MAX_DIGITS: usize = 8;

/// Kind of content that bytes look like. An object that should be something else is often one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Output of a compression.
    Compressed(Compression),
    /// Framing of the transfer (`aws-chunked`), which a store has to take off and did not:
    /// `HEX;chunk-signature=…` or `HEX`, and a line break, before each chunk.
    Framing,
    /// Zeros.
    Zeros,
    /// WAL.
    Wal,
    /// A tar archive.
    Tar,
    /// XML or HTML: often an error of a server.
    Markup,
}

impl Content {
    /// Returns the kind of content that starts with these bytes; `None` if it is not recognised.
    #[must_use]
    pub fn of(first: &[u8]) -> Option<Self> {
        let compression = Compression::ALL
            .into_iter()
            .find(|compression| first.starts_with(magic(*compression)));
        if let Some(compression) = compression {
            return Some(Self::Compressed(compression));
        }
        if is_framing_header(first) {
            return Some(Self::Framing);
        }
        if first.starts_with(b"<?xml") || first.starts_with(b"<Error") || is_html(first) {
            return Some(Self::Markup);
        }
        if first.get(USTAR..USTAR + 5) == Some(b"ustar") {
            return Some(Self::Tar);
        }
        if is_wal(first) {
            return Some(Self::Wal);
        }
        (!first.is_empty() && is_zero(first)).then_some(Self::Zeros)
    }
}

/// Returns the bytes that output of a compression begins with, as Barman knows them.
///
/// The `MAGIC` of its classes in `compression.py`. The last digit of bzip2, the size of its blocks, and
/// the version of Snappy's framing are not in them.
#[must_use]
pub const fn magic(compression: Compression) -> &'static [u8] {
    match compression {
        Compression::Gzip => b"\x1F\x8B\x08",
        Compression::Bzip2 => b"BZh",
        Compression::Xz => b"\xFD7zXZ\0",
        Compression::Snappy => b"\xFF\x06\0\0sNaPpY",
        Compression::Zstandard => b"\x28\xB5\x2F\xFD",
        Compression::Lz4 => b"\x04\x22\x4D\x18",
    }
}

/// Returns whether the bytes begin with the line before a chunk of `aws-chunked` framing.
fn is_framing_header(first: &[u8]) -> bool {
    let digits = first
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let rest = first.get(digits..).unwrap_or_default();
    (1..=MAX_DIGITS).contains(&digits)
        && (rest.starts_with(b";chunk-signature=") || rest.starts_with(b"\r\n"))
}

/// Returns whether the bytes are what framing leaves behind the last chunk.
pub(super) fn is_framing_trailer(bytes: &[u8]) -> bool {
    let rest = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    is_framing_header(rest) || rest.starts_with(b"x-amz-")
}

/// Returns whether an object with these last bytes ends in what framing leaves behind: a last line with
/// a checksum, a signature, or a chunk of no bytes.
pub(crate) fn ends_in_framing(last: &[u8]) -> bool {
    let mut line = last;
    while let Some(rest) = line.strip_suffix(b"\r\n") {
        line = rest;
    }
    if let Some(end) = line.iter().rposition(|byte| *byte == b'\n') {
        line = line.get(end + 1..).unwrap_or_default();
    }
    let starts = [
        &b"x-amz-checksum-"[..],
        b"x-amz-trailer-signature:",
        b"0;chunk-signature=",
    ];
    starts.iter().any(|start| line.starts_with(start))
}

fn is_html(first: &[u8]) -> bool {
    ["<!doctype", "<html"].iter().any(|start| {
        first
            .get(..start.len())
            .is_some_and(|first| first.eq_ignore_ascii_case(start.as_bytes()))
    })
}

/// Returns whether the bytes begin like a page of WAL of a known version, of a possible timeline.
fn is_wal(first: &[u8]) -> bool {
    let format = u16_at(first, 0).and_then(WalFormat::of_magic);
    let timeline = u32_at(first, 4).unwrap_or_default();
    format.is_some() && timeline > 0
}
