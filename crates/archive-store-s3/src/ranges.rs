//! Ranges of objects: the header that asks for one, and the check of the answer.
//!
//! RFC 9110, chapter 14. A store may ignore the header and send the whole object, so an answer is
//! only believed as far as it says which bytes it has.

use std::ops::Range;

use archive_store::ObjectVersion;
use aws_sdk_s3::operation::get_object::GetObjectOutput;

use super::answers::{AnswerProblem, as_bytes, senseless};
use super::versions;

/// Reason why an answer does not have the range that was asked for.
#[derive(Debug)]
pub(super) enum RangeProblem {
    /// Answer about another version of the object.
    Replaced,
    /// Answer of a store that ignores ranges.
    WholeObject,
    /// Answer that makes no sense.
    Senseless(AnswerProblem),
}

/// Value of `Content-Range`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// Bytes in the answer; `None` if there are none, because the range that was asked for is beyond
    /// the end of the object.
    pub(super) bytes: Option<Range<u64>>,
    /// Size of the whole object; `None` if the store does not know it.
    pub(super) object_size: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes 0-9/100`, `bytes 0-9/*` or `bytes */100`; `None` if it is something else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (unit, rest) = text.trim().split_once(' ')?;
        let (bytes, size) = rest.trim().split_once('/')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let bytes = match bytes {
            "*" => None,
            bytes => Some(parse_bytes(bytes)?),
        };
        let object_size = match size {
            "*" => None,
            size => Some(number(size)?),
        };
        Some(Self { bytes, object_size })
    }
}

/// Reads the first and the last byte of a range, such as `0-9`.
fn parse_bytes(text: &str) -> Option<Range<u64>> {
    let (first, last) = text.split_once('-')?;
    let (start, end) = (number(first)?, number(last)?.checked_add(1)?);
    (start < end).then_some(start..end)
}

/// Reads a number of digits alone. The standard library would accept a sign.
fn number(digits: &str) -> Option<u64> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// Returns the value of `Range` that asks for bytes, of which there is at least one.
pub(super) fn header(range: &Range<u64>) -> String {
    format!("bytes={}-{}", range.start, range.end.saturating_sub(1))
}

/// Returns the bytes that an answer has: those that are missing, or as many of them as the store
/// sends at once.
pub(super) fn answered(
    output: &GetObjectOutput,
    object: &ObjectVersion,
    missing: &Range<u64>,
) -> Result<Range<u64>, RangeProblem> {
    if !versions::is_tagged(object, output.e_tag()) {
        return Err(RangeProblem::Replaced);
    }
    match output.content_range() {
        Some(header) => part(header, object, missing),
        None => whole(output, object, missing),
    }
}

fn part(
    header: &str,
    object: &ObjectVersion,
    missing: &Range<u64>,
) -> Result<Range<u64>, RangeProblem> {
    let complaint = || {
        RangeProblem::Senseless(senseless(format!(
            "has the `Content-Range` `{header}` in answer to `{}`",
            self::header(missing)
        )))
    };
    let found = ContentRange::parse(header).ok_or_else(complaint)?;
    if found.object_size.is_some_and(|size| size != object.size) {
        return Err(RangeProblem::Replaced);
    }
    found
        .bytes
        .filter(|bytes| bytes.start == missing.start && bytes.end <= missing.end)
        .ok_or_else(complaint)
}

/// Accepts a whole object if nothing else was asked for.
fn whole(
    output: &GetObjectOutput,
    object: &ObjectVersion,
    missing: &Range<u64>,
) -> Result<Range<u64>, RangeProblem> {
    if *missing != (0..object.size) {
        return Err(RangeProblem::WholeObject);
    }
    match output.content_length().and_then(as_bytes) {
        Some(size) if size != object.size => Err(RangeProblem::Replaced),
        Some(_) | None => Ok(missing.clone()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_content_range_has_bytes_and_a_size() {
        for (text, bytes, object_size) in [
            ("bytes 0-9/100", Some(0..10), Some(100)),
            ("Bytes 5-5/6", Some(5..6), Some(6)),
            ("bytes 0-9/*", Some(0..10), None),
            ("bytes */3", None, Some(3)),
        ] {
            let expected = ContentRange { bytes, object_size };
            assert_eq!(ContentRange::parse(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "bytes",
            "bytes 0-9",
            "bytes=0-9/100",
            "bytes 9-0/100",
            "bytes -9/100",
            "bytes 0-/100",
            "bytes +0-9/100",
            "bytes 0-9/",
            "items 0-9/100",
            "bytes 0-18446744073709551615/*",
        ] {
            assert_eq!(ContentRange::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_asked_for_is_what_an_honest_store_answers(start in 0..u64::MAX - 1, length: u32) {
            let range = start..start.saturating_add(u64::from(length)).max(start + 1);
            let text = format!("{}/*", header(&range).replace('=', " "));

            let parsed = ContentRange::parse(&text).unwrap();

            prop_assert_eq!(parsed.bytes, Some(range));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}", digits in "bytes [0-9*/-]{0,60}") {
            ContentRange::parse(&text);
            ContentRange::parse(&digits);
        }
    }
}
