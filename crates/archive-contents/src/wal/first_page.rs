//! First page of a segment, without the rest.

use barman_archive::postgres::TimelineId;

use super::page::LONG_HEADER;
use super::{SegmentContext, SegmentWalk, WalFault, WalFormat};

/// Length of the header of a segment's first page, in bytes.
pub(crate) const FIRST_HEADER: usize = LONG_HEADER;

/// Header of a segment's first page, which fits its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstPage {
    /// Format of the WAL.
    pub format: WalFormat,
    /// Identifier of the cluster.
    pub system_identifier: u64,
    /// Timeline of the page: the parent's in the first segment of a timeline.
    pub timeline: TimelineId,
    /// Size of pages, in bytes.
    pub page_bytes: u32,
}

impl FirstPage {
    /// Checks the header of a segment's first page as a walk does, from the first 40 bytes alone.
    ///
    /// # Errors
    /// Fails at the first fault, and if there are fewer bytes than a header has.
    pub fn check(context: SegmentContext, segment: &[u8]) -> Result<Self, WalFault> {
        let truncated = WalFault::Truncated {
            found: segment.len() as u64,
            expected: u64::from(context.size.bytes()),
        };
        let header = segment.get(..FIRST_HEADER).ok_or(truncated)?;
        let mut walk = SegmentWalk::begin(context, None)?;
        walk.feed(header, &mut |_| ())?;
        let page = walk.check_page_header(walk.begin, header)?;
        let known = walk.format.zip(walk.system_identifier).zip(walk.page_size);
        let ((format, system_identifier), page_bytes) = known.ok_or(truncated)?;
        Ok(Self {
            format,
            system_identifier,
            timeline: page.timeline,
            page_bytes: u32::try_from(page_bytes).unwrap_or(u32::MAX),
        })
    }
}
