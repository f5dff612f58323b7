//! Walk over the WAL of a segment, and from one segment to the next.

mod steps;

use barman_archive::postgres::Lsn;

use super::headers::HeaderCheck;
use super::page::{CONTINUES, PageHeader, SHORT_HEADER};
use super::record::{OpenRecord, WalRecord};
use super::segment::{ChainEnd, CommitTimes, SegmentContext, SegmentEnd, WalChain, WalkedSegment};
use super::{WalFault, WalFormat};
use crate::bytes::{is_zero, u32_at};

/// Start of records: a multiple of this number (`MAXALIGN`).
const ALIGNMENT: usize = 8;

/// Kind of the bytes that are expected next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    /// Anything: nothing is known of the WAL before.
    Anything,
    /// A record, or the end of the WAL.
    Record,
    /// The rest of a record that began before the walk; so many bytes.
    Unknown(u32),
    /// The rest of a record.
    Rest(OpenRecord),
    /// Nothing that counts: the segment was switched.
    AfterSwitch(Lsn),
    /// Nothing: the WAL has ended.
    AfterEnd(Lsn),
}

/// Walk over one segment.
#[derive(Clone, Debug)]
pub struct SegmentWalk {
    context: SegmentContext,
    /// End of the last whole record.
    reached: Lsn,
    /// Bytes of the page that is under way.
    page: Vec<u8>,
    /// Bytes of the pages before it.
    walked: u64,
    page_size: Option<usize>,
    headers: HeaderCheck,
    expected: Expected,
    /// Memory for the body of the next record.
    spare: Vec<u8>,
    previous: Option<Lsn>,
    first_record: Option<Lsn>,
    records: u64,
    record_bytes: u64,
    commits: Option<CommitTimes>,
    has_rest_after_switch: bool,
}

impl SegmentWalk {
    /// Starts at the beginning of a segment: with a chain, where the segment before has ended, and
    /// otherwise at the first record that begins in the segment.
    ///
    /// # Errors
    /// Fails if the segment does not follow the one before.
    pub fn begin(context: SegmentContext, chain: Option<WalChain>) -> Result<Self, WalFault> {
        let number = context.name.number(context.size).unwrap_or_default();
        let begin = context.size.begin_of(number);
        if let Some(chain) = &chain
            && chain.next != begin
        {
            return Err(WalFault::Gap {
                found: begin,
                expected: chain.next,
            });
        }
        let mut walk = Self {
            headers: HeaderCheck::of(&context, begin, chain.as_ref()),
            context,
            reached: begin,
            page: Vec::new(),
            walked: 0,
            page_size: None,
            expected: Expected::Anything,
            spare: Vec::new(),
            previous: None,
            first_record: None,
            records: 0,
            record_bytes: 0,
            commits: None,
            has_rest_after_switch: false,
        };
        if let Some(chain) = chain {
            walk.previous = chain.previous;
            walk.expected = match chain.open {
                ChainEnd::Record => Expected::Record,
                ChainEnd::Unknown(missing) => Expected::Unknown(missing),
                ChainEnd::Rest(record) => Expected::Rest(record),
            };
        }
        Ok(walk)
    }

