//! Walk over a damaged segment to its end.

use std::cmp::Ordering;

use barman_archive::postgres::Lsn;

use super::page::{PageHeader, SHORT_HEADER};
use super::segment::{SegmentContext, WalChain, WalkedSegment};
use super::{SegmentWalk, WalFault, WalFormat, WalRecord};

/// Size of pages unless the server was built otherwise (`--with-wal-blocksize`), in bytes.
const PAGE_BYTES: u64 = 8192;

/// Damage of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalDamage {
    /// First fault.
    pub fault: WalFault,
    /// Position up to which replay gets: the end of the last whole record before the fault.
    pub ends_at: Lsn,
    /// Start of a record from which everything to the end of the segment can be read: a backup that
    /// begins there or later does not meet the damage. `None` without one.
    pub sound_from: Option<Lsn>,
}

impl WalDamage {
    const fn new(fault: WalFault, ends_at: Lsn) -> Self {
        Self {
            fault,
            ends_at,
            sound_from: None,
        }
    }
}

/// Result of a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyedSegment {
    /// Damage; `None` for a sound segment.
    pub damage: Option<WalDamage>,
    /// State at the end of the segment; `None` if the segment cannot be read to its end.
    pub walked: Option<WalkedSegment>,
}

/// Walk over a segment that does not end at the first fault.
///
/// Behind a fault it starts anew: with the records of the same page if only their connection to those
/// before is at fault, as at the border between the WAL of two primaries, and otherwise with the
/// next page. `PostgreSQL` checks the first page of a segment wherever it starts to read
/// (`XLogReaderValidatePageHeader` in `xlogreader.c`), so nothing can be read behind a fault there.
#[derive(Clone, Debug)]
pub struct SegmentSurvey {
    walk: SegmentWalk,
    damage: Option<WalDamage>,
    /// True if nothing of the segment can be read.
    is_unreadable: bool,
    /// Size of a segment, in bytes.
    expected: u64,
    /// Bytes that came.
    found: u64,
    /// First position of the segment.
    begin: Lsn,
    /// Header of its second page.
    second_header: Vec<u8>,
}

impl SegmentSurvey {
    /// Starts as [`SegmentWalk::begin`] does.
    ///
    /// # Errors
    /// Fails if the segment does not follow the one before.
    pub fn begin(context: SegmentContext, chain: Option<WalChain>) -> Result<Self, WalFault> {
        let expected = u64::from(context.size.bytes());
        let number = context.name.number(context.size).unwrap_or_default();
        Ok(Self {
            begin: context.size.begin_of(number),
            second_header: Vec::new(),
            walk: SegmentWalk::begin(context, chain)?,
            damage: None,
            is_unreadable: false,
            expected,
            found: 0,
        })
    }

