//! First page of a segment, without the rest.

use barman_archive::postgres::TimelineId;

use super::headers::HeaderCheck;
use super::page::LONG_HEADER;
use super::{SegmentContext, WalFault, WalFormat};

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
    pub fn check(context: &SegmentContext, segment: &[u8]) -> Result<Self, WalFault> {
        let truncated = WalFault::Truncated {
            found: segment.len() as u64,
            expected: u64::from(context.size.bytes()),
        };
        let header = segment.get(..FIRST_HEADER).ok_or(truncated)?;
        let number = context.name.number(context.size).unwrap_or_default();
        let begin = context.size.begin_of(number);
        let mut headers = HeaderCheck::of(context, begin, None);
        let page_bytes = headers.check_segment(header)?;
        let page = headers.check_page(begin, header)?;
        let known = headers.format.zip(headers.system_identifier);
        let (format, system_identifier) = known.ok_or(truncated)?;
        Ok(Self {
            format,
            system_identifier,
            timeline: page.timeline,
            page_bytes: u32::try_from(page_bytes).unwrap_or(u32::MAX),
        })
    }
}