    /// Takes the next bytes of the segment, as many as there are, and shows each whole record.
    ///
    /// # Errors
    /// Fails at the first fault. The walk has ended then.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        observe: &mut impl FnMut(WalRecord<'_>),
    ) -> Result<(), WalFault> {
        while !bytes.is_empty() {
            if let Some((page, rest)) = self.split_page(bytes) {
                bytes = rest;
                self.walk_whole_page(page, observe)?;
                continue;
            }
            bytes = self.fill_page(bytes);
            if self.has_unread_header() {
                self.check_header()?;
            } else if self.has_page() {
                self.walk_filled_page(observe)?;
            }
        }
        Ok(())
    }

    /// Position up to which replay gets: the end of the last whole record.
    #[must_use]
    pub const fn reached(&self) -> Lsn {
        self.reached
    }

    /// Ends the walk.
    ///
    /// # Errors
    /// Fails if the segment is not complete.
    pub fn finish(self) -> Result<WalkedSegment, WalFault> {
        let expected = u64::from(self.context.size.bytes());
        let found = self.walked + self.page.len() as u64;
        if found > expected {
            return Err(WalFault::TooLong { expected });
        }
        let known = self
            .headers
            .format
            .zip(self.page_size)
            .zip(self.headers.system_identifier);
        let (Some(((format, page_size), system_identifier)), true) =
            (known, self.walked == expected)
        else {
            return Err(WalFault::Truncated { found, expected });
        };
        let next = self.position();
        let (end, open) = match self.expected {
            Expected::Anything | Expected::Record => (SegmentEnd::Full, ChainEnd::Record),
            Expected::Unknown(missing) => (SegmentEnd::Full, ChainEnd::Unknown(missing)),
            Expected::Rest(record) => (SegmentEnd::Full, ChainEnd::Rest(record)),
            Expected::AfterSwitch(at) => (SegmentEnd::Switched(at), ChainEnd::Record),
            Expected::AfterEnd(at) => (SegmentEnd::Ends(at), ChainEnd::Record),
        };
        Ok(WalkedSegment {
            records: self.records,
            record_bytes: self.record_bytes,
            format,
            system_identifier,
            end,
            has_rest_after_switch: self.has_rest_after_switch,
            commits: self.commits,
            chain: WalChain {
                next,
                previous: self.previous,
                open,
                format,
                page_size: u32::try_from(page_size).unwrap_or(u32::MAX),
                system_identifier,
                timeline: self.headers.timelines.last,
            },
        })
    }

    /// Position of the page that is under way.
    const fn position(&self) -> Lsn {
        Lsn(self.headers.begin.0.saturating_add(self.walked))
    }

    fn walk_page(
        &mut self,
        page: &[u8],
        observe: &mut impl FnMut(WalRecord<'_>),
    ) -> Result<(), WalFault> {
        let at = self.position();
        if self.walked >= u64::from(self.context.size.bytes()) {
            return Err(WalFault::TooLong {
                expected: u64::from(self.context.size.bytes()),
            });
        }
        match self.expected {
            Expected::AfterEnd(_) if self.context.is_partial => return Ok(()),
            Expected::AfterEnd(_) if is_zero(page) => return Ok(()),
            Expected::AfterEnd(end) => return Err(WalFault::Zeros { at: end }),
            Expected::AfterSwitch(_) => {
                self.note_rest_after_switch(page);
                return Ok(());
            }
            Expected::Anything | Expected::Record | Expected::Unknown(_) | Expected::Rest(_) => {}
        }
        if is_zero(page) {
            self.end_at(at);
            return Ok(());
        }
        let header = match self.headers.check_page(at, page) {
            Ok(header) => header,
            // What the recycled file held before.
            Err(_) if self.context.is_partial && self.walked > 0 => {
                self.end_at(at);
                return Ok(());
            }
            Err(fault) => return Err(fault),
        };
        let walked = self.walk_records(at, header, page, observe);
        if walked.is_err() && self.context.is_partial {
            // The receiver wrote up to somewhere within the page.
            self.expected = Expected::AfterEnd(self.reached);
            return Ok(());
        }
        walked
    }

    /// Ends the WAL where the last whole record ends, or here if none is open.
    fn end_at(&mut self, at: Lsn) {
        let end = match &self.expected {
            Expected::Rest(record) => record.start,
            Expected::Anything
            | Expected::Record
            | Expected::Unknown(_)
            | Expected::AfterSwitch(_)
            | Expected::AfterEnd(_) => at,
        };
        self.expected = Expected::AfterEnd(end);
    }

    /// Notes what is in a page after a switch. It should be empty, up to version 10 after a header;
    /// `PostgreSQL` does not look, and a crash can leave what a recycled file held.
    fn note_rest_after_switch(&mut self, page: &[u8]) {
        let has_header = self
            .headers
            .format
            .is_some_and(WalFormat::has_headers_after_switch);
        let length = if has_header { SHORT_HEADER } else { 0 };
        let rest = page.get(length..).unwrap_or_default();
        self.has_rest_after_switch |= !is_zero(rest);
    }

    fn walk_records(
        &mut self,
        at: Lsn,
        header: PageHeader,
        page: &[u8],
        observe: &mut impl FnMut(WalRecord<'_>),
    ) -> Result<(), WalFault> {
        self.headers.timelines.last = header.timeline;
        let mut offset = self.continue_record(at, header, page, observe)?;
        while let Some(rest) = page.get(offset..).filter(|rest| !rest.is_empty()) {
            if !matches!(self.expected, Expected::Record) {
                break;
            }
            let start = Lsn(at.0.saturating_add(offset as u64));
            let length = u32_at(rest, 0).unwrap_or_default();
            if length == 0 {
                return self.end_in_page(start, rest);
            }
            let spare = std::mem::take(&mut self.spare);
            let mut record = OpenRecord::begin(start, length, spare)?;
            self.first_record.get_or_insert(start);
            let taken = rest.len().min(length as usize);
            self.take(&mut record, rest.get(..taken).unwrap_or_default())?;
            offset = aligned(offset + taken);
            if record.missing() == 0 {
                self.complete(&record, at, offset, observe)?;
                self.spare = record.into_body();
            } else {
                self.expected = Expected::Rest(record);
            }
        }
        if matches!(self.expected, Expected::AfterSwitch(_)) {
            let rest = page.get(offset..).unwrap_or_default();
            self.has_rest_after_switch |= !is_zero(rest);
        }
        Ok(())
    }

    /// Ends the WAL in the middle of a page.
    fn end_in_page(&mut self, at: Lsn, rest: &[u8]) -> Result<(), WalFault> {
        if !is_zero(rest) && !self.context.is_partial {
            return Err(WalFault::Length { at, length: 0 });
        }
        self.expected = Expected::AfterEnd(at);
        Ok(())
    }

    /// Takes the part of a record that a page begins with, and returns where the next record begins.
    fn continue_record(
        &mut self,
        at: Lsn,
        header: PageHeader,
        page: &[u8],
        observe: &mut impl FnMut(WalRecord<'_>),
    ) -> Result<usize, WalFault> {
        let overwrites = self
            .headers
            .format
            .is_some_and(|format| header.has(format.overwrite_flag()));
        let wrong = WalFault::Continuation { at };
        let offset = header.length();
        let body = page.get(offset..).unwrap_or_default();
        match std::mem::replace(&mut self.expected, Expected::Record) {
            // After a crash: the record is abandoned.
            Expected::Rest(_) | Expected::Unknown(_) if overwrites && !header.has(CONTINUES) => {
                Ok(offset)
            }
            Expected::Rest(mut record) => {
                if !header.has(CONTINUES) || header.remaining != record.missing() {
                    return Err(wrong);
                }
                let taken = body.len().min(record.missing() as usize);
                self.take(&mut record, body.get(..taken).unwrap_or_default())?;
                let end = aligned(offset + taken);
                if record.missing() == 0 {
                    self.complete(&record, at, end, observe)?;
                } else {
                    self.expected = Expected::Rest(record);
                }
                Ok(end)
            }
            Expected::Anything => {
                let missing = if header.has(CONTINUES) {
                    header.remaining
                } else {
                    0
                };
                Ok(self.skip(missing, body.len(), offset))
            }
            Expected::Unknown(missing) => {
                if !header.has(CONTINUES) || header.remaining != missing {
                    return Err(wrong);
                }
                Ok(self.skip(missing, body.len(), offset))
            }
            Expected::Record if header.has(CONTINUES) => Err(wrong),
            Expected::Record => Ok(offset),
            after @ (Expected::AfterSwitch(_) | Expected::AfterEnd(_)) => {
                self.expected = after;
                Ok(page.len())
            }
        }
    }

    /// Skips the rest of a record that began before the walk, and returns where the next one begins.
    fn skip(&mut self, missing: u32, available: usize, offset: usize) -> usize {
        let taken = available.min(missing as usize);
        let left = missing.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
        if left > 0 {
            self.expected = Expected::Unknown(left);
        }
        aligned(offset + taken)
    }

    /// Gives bytes to a record, and checks its header when that is complete.
    fn take(&self, record: &mut OpenRecord, bytes: &[u8]) -> Result<(), WalFault> {
        let had_header = record.has_header();
        record.take(bytes);
        if record.has_header() && !had_header {
            record.check_header(self.previous)?;
        }
        Ok(())
    }

    /// Counts a record that is complete, and ends at an offset of the page at `at`.
    fn complete(
        &mut self,
        record: &OpenRecord,
        at: Lsn,
        offset: usize,
        observe: &mut impl FnMut(WalRecord<'_>),
    ) -> Result<(), WalFault> {
        record.check_sum()?;
        self.reached = Lsn(at.0.saturating_add(offset as u64));
        self.previous = Some(record.start);
        self.records += 1;
        self.record_bytes += u64::from(record.length());
        let Some(format) = self.headers.format else {
            return Ok(());
        };
        let whole = WalRecord::new(record, format);
        observe(whole);
        if let Some(at) = whole.committed_at() {
            let commits = self.commits.get_or_insert(CommitTimes {
                first: at,
                last: at,
            });
            commits.first = commits.first.min(at);
            commits.last = commits.last.max(at);
        }
        if record.is_switch() {
            self.expected = Expected::AfterSwitch(self.reached);
        }
        Ok(())
    }
}

/// Returns the next place at which a record can begin.
const fn aligned(offset: usize) -> usize {
    offset.next_multiple_of(ALIGNMENT)
}
