//! Ends of compressed streams.

use crate::bytes::{array, u32_at};

/// End of a stream, as the last bytes show it.
pub(super) enum Ending {
    /// An end, without a size.
    Whole,
    /// An end that states the size of the content.
    OfContent { bytes: u64 },
    /// An end that states the size of the content modulo 4 GiB.
    OfContentModulo { bytes: u32 },
    /// Something else.
    Other,
    /// Fewer bytes than an end has.
    TooFewBytes,
}

/// Returns the end of a member of gzip: a checksum and the size (RFC 1952, 2.3.1).
pub(super) fn of_gzip(last: &[u8]) -> Ending {
    /// Length of a member without any content, in bytes.
    const SHORTEST: usize = 20;

    match last.last_chunk::<4>() {
        Some(size) if last.len() >= SHORTEST => Ending::OfContentModulo {
            bytes: u32::from_le_bytes(*size),
        },
        Some(_) | None => Ending::TooFewBytes,
    }
}

/// Returns the end of a stream of bzip2: a number of 48 bits and a checksum of 32, at any bit, and
/// zeros up to the next byte (`BZ_X_ENDHDR_2` in `decompress.c`).
pub(super) fn of_bzip2(last: &[u8]) -> Ending {
    const MARK: u128 = 0x1772_4538_5090;
    const MARK_BITS: u32 = 48;
    const CHECKSUM_BITS: u32 = 32;

    let Some(bytes) = last.last_chunk::<11>() else {
        return Ending::TooFewBytes;
    };
    let bits = bytes
        .iter()
        .fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    let is_end = (0..8).any(|padding| {
        let is_padded = bits & ((1 << padding) - 1) == 0;
        let mark = (bits >> (padding + CHECKSUM_BITS)) & ((1 << MARK_BITS) - 1);
        is_padded && mark == MARK
    });
    if is_end { Ending::Whole } else { Ending::Other }
}

/// Returns the end of a frame of LZ4: a length of zero, and a checksum if the first bytes say so (LZ4
/// frame format, "Frame Descriptor" and "`EndMark`").
pub(super) fn of_lz4(first: &[u8], last: &[u8]) -> Ending {
    const FLAGS: usize = 4;
    const HAS_CHECKSUM: u8 = 0x04;
    const HAS_SIZE: u8 = 0x08;
    /// Place of the size of the content.
    const SIZE: usize = 6;
    const MARK: usize = 4;
    const CHECKSUM: usize = 4;

    let Some(flags) = first.get(FLAGS) else {
        return Ending::TooFewBytes;
    };
    let behind = if flags & HAS_CHECKSUM == 0 {
        0
    } else {
        CHECKSUM
    };
    let Some(mark) = last.len().checked_sub(MARK + behind) else {
        return Ending::TooFewBytes;
    };
    if u32_at(last, mark) != Some(0) {
        return Ending::Other;
    }
    if flags & HAS_SIZE == 0 {
        return Ending::Whole;
    }
    match array(first, SIZE) {
        Some(size) => Ending::OfContent {
            bytes: u64::from_le_bytes(size),
        },
        None => Ending::TooFewBytes,
    }
}

/// Returns the end of a stream of xz: a footer, and before it an index with the sizes of all blocks
/// (xz file format, 2.1.2 and 4).
pub(super) fn of_xz(object_bytes: u64, first: &[u8], last: &[u8]) -> Ending {
    /// Length of the header of a stream, and of its footer, in bytes.
    const EDGE: usize = 12;
    /// Flags of the stream in its header.
    const FLAGS: usize = 6;

    let Some((before, footer)) = last.split_last_chunk::<EDGE>() else {
        return Ending::TooFewBytes;
    };
    let [c0, c1, c2, c3, s0, s1, s2, s3, f0, f1, magic @ ..] = *footer;
    let checked = [s0, s1, s2, s3, f0, f1];
    let is_footer = magic == *b"YZ" && crc32(&checked) == u32::from_le_bytes([c0, c1, c2, c3]);
    let flags = array::<2>(first, FLAGS);
    if !is_footer || flags.is_some_and(|flags| flags != [f0, f1]) {
        return Ending::Other;
    }
    let index_bytes = (u64::from(u32::from_le_bytes([s0, s1, s2, s3])) + 1) * 4;
    if index_bytes.saturating_add(2 * EDGE as u64) > object_bytes {
        return Ending::Other;
    }
    let index = usize::try_from(index_bytes)
        .ok()
        .and_then(|length| before.get(before.len().checked_sub(length)?..));
    match index {
        // Longer than what is there: of many blocks.
        None => Ending::Whole,
        Some(index) => match size_in_index(index) {
            Some(bytes) => Ending::OfContent { bytes },
            None => Ending::Other,
        },
    }
}

/// Adds up the sizes of the blocks in an index of xz; `None` if it is not one.
fn size_in_index(index: &[u8]) -> Option<u64> {
    let (content, checksum) = index.split_last_chunk::<4>()?;
    if crc32(content) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let mut rest = content.strip_prefix(&[0])?;
    let blocks = take_number(&mut rest)?;
    let mut bytes: u64 = 0;
    // A block takes two bytes at least, so that the index ends this.
    for _ in 0..blocks {
        take_number(&mut rest)?;
        bytes = bytes.checked_add(take_number(&mut rest)?)?;
    }
    Some(bytes)
}

/// Takes a number of seven bits in each byte, the lowest first (xz file format, 1.2).
fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number: u64 = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Returns the CRC-32 of IEEE 802.3, for some bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let is_odd = sum & 1 != 0;
            sum >>= 1;
            if is_odd {
                sum ^= 0xEDB8_8320;
            }
        }
    }
    !sum
}
