//! First and last bytes of objects.

use archive_contents::codec::{CodecFault, DecodeError, DecodeLimits};
use archive_contents::edges::{Edge, EdgeContent, EdgeObject, check_end, check_start};
use archive_contents::tar::{Member, MemberSink, TarReader};
use archive_contents::wal::{FirstPage, SegmentContext};
use barman_archive::postgres::{SegmentName, TimelineId};

use crate::codec::{compression, decoded};
use crate::input::Input;
use crate::wal::smallest;

/// Largest content that is looked at as a whole, in bytes: the edges look at no more either.
const MOST: u64 = 2 << 20;

/// Number of bytes that a record of tar has.
const TAR_RECORD: u64 = 10_240;

/// What an object as a whole says about its edges.
struct Whole {
    /// True if its start is as it should be.
    starts_well: bool,
    /// True if its end is as it should be.
    ends_well: bool,
}

/// First and last bytes of an object.
///
/// Input: compression, true for WAL, number of the segment, number of first bytes that are shown, and of
/// last bytes; the object.
pub fn edges(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let compression = compression(input.byte());
    let is_wal = input.byte() & 1 == 1;
    let low = u32::from(input.byte());
    let shown = usize::from(input.u16());
    let shown_last = usize::from(input.u16());
    let bytes = input.rest();
    let content = if is_wal {
        EdgeContent::Wal(SegmentContext {
            name: SegmentName {
                timeline: TimelineId::FIRST,
                high: 0,
                low,
            },
            size: smallest(),
            system_identifier: None,
            history: None,
            is_partial: false,
        })
    } else {
        EdgeContent::Tar
    };
    let object = EdgeObject {
        compression,
        object_bytes: bytes.len() as u64,
        content,
    };
    let whole = whole(&object, bytes);
    for length in [shown, 0, bytes.len()]
        .into_iter()
        .chain(object.first_lengths().iter().copied())
    {
        let first = &bytes[..length.min(bytes.len())];
        let edge = check_start(&object, first);
        assert!(
            !(whole.starts_well && is_fault(&edge)),
            "{edge:?} of {length} bytes"
        );
    }
    for length in [shown_last, object.last_length(), bytes.len()] {
        let first = &bytes[..bytes.len().min(shown.max(16))];
        let last = &bytes[bytes.len() - length.min(bytes.len())..];
        let edge = check_end(&object, first, last);
        assert!(
            !(whole.ends_well && is_fault(&edge)),
            "{edge:?} of {length} bytes"
        );
    }
}

const fn is_fault<T>(edge: &Edge<T>) -> bool {
    matches!(edge, Edge::Fault(_))
}

fn whole(object: &EdgeObject, bytes: &[u8]) -> Whole {
    let limits = DecodeLimits::of_plain_bytes(MOST);
    let outcome = decoded(object.compression, bytes, limits);
    let (is_decoded, has_one_stream) = match &outcome.result {
        Ok(decoded) => (true, decoded.streams <= 1),
        // Too long for this test alone.
        Err(DecodeError::Fault(CodecFault::TooLong { .. })) => (true, false),
        Err(_) => (false, false),
    };
    let plain = outcome.plain;
    let size = plain.len() as u64;
    let (starts_well, has_right_size) = match &object.content {
        EdgeContent::Wal(context) => (
            FirstPage::check(context, &plain).is_ok(),
            size == u64::from(context.size.bytes()),
        ),
        EdgeContent::Tar => (
            is_tar(&plain, outcome.result.is_ok()),
            size > 0 && size.is_multiple_of(TAR_RECORD),
        ),
    };
    Whole {
        starts_well: is_decoded && starts_well,
        ends_well: is_decoded && has_one_stream && has_right_size && starts_well,
    }
}

/// Sink that forgets everything.
struct Nothing;

impl MemberSink for Nothing {
    fn begin(&mut self, _: &Member) {}

    fn content(&mut self, _: &[u8]) {}

    fn end(&mut self) {}
}

/// Returns whether bytes are an archive, or the start of one, that has at least one member.
fn is_tar(bytes: &[u8], is_whole: bool) -> bool {
    let mut reader = TarReader::default();
    let has_member = bytes
        .get(..512)
        .is_some_and(|block| block.iter().any(|byte| *byte != 0));
    has_member && reader.feed(bytes, &mut Nothing).is_ok() && (!is_whole || reader.finish().is_ok())
}
