//! Tar archives.

use archive_contents::tar::{Member, MemberSink, TarFault, TarReader, TarTail};

use crate::input::{Input, Pieces};

/// Size of a block, in bytes.
pub(crate) const BLOCK: usize = 512;

/// Place of the sum in a header.
const SUM: std::ops::Range<usize> = 148..156;

/// Place of the size in a header.
const SIZE: std::ops::Range<usize> = 124..136;

/// What a reader said about an archive.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    /// Members with their contents, and true for those that ended.
    members: Vec<(Member, Vec<u8>, bool)>,
}

impl MemberSink for Told {
    fn begin(&mut self, member: &Member) {
        assert!(!member.path.starts_with("./"));
        if let Some((_, _, has_ended)) = self.members.last() {
            assert!(has_ended);
        }
        self.members.push((member.clone(), Vec::new(), false));
    }

    fn content(&mut self, bytes: &[u8]) {
        let (_, content, has_ended) = self.members.last_mut().unwrap();
        assert!(!*has_ended && !bytes.is_empty());
        content.extend_from_slice(bytes);
    }

    fn end(&mut self) {
        let (member, content, has_ended) = self.members.last_mut().unwrap();
        assert!(!*has_ended);
        assert_eq!(member.size, content.len() as u64);
        *has_ended = true;
    }
}

fn told<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Told, Result<(), TarFault>) {
    let mut told = Told::default();
    let mut reader = TarReader::default();
    for piece in pieces {
        if let Err(fault) = reader.feed(piece, &mut told) {
            return (told, Err(fault));
        }
    }
    let ended = reader.finish();
    (told, ended)
}

/// Tar archive, as it streams by.
///
/// Input: true to make the sums of headers right, seed of the pieces; the archive.
pub fn tar(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let is_repaired = input.byte() & 1 == 1;
    let seed = input.byte();
    let mut archive = input.rest().to_vec();
    if is_repaired {
        repair(&mut archive);
    }

    let (whole, ended) = told(std::iter::once(archive.as_slice()));
    let in_pieces = told(Pieces::of(&archive, seed));

    assert_eq!(in_pieces.1, ended);
    assert_eq!(in_pieces.0, whole);
    let contents: usize = whole
        .members
        .iter()
        .map(|(_, content, _)| BLOCK + content.len())
        .sum();
    assert!(contents <= archive.len());
    if ended.is_ok() {
        assert!(whole.members.iter().all(|(_, _, has_ended)| *has_ended));
        assert!(archive.len() >= contents + 2 * BLOCK);
    }
    let size = archive.len() as u64;
    if let Some(tail) = TarTail::read(&archive, size) {
        let label = tail.backup_label.unwrap_or_default();
        assert!(
            archive
                .windows(label.len().max(1))
                .any(|place| place.starts_with(&label))
        );
    }
}

/// Makes the sums of the headers of an archive right, as far as it looks like one.
pub(crate) fn repair(archive: &mut [u8]) {
    let mut at = 0;
    while let Some(block) = archive.get_mut(at..at + BLOCK) {
        at += BLOCK;
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        write_sum(block);
        let digits = std::str::from_utf8(&block[SIZE]).unwrap_or_default();
        let size = usize::from_str_radix(digits.trim_matches(['\0', ' ']), 8).unwrap_or_default();
        at = at.saturating_add(size.min(archive.len()).next_multiple_of(BLOCK));
    }
}

fn write_sum(header: &mut [u8]) {
    header[SUM].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Tar archive in the making.
#[derive(Default)]
pub(crate) struct TarWriter(Vec<u8>);

impl TarWriter {
    /// Adds a regular file, whose path has 100 bytes at most.
    pub(crate) fn add(&mut self, path: &str, content: &[u8]) {
        let mut header = [0; BLOCK];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[SIZE].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        write_sum(&mut header);
        self.0.extend(header);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }
}
