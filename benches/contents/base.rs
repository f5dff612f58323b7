//! Base backups: one that a server and Barman wrote, with more relations in front.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::heap::{Heap, PAGE};

/// Id of the backup.
pub(crate) const ID: &str = "20261128T043154";

/// Segment that makes the backup consistent.
const SEGMENT: &str = "wals/0000000100000000/000000010000000000000024.xz";

/// Position before the start of the backup.
const CHANGED_AT: u64 = 0x0200_0000;

/// Size of a block of tar, in bytes.
const BLOCK: usize = 512;

/// Size of what tar writes at once, in bytes: archives end with zeros up to a multiple of it.
pub(crate) const RECORD: usize = 20 * BLOCK;

/// File of an archive, with its key in the directory of a server.
pub(crate) struct File {
    pub(crate) key: String,
    pub(crate) content: Vec<u8>,
}

/// The files next to the data: `backup.info`, and WAL that makes the backup consistent.
pub(crate) fn other_files() -> [File; 2] {
    [
        File {
            key: format!("base/{ID}/backup.info"),
            content: fixture("good/backup.info"),
        },
        File {
            key: SEGMENT.to_owned(),
            content: fixture(SEGMENT),
        },
    ]
}

/// Archive of the data, without compression: relations of so many pages, and everything else.
pub(crate) fn data(relations: u32, pages: u32) -> Vec<u8> {
    let mut heap = Heap::new(16);
    let mut archive = Vec::new();
    for number in 0..relations {
        let content = relation(&mut heap, pages);
        archive.extend(header(number, content.len()));
        archive.extend(content);
    }
    archive.extend(rest());
    archive.resize(archive.len().next_multiple_of(RECORD), 0);
    archive
}

/// Content of a relation: a multiple of the size of blocks.
pub(crate) fn relation(heap: &mut Heap, pages: u32) -> Vec<u8> {
    let mut content = Vec::with_capacity(pages as usize * PAGE);
    for block in 0..pages {
        content.extend(heap.page(block, CHANGED_AT));
    }
    content
}

/// Header of the file of a relation (POSIX.1-1988, ustar).
pub(crate) fn header(number: u32, bytes: usize) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, &format!("base/5/{}", 100_000 + number));
    put(100, "0000600");
    put(108, "0000145");
    put(116, "0000145");
    put(124, &format!("{bytes:011o}"));
    put(136, "15112345600");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

/// Members of the real backup, and the end of its archive.
pub(crate) fn rest() -> Vec<u8> {
    let compressed = fixture("good/data.tar.gz");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(compressed.as_slice())
        .read_to_end(&mut plain)
        .expect("the fixture is sound");
    plain
}

fn fixture(file: &str) -> Vec<u8> {
    let fixtures: PathBuf =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contents/base");
    std::fs::read(fixtures.join(file)).expect("the fixture exists")
}
