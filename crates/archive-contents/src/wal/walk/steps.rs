//! Steps of a walk, page by page, for a survey that goes on behind a fault.

use barman_archive::postgres::Lsn;

use super::{Expected, SegmentWalk};
use crate::wal::headers::HeaderCheck;
use crate::wal::page::LONG_HEADER;
use crate::wal::{WalFault, WalRecord};

impl SegmentWalk {
    /// Takes bytes up to the end of the page that is under way, or of the segment's header; returns the
    /// others.
    pub(in crate::wal) fn fill_page<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        // The first page says how large pages are.
        let wanted = self.page_size.unwrap_or(LONG_HEADER);
        let missing = wanted.saturating_sub(self.page.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
        self.page.extend_from_slice(taken);
        rest
    }

    /// Splits a whole page off bytes, which then needs no copy; `None` if there is none, or a page is under
    /// way.
    pub(in crate::wal) fn split_page<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let size = self.page_size.filter(|_| self.page.is_empty())?;
        bytes.split_at_checked(size)
    }

    /// Walks over a page that was split off. After a fault, it is under way.
    pub(in crate::wal) fn walk_whole_page(
        &mut self,
        page: &[u8],
        observe: &mut impl FnMut(WalRecord<'_>),
    ) -> Result<(), WalFault> {
        let walked = self.walk_page(page, observe);
        if walked.is_ok() {
            self.walked += page.len() as u64;
        } else {
            self.page.extend_from_slice(page);
        }
        walked
    }

    /// Returns whether the header of the segment has come and is not checked yet.
    pub(in crate::wal) const fn has_unread_header(&self) -> bool {
        self.page_size.is_none() && self.page.len() >= LONG_HEADER
    }

    /// Checks the header of the segment.
    pub(in crate::wal) fn check_header(&mut self) -> Result<(), WalFault> {
        self.page_size = Some(self.headers.check_segment(&self.page)?);
        Ok(())
    }

    /// Forgets the segment before.
    pub(in crate::wal) fn forget_chain(&mut self) {
        self.headers = HeaderCheck::of(&self.context, self.headers.begin, None);
        self.forget_records();
    }

    /// Returns whether the page that is under way is complete.
    pub(in crate::wal) fn has_page(&self) -> bool {
        self.page_size.is_some_and(|size| self.page.len() >= size)
    }

    /// Walks over the page that is complete. After a fault, the page is still there.
    pub(in crate::wal) fn walk_filled_page(
        &mut self,
        observe: &mut impl FnMut(WalRecord<'_>),
    ) -> Result<(), WalFault> {
        let page = std::mem::take(&mut self.page);
        let walked = self.walk_page(&page, observe);
        self.page = page;
        if walked.is_ok() {
            self.skip_page();
        }
        walked
    }

    /// Goes on behind the page that is complete.
    pub(in crate::wal) fn skip_page(&mut self) {
        self.walked += self.page.len() as u64;
        self.page.clear();
    }

    /// Forgets the records before, as at the start of a walk.
    pub(in crate::wal) fn forget_records(&mut self) {
        self.expected = Expected::Anything;
        self.previous = None;
        self.first_record = None;
    }

    /// Returns whether the page that is under way is the first one of the segment.
    pub(in crate::wal) const fn is_at_first_page(&self) -> bool {
        self.walked == 0
    }

    /// Returns whether a whole record begins on the page that is under way.
    pub(in crate::wal) fn has_record_of_page(&self) -> bool {
        self.previous.is_some_and(|last| last >= self.position())
    }

    /// Start of the first record of which the walk knows that it begins there; `None` without one.
    pub(in crate::wal) const fn first_record(&self) -> Option<Lsn> {
        self.first_record
    }
}
