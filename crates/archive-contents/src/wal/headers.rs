//! Checks of page headers: those of one segment, against what is known of it.

use barman_archive::postgres::Lsn;

use super::page::{LONG, PageHeader, SegmentHeader};
use super::segment::{SegmentContext, WalChain};
use super::timelines::PageTimelines;
use super::{WalFault, WalFormat};
use crate::bytes::{is_zero, u16_at};

/// Sizes that a page can have, in bytes (`--with-wal-blocksize`).
const PAGE_SIZES: [u32; 7] = [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];

/// What the headers of a segment's pages have to agree with.
#[derive(Clone, Debug)]
pub(super) struct HeaderCheck {
    pub(super) begin: Lsn,
    segment_size: u32,
    pub(super) format: Option<WalFormat>,
    /// Size of pages in the segment before.
    page_size_before: Option<u32>,
    /// Identifier of the cluster that wrote the segment before.
    identifier_before: Option<u64>,
    pub(super) system_identifier: Option<u64>,
    pub(super) timelines: PageTimelines,
}

impl HeaderCheck {
    /// Collects what is known of a segment that begins at a position.
    pub(super) fn of(context: &SegmentContext, begin: Lsn, chain: Option<&WalChain>) -> Self {
        let segment_size = context.size.bytes();
        let end = Lsn(begin.0.saturating_add(u64::from(segment_size)));
        let mut check = Self {
            begin,
            segment_size,
            format: None,
            page_size_before: None,
            identifier_before: None,
            system_identifier: context.system_identifier,
            timelines: PageTimelines::of(context, begin, end),
        };
        if let Some(chain) = chain {
            check.format = Some(chain.format);
            check.page_size_before = Some(chain.page_size);
            check.identifier_before = Some(chain.system_identifier);
            check
                .system_identifier
                .get_or_insert(chain.system_identifier);
            check.timelines.last = chain.timeline;
        }
        check
    }

    /// Checks what the first bytes of the segment say about it, and returns the size of its pages.
    pub(super) fn check_segment(&mut self, page: &[u8]) -> Result<usize, WalFault> {
        let at = self.begin;
        let magic = u16_at(page, 0).unwrap_or_default();
        if magic == 0 && is_zero(page) {
            return Err(WalFault::Zeros { at });
        }
        self.format = Some(self.format_of_segment(at, magic, page)?);
        let (Some(header), Some(segment)) = (PageHeader::read(page), SegmentHeader::read(page))
        else {
            return Err(WalFault::Truncated {
                found: page.len() as u64,
                expected: u64::from(self.segment_size),
            });
        };
        if !header.has(LONG) {
            return Err(WalFault::Flags {
                at,
                flags: header.flags,
            });
        }
        let found = segment.system_identifier;
        let expected = *self.system_identifier.get_or_insert(found);
        if expected != found {
            return Err(WalFault::SystemIdentifier { found, expected });
        }
        let is_same_size = self
            .page_size_before
            .is_none_or(|before| before == segment.page_size);
        let has_known_sizes = segment.segment_size == self.segment_size
            && PAGE_SIZES.contains(&segment.page_size)
            && is_same_size;
        if !has_known_sizes {
            return Err(WalFault::Sizes {
                segment: segment.segment_size,
                page: segment.page_size,
            });
        }
        Ok(segment.page_size as usize)
    }

    /// Returns the format of a segment, which is that of the segment before.
    ///
    /// Another format after the WAL of the same cluster is damage: `pg_upgrade` makes a new cluster,
    /// with an identifier of its own. After the WAL of another cluster it is a border between the two.
    fn format_of_segment(&self, at: Lsn, magic: u16, page: &[u8]) -> Result<WalFormat, WalFault> {
        let Err(fault) = self.format_of(at, magic) else {
            return WalFormat::of_magic(magic).ok_or(WalFault::Magic { at, magic });
        };
        let found = SegmentHeader::read(page).map(|segment| segment.system_identifier);
        let (Some(found), Some(before)) = (found, self.identifier_before) else {
            return Err(fault);
        };
        if found == before {
            return Err(fault);
        }
        if WalFormat::of_magic(magic).is_none() {
            return Err(WalFault::Magic { at, magic });
        }
        let expected = self.system_identifier.filter(|expected| *expected != found);
        Err(WalFault::SystemIdentifier {
            found,
            expected: expected.unwrap_or(before),
        })
    }

    /// Returns the format of a page, which is that of the pages before.
    fn format_of(&self, at: Lsn, magic: u16) -> Result<WalFormat, WalFault> {
        match self.format {
            Some(before) if before.magic() == magic => Ok(before),
            Some(_) => Err(WalFault::OtherFormat { at }),
            None => WalFormat::of_magic(magic).ok_or(WalFault::Magic { at, magic }),
        }
    }

    /// Checks the header of a page.
    pub(super) fn check_page(&self, at: Lsn, page: &[u8]) -> Result<PageHeader, WalFault> {
        let header = PageHeader::read(page).ok_or(WalFault::Zeros { at })?;
        let format = self.format_of(at, header.magic)?;
        let is_first = at == self.begin;
        let has_known_flags = header.flags & !format.known_flags() == 0;
        if !has_known_flags || header.has(LONG) != is_first {
            return Err(WalFault::Flags {
                at,
                flags: header.flags,
            });
        }
        if header.address != at {
            return Err(WalFault::PageAddress {
                at,
                found: header.address,
            });
        }
        if !self.timelines.allow(header.timeline, at) {
            return Err(WalFault::Timeline {
                at,
                found: header.timeline,
            });
        }
        Ok(header)
    }
}
