//! Members of a tar archive as Python's `tarfile` writes it, checked as they stream by.
//!
//! Strict where an unpacker is tolerant: a header whose sum is wrong, a member that is cut, and an
//! archive without its end marker are faults, because `barman-cloud-restore` notices none of them
//! when `tar` does not. Formats: POSIX.1-2001 pax, with the
//! records `path` and `size`, and long names of GNU tar.

mod header;
mod tail;

pub use tail::{TAIL_BYTES, TarTail};

use thiserror::Error;

use self::header::{Header, pax_records};
use crate::bytes::is_zero;

/// Size of a block, in bytes.
pub(crate) const BLOCK: usize = 512;

/// Maximum size of extended headers, in bytes: paths are far shorter.
const MAX_EXTENDED: u64 = 64 * 1024;

/// Fault of a tar archive.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TarFault {
    /// Header whose sum is wrong, or that makes no sense.
    #[error("the header at {at} is invalid")]
    Header {
        /// Place of the header, in bytes from the start.
        at: u64,
    },
    /// Archive that ends within a member.
    #[error("the archive ends within `{member}`")]
    CutMember {
        /// Path of the member.
        member: String,
    },
    /// Archive that ends without two blocks of zeros.
    #[error("the archive ends without its end marker")]
    NoEnd,
    /// Bytes after the end marker that are not zero.
    #[error("there is something after the end of the archive")]
    Trailing,
}

/// Kind of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// Regular file.
    File,
    /// Directory.
    Directory,
    /// Symbolic or hard link.
    Link,
    /// Anything else.
    Other(u8),
}

/// Member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Path without `./` at its start.
    pub path: String,
    /// Kind of the member.
    pub kind: MemberKind,
    /// Size of the content, in bytes.
    pub size: u64,
}

/// Receiver of the members of an archive.
pub trait MemberSink {
    /// Begins a member.
    fn begin(&mut self, member: &Member);

    /// Takes the next bytes of the member's content.
    fn content(&mut self, bytes: &[u8]);

    /// Ends the member.
    fn end(&mut self);
}

/// State between two bytes.
#[derive(Debug)]
enum State {
    /// A header, or the end marker.
    Header,
    /// Content of an extended header of this kind.
    Extended { kind: u8, left: u64 },
    /// Content of a member.
    Content { left: u64 },
    /// After the first block of zeros.
    FirstZeros,
    /// After the end marker.
    End,
}

/// Reader of an archive that comes in pieces of any size.
#[derive(Debug)]
pub struct TarReader {
    state: State,
    block: Vec<u8>,
    at: u64,
    /// Place of the last header.
    header_at: u64,
    /// Content of the extended header that is under way.
    extended: Vec<u8>,
    /// What extended headers say about the next member.
    path: Option<String>,
    size: Option<u64>,
    /// Bytes that fill the last block of a content.
    padding: usize,
    member: String,
}

impl Default for TarReader {
    fn default() -> Self {
        Self {
            state: State::Header,
            block: Vec::with_capacity(BLOCK),
            at: 0,
            header_at: 0,
            extended: Vec::new(),
            path: None,
            size: None,
            padding: 0,
            member: String::new(),
        }
    }
}

impl TarReader {
    /// Takes the next bytes of the archive.
    ///
    /// # Errors
    /// Fails at the first fault.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut impl MemberSink) -> Result<(), TarFault> {
        while !bytes.is_empty() {
            let taken = self.step(bytes, sink)?;
            bytes = bytes.get(taken..).unwrap_or_default();
            self.at = self.at.saturating_add(taken as u64);
        }
        Ok(())
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// Fails if it is not complete.
    pub fn finish(&self) -> Result<(), TarFault> {
        match self.state {
            State::End => Ok(()),
            State::Content { .. } | State::Extended { .. } => Err(TarFault::CutMember {
                member: self.member.clone(),
            }),
            State::Header | State::FirstZeros => Err(TarFault::NoEnd),
        }
    }

