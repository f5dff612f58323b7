//! Checksums of files in a manifest (`checksum_helper.c`).

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// Number of bytes of a checksum that are kept and compared.
const KEPT: usize = 8;

/// Algorithm of a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    None,
    Crc32c,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Start of a checksum, filled up with zeros.
pub(super) type ShortSum = [u8; KEPT];

impl Algorithm {
    /// Finds an algorithm by its name, as `pg_checksum_parse_type` does; `None` if it is unknown.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "NONE" => Some(Self::None),
            "CRC32C" => Some(Self::Crc32c),
            "SHA224" => Some(Self::Sha224),
            "SHA256" => Some(Self::Sha256),
            "SHA384" => Some(Self::Sha384),
            "SHA512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Length of a checksum, in bytes.
    pub(super) const fn length(self) -> usize {
        match self {
            Self::None => 0,
            Self::Crc32c => 4,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// Checksum under way.
#[derive(Clone, Debug)]
pub(super) enum RunningSum {
    None,
    Crc32c(u32),
    Sha224(Sha224),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl RunningSum {
    pub(super) fn begin(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::None => Self::None,
            Algorithm::Crc32c => Self::Crc32c(0),
            Algorithm::Sha224 => Self::Sha224(Sha224::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha384 => Self::Sha384(Sha384::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Crc32c(sum) => *sum = crc32c::crc32c_append(*sum, bytes),
            Self::Sha224(sum) => sum.update(bytes),
            Self::Sha256(sum) => sum.update(bytes),
            Self::Sha384(sum) => sum.update(bytes),
            Self::Sha512(sum) => sum.update(bytes),
        }
    }

    /// Returns the start of the checksum. CRC32C has its bytes as they are in memory.
    pub(super) fn finish(self) -> ShortSum {
        match self {
            Self::None => ShortSum::default(),
            Self::Crc32c(sum) => shortened(&sum.to_le_bytes()),
            Self::Sha224(sum) => shortened(&sum.finalize()),
            Self::Sha256(sum) => shortened(&sum.finalize()),
            Self::Sha384(sum) => shortened(&sum.finalize()),
            Self::Sha512(sum) => shortened(&sum.finalize()),
        }
    }
}

/// Returns the checksum of a whole content.
pub(super) fn sum_of(algorithm: Algorithm, content: &[u8]) -> ShortSum {
    let mut sum = RunningSum::begin(algorithm);
    sum.update(content);
    sum.finish()
}

/// Returns the start of a checksum, filled up with zeros.
pub(super) fn shortened(bytes: &[u8]) -> ShortSum {
    let mut short = ShortSum::default();
    for (place, byte) in short.iter_mut().zip(bytes) {
        *place = *byte;
    }
    short
}

/// Reads bytes in hexadecimal digits; `None` for anything else.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let byte = |[high, low]: &[u8; 2]| {
        let high = char::from(*high).to_digit(16)?;
        let low = char::from(*low).to_digit(16)?;
        u8::try_from(high << 4 | low).ok()
    };
    pairs.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_tools() {
        // `sha256sum` of "abc", and the check value of CRC32C.
        let expected = from_hex("ba7816bf8f01cfea").unwrap();
        assert_eq!(sum_of(Algorithm::Sha256, b"abc").to_vec(), expected);
        assert_eq!(
            sum_of(Algorithm::Crc32c, b"123456789"),
            shortened(&0xE306_9283_u32.to_le_bytes())
        );
        assert_eq!(sum_of(Algorithm::None, b"abc"), [0; 8]);
    }

    #[test]
    fn digits_come_in_pairs() {
        assert_eq!(from_hex("00fF"), Some(vec![0, 255]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("0g"), None);
        assert_eq!(from_hex("+1"), None);
    }
}