    /// Takes the next bytes of the segment, as many as there are, and shows each whole record.
    pub fn feed(&mut self, mut bytes: &[u8], observe: &mut impl FnMut(WalRecord<'_>)) {
        self.keep_second_header(bytes);
        self.found = self.found.saturating_add(bytes.len() as u64);
        while !bytes.is_empty() && !self.is_unreadable {
            let walked = if let Some((page, rest)) = self.walk.split_page(bytes) {
                bytes = rest;
                self.walk.walk_whole_page(page, observe)
            } else {
                bytes = self.walk.fill_page(bytes);
                self.take_filled(observe)
            };
            if let Err(fault) = walked {
                self.go_on_behind(fault, observe);
            }
        }
    }

    /// Ends the survey.
    #[must_use]
    pub fn finish(mut self) -> SurveyedSegment {
        self.compare_pages();
        self.check_length();
        if self.is_unreadable {
            return SurveyedSegment {
                damage: self.damage,
                walked: None,
            };
        }
        let sound_from = self.walk.first_record();
        let reached = self.walk.reached();
        let walked = match self.walk.finish() {
            Ok(walked) => Some(walked),
            Err(fault) => {
                self.damage.get_or_insert(WalDamage::new(fault, reached));
                None
            }
        };
        let sound_from = sound_from.filter(|_| walked.is_some());
        SurveyedSegment {
            damage: self.damage.map(|damage| WalDamage {
                sound_from,
                ..damage
            }),
            walked,
        }
    }

    /// Keeps the header of the second page, whether or not the walk comes there.
    fn keep_second_header(&mut self, bytes: &[u8]) {
        let missing = SHORT_HEADER.saturating_sub(self.second_header.len());
        let next = PAGE_BYTES.saturating_add(self.second_header.len() as u64);
        let skipped = usize::try_from(next.saturating_sub(self.found)).unwrap_or(usize::MAX);
        self.second_header
            .extend(bytes.iter().skip(skipped).take(missing));
    }

    /// Takes an unknown number on the first page for damage if the second page has a known one: all pages
    /// of a segment start with the same.
    fn compare_pages(&mut self) {
        let Some(damage) = &mut self.damage else {
            return;
        };
        let WalFault::Magic { at, .. } = damage.fault else {
            return;
        };
        let second = PageHeader::read(&self.second_header).filter(|header| {
            let is_in_place = header.address.0 == self.begin.0.saturating_add(PAGE_BYTES);
            is_in_place && WalFormat::of_magic(header.magic).is_some()
        });
        if second.is_some() {
            damage.fault = WalFault::OtherFormat { at };
        }
    }

    /// Notes a wrong length instead of any other damage: `PostgreSQL` refuses such a file before it reads
    /// it (`RestoreArchivedFile` in `xlogarchive.c`). WAL of another cluster stays that.
    fn check_length(&mut self) {
        let fault = match self.found.cmp(&self.expected) {
            Ordering::Equal => return,
            Ordering::Less => WalFault::Truncated {
                found: self.found,
                expected: self.expected,
            },
            Ordering::Greater => WalFault::TooLong {
                expected: self.expected,
            },
        };
        if let Some(damage) = &mut self.damage
            && !matches!(
                damage.fault,
                WalFault::SystemIdentifier { .. } | WalFault::Sizes { .. }
            )
        {
            damage.fault = fault;
        }
    }

    /// Takes a header or a page that was filled, if one is complete.
    fn take_filled(&mut self, observe: &mut impl FnMut(WalRecord<'_>)) -> Result<(), WalFault> {
        if self.walk.has_unread_header() {
            self.check_header();
            Ok(())
        } else if self.walk.has_page() {
            self.walk.walk_filled_page(observe)
        } else {
            Ok(())
        }
    }

    /// Starts anew behind a fault of the page that is under way.
    fn go_on_behind(&mut self, fault: WalFault, observe: &mut impl FnMut(WalRecord<'_>)) {
        self.note(fault);
        if self.walk.is_at_first_page() && !is_of_record(fault) {
            self.is_unreadable = true;
            return;
        }
        // Behind records of the page, a second look would show these again and end at the same one.
        let is_at_start = !self.walk.has_record_of_page();
        self.walk.forget_records();
        let goes_on =
            is_at_start && is_of_connection(fault) && self.walk.walk_filled_page(observe).is_ok();
        if !goes_on {
            self.walk.forget_records();
            self.walk.skip_page();
        }
    }

    /// Checks the header of the segment; once more without the segment before, if it does not fit
    /// that.
    fn check_header(&mut self) {
        let Err(fault) = self.walk.check_header() else {
            return;
        };
        self.note(fault);
        self.walk.forget_chain();
        self.is_unreadable = self.walk.check_header().is_err();
    }

    /// Notes a fault, unless there is one before it.
    fn note(&mut self, fault: WalFault) {
        let reached = self.walk.reached();
        self.damage.get_or_insert(WalDamage::new(fault, reached));
    }
}

/// Returns whether a fault is only that something does not follow what is before it.
const fn is_of_connection(fault: WalFault) -> bool {
    matches!(
        fault,
        WalFault::Continuation { .. } | WalFault::Previous { .. } | WalFault::Zeros { .. }
    )
}

/// Returns whether a fault is one of a record, and not of the page that it begins on.
const fn is_of_record(fault: WalFault) -> bool {
    match fault {
        WalFault::Length { .. }
        | WalFault::Previous { .. }
        | WalFault::ResourceManager { .. }
        | WalFault::Checksum { .. }
        | WalFault::Continuation { .. } => true,
        WalFault::Truncated { .. }
        | WalFault::TooLong { .. }
        | WalFault::Magic { .. }
        | WalFault::OtherFormat { .. }
        | WalFault::Flags { .. }
        | WalFault::SystemIdentifier { .. }
        | WalFault::Sizes { .. }
        | WalFault::PageAddress { .. }
        | WalFault::Timeline { .. }
        | WalFault::Zeros { .. }
        | WalFault::Gap { .. } => false,
    }
}