    /// Takes some bytes, at least one, and returns how many.
    fn step(&mut self, bytes: &[u8], sink: &mut impl MemberSink) -> Result<usize, TarFault> {
        if self.padding > 0 {
            let taken = self.padding.min(bytes.len());
            self.padding -= taken;
            return Ok(taken);
        }
        match &mut self.state {
            State::Content { left } => {
                let taken = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                sink.content(bytes.get(..taken).unwrap_or_default());
                *left -= taken as u64;
                if *left == 0 {
                    sink.end();
                    self.state = State::Header;
                    self.padding = self.missing_in_block(taken);
                }
                Ok(taken)
            }
            State::Extended { kind, left } => {
                let taken = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                self.extended
                    .extend_from_slice(bytes.get(..taken).unwrap_or_default());
                *left -= taken as u64;
                if *left == 0 {
                    let kind = *kind;
                    self.state = State::Header;
                    self.padding = self.missing_in_block(taken);
                    self.take_extended(kind)?;
                }
                Ok(taken)
            }
            State::End => {
                if is_zero(bytes) {
                    Ok(bytes.len())
                } else {
                    Err(TarFault::Trailing)
                }
            }
            State::Header | State::FirstZeros => {
                if self.block.is_empty() {
                    self.header_at = self.at;
                }
                let missing = BLOCK.saturating_sub(self.block.len()).min(bytes.len());
                self.block
                    .extend_from_slice(bytes.get(..missing).unwrap_or_default());
                if self.block.len() == BLOCK {
                    let block = std::mem::take(&mut self.block);
                    self.take_header(&block, sink)?;
                    self.block = block;
                    self.block.clear();
                }
                Ok(missing)
            }
        }
    }

    /// Number of bytes until the next block, after so many more bytes.
    fn missing_in_block(&self, taken: usize) -> usize {
        let end = self.at.saturating_add(taken as u64);
        let over = usize::try_from(end % BLOCK as u64).unwrap_or_default();
        (BLOCK - over) % BLOCK
    }

    fn take_header(&mut self, block: &[u8], sink: &mut impl MemberSink) -> Result<(), TarFault> {
        let wrong = TarFault::Header { at: self.header_at };
        if is_zero(block) {
            if self.path.is_some() || self.size.is_some() {
                return Err(wrong);
            }
            self.state = match self.state {
                State::FirstZeros => State::End,
                State::Header | State::End | State::Extended { .. } | State::Content { .. } => {
                    State::FirstZeros
                }
            };
            return Ok(());
        }
        if matches!(self.state, State::FirstZeros) {
            return Err(wrong);
        }
        let header = Header::read(block).ok_or(wrong.clone())?;
        match header.kind {
            b'x' | b'g' | b'L' | b'K' => {
                if header.size > MAX_EXTENDED || header.size == 0 {
                    return Err(wrong);
                }
                self.extended.clear();
                self.member = header.path;
                self.state = State::Extended {
                    kind: header.kind,
                    left: header.size,
                };
            }
            kind => {
                let path = self.path.take().unwrap_or(header.path);
                let size = self.size.take().unwrap_or(header.size);
                let kind = match kind {
                    b'0' | 0 | b'7' => MemberKind::File,
                    b'5' => MemberKind::Directory,
                    b'1' | b'2' => MemberKind::Link,
                    other => MemberKind::Other(other),
                };
                let has_content = matches!(kind, MemberKind::File | MemberKind::Other(_));
                if size > 0 && !has_content {
                    return Err(wrong);
                }
                let path = path.trim_start_matches("./").to_owned();
                self.member.clone_from(&path);
                sink.begin(&Member { path, kind, size });
                if size == 0 {
                    sink.end();
                } else {
                    self.state = State::Content { left: size };
                }
            }
        }
        Ok(())
    }

