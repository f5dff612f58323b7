//! Pages of a table, as a server with checksums writes them.

use std::fmt::Write as _;

use archive_contents::page::checksum;
use fastrand::Rng;

pub(crate) use archive_contents::page::PAGE_BYTES as PAGE;

/// Length of the header of a page, in bytes.
const HEADER: usize = 24;

/// Length of the header of a row, in bytes.
const ROW_HEADER: usize = 24;

/// Size and version of the layout of a page (`pd_pagesize_version`).
const LAYOUT: u16 = 0x2004;

/// Words of the texts in rows.
const WORDS: [&str; 16] = [
    "invoice",
    "paid",
    "pending",
    "shipment",
    "warehouse",
    "north",
    "customer",
    "returned",
    "email",
    "https://",
    "2026-11-29",
    "cancelled",
    "priority",
    "Berlin",
    "München",
    "note",
];

/// Table that grows, row by row.
pub(crate) struct Heap {
    random: Rng,
    rows: u32,
}

impl Heap {
    /// Table without rows. The same seed yields the same rows.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            rows: 0,
        }
    }

    /// Next row: numbers that grow, numbers that do not, a text and a random identifier.
    pub(crate) fn row(&mut self) -> Vec<u8> {
        self.rows += 1;
        let mut text = String::new();
        for _ in 0..self.random.usize(3..8) {
            let word = self.random.choice(WORDS).unwrap_or_default();
            let _ = write!(text, "{word} ");
        }
        let mut row = self.rows.to_le_bytes().to_vec();
        row.extend(self.random.u32(..10_000).to_le_bytes());
        row.extend((0x0002_C000_0000_0000_u64 + u64::from(self.rows) * 977_531).to_le_bytes());
        row.extend(text.bytes());
        row.extend(self.random.u64(..).to_le_bytes());
        row
    }

    /// Next page, full of rows, whose last change is at this position.
    pub(crate) fn page(&mut self, block: u32, changed_at: u64) -> [u8; PAGE] {
        let mut page = [0; PAGE];
        let (mut lower, mut upper) = (HEADER, PAGE);
        loop {
            let row = self.row();
            let length = ROW_HEADER + row.len();
            let start = (upper - length) & !7;
            if start < lower + 4 + 8 + 120 {
                break;
            }
            let item = u32::try_from(start | 1 << 15 | length << 17).expect("a place is small");
            page[lower..lower + 4].copy_from_slice(&item.to_le_bytes());
            page[start..start + 4].copy_from_slice(&(700 + block / 16).to_le_bytes());
            page[start + 16..start + 24].copy_from_slice(&[1, 0, 6, 0, 2, 9, 24, 0]);
            page[start + ROW_HEADER..start + length].copy_from_slice(&row);
            (lower, upper) = (lower + 4, start);
        }
        finish(&mut page, [lower, upper], block, changed_at);
        page
    }
}

/// Writes the header of a page.
fn finish(page: &mut [u8; PAGE], [lower, upper]: [usize; 2], block: u32, changed_at: u64) {
    let small = |place: usize| {
        u16::try_from(place)
            .expect("a place is small")
            .to_le_bytes()
    };
    page[..8].copy_from_slice(&changed_at.rotate_left(32).to_le_bytes());
    page[12..14].copy_from_slice(&small(lower));
    page[14..16].copy_from_slice(&small(upper));
    page[16..18].copy_from_slice(&small(PAGE));
    page[18..20].copy_from_slice(&LAYOUT.to_le_bytes());
    let sum = checksum(page, block);
    page[8..10].copy_from_slice(&sum.to_le_bytes());
}
