//! Headers of members, and the records of extended ones.

use crate::bytes::is_zero;

/// Header of a member.
pub(super) struct Header {
    pub(super) path: String,
    /// Size of the content, in bytes.
    pub(super) size: u64,
    /// Letter of the kind (`typeflag`).
    pub(super) kind: u8,
}

impl Header {
    /// Reads a header; `None` if its sum is wrong or a number is none.
    pub(super) fn read(block: &[u8]) -> Option<Self> {
        let stated = octal(block.get(148..156)?)?;
        let mut sum: u64 = 0;
        for (place, byte) in block.iter().enumerate() {
            let byte = if (148..156).contains(&place) {
                b' '
            } else {
                *byte
            };
            sum += u64::from(byte);
        }
        if sum != stated {
            return None;
        }
        let name = text(block.get(..100)?);
        let prefix = text(block.get(345..500)?);
        let is_posix = block.get(257..262)? == b"ustar";
        let path = if is_posix && !prefix.is_empty() {
            format!("{prefix}/{name}")
        } else {
            name
        };
        Some(Self {
            path,
            size: number(block.get(124..136)?)?,
            kind: *block.get(156)?,
        })
    }
}

/// Reads a number in octal digits, or in base 256 as GNU tar writes large ones.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (0x80, rest) => {
            let (high, low) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
            if !is_zero(high) {
                return None;
            }
            Some(u64::from_be_bytes(low.try_into().ok()?))
        }
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(['\0', ' ']);
    if digits.is_empty() {
        return Some(0);
    }
    u64::from_str_radix(digits, 8).ok()
}

fn text(field: &[u8]) -> String {
    let text = field.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// Reads the records of a pax header: `LENGTH KEY=VALUE\n` each. Values need not be UTF-8, as
/// `hdrcharset=BINARY` says.
pub(super) fn pax_records(content: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    let mut rest = content;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ')?;
        let digits = std::str::from_utf8(rest.get(..space)?).ok()?;
        let end: usize = digits.parse().ok()?;
        let record = rest.get(space + 1..end)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        records.push((record.get(..equals)?, record.get(equals + 1..)?));
        rest = rest.get(end..)?;
    }
    Some(records)
}