    fn take_extended(&mut self, kind: u8) -> Result<(), TarFault> {
        let content = std::mem::take(&mut self.extended);
        let wrong = TarFault::Header { at: self.header_at };
        match kind {
            b'x' => {
                let records = pax_records(&content).ok_or(wrong.clone())?;
                for (key, value) in records {
                    let value = String::from_utf8_lossy(value);
                    match key {
                        b"path" => self.path = Some(value.into_owned()),
                        b"size" => self.size = Some(value.parse().map_err(|_| wrong.clone())?),
                        _ => {}
                    }
                }
            }
            b'L' => {
                let text = content.split(|byte| *byte == 0).next().unwrap_or_default();
                self.path = Some(String::from_utf8_lossy(text).into_owned());
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::base_backup;

    /// Paths and contents of the members, in their order.
    #[derive(Default)]
    struct Collected {
        members: Vec<(Member, Vec<u8>)>,
        ended: usize,
    }

    impl MemberSink for Collected {
        fn begin(&mut self, member: &Member) {
            self.members.push((member.clone(), Vec::new()));
        }

        fn content(&mut self, bytes: &[u8]) {
            self.members.last_mut().unwrap().1.extend_from_slice(bytes);
        }

        fn end(&mut self) {
            self.ended += 1;
        }
    }

    fn read(bytes: &[u8], piece: usize) -> (Collected, Result<(), TarFault>) {
        let mut collected = Collected::default();
        let mut reader = TarReader::default();
        for piece in bytes.chunks(piece) {
            if let Err(fault) = reader.feed(piece, &mut collected) {
                return (collected, Err(fault));
            }
        }
        (collected, reader.finish())
    }

    #[test]
    fn the_label_is_the_last_member_of_a_real_backup() {
        let (collected, ended) = read(&base_backup("good"), 4096);

        assert_eq!(ended, Ok(()));
        assert_eq!(collected.ended, collected.members.len());
        let paths: Vec<_> = collected
            .members
            .iter()
            .map(|(member, _)| member.path.as_str())
            .collect();
        assert_eq!(paths.last(), Some(&"backup_label"));
        assert!(paths.contains(&"global/pg_control"), "{paths:?}");
        for (member, content) in &collected.members {
            assert_eq!(content.len() as u64, member.size, "{}", member.path);
        }
    }

    #[test]
    fn an_archive_without_its_end_is_a_fault() {
        assert_eq!(read(&base_backup("no-label"), 4096).1, Err(TarFault::NoEnd));
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_no_fault() {
        let header = b"21 hdrcharset=BINARY\n20 path=base/5/caf\xE9\n";
        let records = pax_records(header).unwrap();

        assert_eq!(records[1], (&b"path"[..], &b"base/5/caf\xE9"[..]));
    }

    #[test]
    fn what_follows_the_end_is_a_fault() {
        let mut bytes = base_backup("good");
        bytes.push(1);

        assert_eq!(read(&bytes, 4096).1, Err(TarFault::Trailing));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_result_does_not_depend_on_the_pieces(piece in 1_usize..3000) {
            let bytes = base_backup("good");
            let (collected, ended) = read(&bytes, piece);
            prop_assert_eq!(ended, Ok(()));
            prop_assert_eq!(collected.members, read(&bytes, usize::MAX).0.members);
        }

        #[test]
        fn a_fault_does_not_depend_on_the_pieces(
            piece in 1_usize..3000,
            place: prop::sample::Index,
        ) {
            let mut bytes = base_backup("good");
            let place = place.index(bytes.len());
            bytes[place] ^= 0x55;
            prop_assert_eq!(read(&bytes, piece).1, read(&bytes, usize::MAX).1);
        }

        #[test]
        fn an_archive_that_is_cut_is_a_fault(place: prop::sample::Index) {
            let bytes = base_backup("good");
            let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
            let cut = place.index(end);
            prop_assert!(read(&bytes[..cut], 4096).1.is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(noise: Vec<u8>, place: prop::sample::Index) {
            let mut bytes = base_backup("good");
            bytes.truncate(20_000);
            let at = place.index(bytes.len());
            for (byte, noise) in bytes.iter_mut().skip(at).zip(noise) {
                *byte = noise;
            }
            let _ = read(&bytes, 700);
        }
    }
}
