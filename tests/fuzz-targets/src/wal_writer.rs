//! Writer of WAL.

/// Length of the header of a page, and of the first page of a segment.
const SHORT_HEADER: usize = 24;
const LONG_HEADER: usize = 40;

/// Flags of pages.
const CONTINUES: u16 = 0x1;
const LONG: u16 = 0x2;

/// Length of the header of a record.
pub(crate) const HEADER: usize = 24;

/// WAL in the making, from the start of a segment on.
pub(crate) struct WalWriter {
    /// Position of the first byte.
    pub(crate) begin: u64,
    pub(crate) page_size: usize,
    pub(crate) segment_size: usize,
    pub(crate) magic: u16,
    pub(crate) system_identifier: u64,
    pub(crate) timeline: u32,
    pub(crate) bytes: Vec<u8>,
    /// Start of the last record, or something before the first one.
    pub(crate) previous: u64,
}

/// Record as it is written.
pub(crate) struct NewRecord<'a> {
    pub(crate) manager: u8,
    pub(crate) info: u8,
    pub(crate) body: &'a [u8],
}

/// Record that was written.
#[derive(Clone, Debug)]
pub(crate) struct WrittenRecord {
    /// Position of its first byte.
    pub(crate) start: u64,
    /// Places of its bytes in the WAL: one range for each page.
    pub(crate) places: Vec<std::ops::Range<usize>>,
    pub(crate) is_switch: bool,
}

impl WalWriter {
    pub(crate) fn position(&self) -> u64 {
        self.begin + self.bytes.len() as u64
    }

    /// Number of bytes up to the end of the segment.
    pub(crate) fn left_in_segment(&self) -> usize {
        self.segment_size - self.bytes.len() % self.segment_size
    }

    /// Writes a record at the next place where one can begin.
    pub(crate) fn write(&mut self, record: &NewRecord<'_>) -> WrittenRecord {
        self.begin_page_if_due(0);
        let start = self.position();
        let content = self.content(record);
        let mut places = Vec::new();
        let mut rest = content.as_slice();
        while !rest.is_empty() {
            self.begin_page_if_due(rest.len());
            let free = self.page_size - self.bytes.len() % self.page_size;
            let (taken, left) = rest.split_at(free.min(rest.len()));
            places.push(self.bytes.len()..self.bytes.len() + taken.len());
            self.bytes.extend_from_slice(taken);
            rest = left;
        }
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        self.previous = start;
        WrittenRecord {
            start,
            places,
            is_switch: record.manager == 0 && record.info & 0xF0 == 0x40,
        }
    }

    /// Fills the segment up with zeros.
    pub(crate) fn fill(&mut self) {
        let length = self.bytes.len().next_multiple_of(self.segment_size);
        self.bytes.resize(length, 0);
    }

    /// Writes the header of a page if one begins here, within a record of which so many bytes are
    /// missing.
    fn begin_page_if_due(&mut self, missing: usize) {
        if !self.bytes.len().is_multiple_of(self.page_size) {
            return;
        }
        let is_first = self.bytes.len().is_multiple_of(self.segment_size);
        let flags = if missing > 0 { CONTINUES } else { 0 } | if is_first { LONG } else { 0 };
        let position = self.position();
        let at = self.bytes.len();
        self.bytes.extend(self.magic.to_le_bytes());
        self.bytes.extend(flags.to_le_bytes());
        self.bytes.extend(self.timeline.to_le_bytes());
        self.bytes.extend(position.to_le_bytes());
        self.bytes
            .extend(u32::try_from(missing).unwrap().to_le_bytes());
        self.bytes.resize(at + SHORT_HEADER, 0);
        if is_first {
            self.bytes.extend(self.system_identifier.to_le_bytes());
            self.bytes
                .extend(u32::try_from(self.segment_size).unwrap().to_le_bytes());
            self.bytes
                .extend(u32::try_from(self.page_size).unwrap().to_le_bytes());
            assert_eq!(self.bytes.len(), at + LONG_HEADER);
        }
    }

    fn content(&self, record: &NewRecord<'_>) -> Vec<u8> {
        let mut content = Vec::with_capacity(HEADER + record.body.len());
        let length = u32::try_from(HEADER + record.body.len()).unwrap();
        content.extend(length.to_le_bytes());
        content.extend(0_u32.to_le_bytes());
        content.extend(self.previous.to_le_bytes());
        content.extend([record.info, record.manager, 0, 0]);
        let sum = crc32c::crc32c_append(crc32c::crc32c(record.body), &content);
        content.extend(sum.to_le_bytes());
        content.extend_from_slice(record.body);
        content
    }
}
