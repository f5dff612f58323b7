//! Ranges of the contents of large objects, which are generated when somebody asks for them.
//!
//! Every large object repeats the same block. It is no WAL and no archive: it serves to measure how
//! fast contents are read, not what is found in them.

use std::ops::Range;
use std::sync::LazyLock;

use crate::archive::{Archive, Object};

/// Maximum length of an answer, in bytes. A request for more is answered in part, as HTTP allows.
const MOST_BYTES: u64 = 16 << 20;

/// Bytes that repeat in every large object. Their number is prime, so that no piece of a usual length
/// is like the one before.
static BLOCK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let next = |state: &u64| {
        Some(
            state
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f),
        )
    };
    let numbers = std::iter::successors(Some(1_u64), next);
    let bytes = numbers.map(|number| number.to_be_bytes()[0]);
    bytes.take(65_521).collect()
});

impl Archive {
    /// Returns the bytes of an object in a range, or the first of them if they are many; `None` if
    /// the range begins beyond its end.
    pub(crate) fn bytes(&self, object: Object, range: &Range<u64>) -> Option<Vec<u8>> {
        let end = range
            .end
            .min(self.size(object))
            .min(range.start.saturating_add(MOST_BYTES));
        let length = end.checked_sub(range.start).filter(|length| *length > 0)?;
        let length = usize::try_from(length).ok()?;
        let start = usize::try_from(range.start).ok()?;
        if let Some(content) = self.content(object) {
            return Some(content.as_bytes().get(start..start + length)?.to_vec());
        }
        let mut bytes = Vec::with_capacity(length + BLOCK.len());
        bytes.extend_from_slice(BLOCK.get(start % BLOCK.len()..)?);
        while bytes.len() < length {
            bytes.extend_from_slice(&BLOCK);
        }
        bytes.truncate(length);
        Some(bytes)
    }
}

/// Reads the value of `Range`, such as `bytes=0-9`.
pub(crate) fn parse_range(value: &str) -> Option<Range<u64>> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let (start, last) = (first.parse().ok()?, last.parse::<u64>().ok()?);
    Some(start..last.checked_add(1)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::archive::{Kind, Shape};

    fn archive() -> Archive {
        Archive::new(Shape {
            servers: 1,
            backups: 1,
            timelines: 1,
            segments: 3,
        })
    }

    fn object(kind: Kind) -> Object {
        Object { server: 0, kind }
    }

    #[test]
    fn a_range_ends_with_its_object() {
        let segment = object(Kind::Segment(1));
        let size = archive().size(segment);
        let length = |range: Range<u64>| archive().bytes(segment, &range).map(|bytes| bytes.len());

        assert_eq!(length(size - 5..size + 5), Some(5));
        assert_eq!(length(size..size + 5), None);
        let data = object(Kind::BackupData(0));
        let many = archive().bytes(data, &(0..u64::MAX)).unwrap();
        assert_eq!(many.len() as u64, MOST_BYTES);
    }

    #[test]
    fn small_files_have_their_own_content() {
        let info = object(Kind::BackupInfo(0));
        let content = archive().content(info).unwrap();

        let bytes = archive().bytes(info, &(3..9)).unwrap();

        assert_eq!(bytes, &content.as_bytes()[3..9]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn pieces_make_up_the_whole(start in 0..39_000_000_000_u64, first in 1..200_000_u64, second in 1..200_000_u64) {
            let data = object(Kind::BackupData(0));
            let bytes = |range| archive().bytes(data, &range).unwrap();
            let middle = start + first;

            let pieces = [bytes(start..middle), bytes(middle..middle + second)].concat();

            prop_assert_eq!(bytes(start..middle + second), pieces);
        }
    }
}
