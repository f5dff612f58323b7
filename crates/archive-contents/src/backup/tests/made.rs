//! Archives that the tests make.

use crate::page::PAGE_BYTES;

/// Tar archive in the making.
#[derive(Clone, Default)]
pub(super) struct Archive(Vec<u8>);

impl Archive {
    /// Adds a regular file.
    pub(super) fn with(mut self, path: &str, content: &[u8]) -> Self {
        let mut header = [0; 512];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(header);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// Ends the archive.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

/// Content of the members of an archive, in their order.
#[derive(Default)]
pub(super) struct Members(pub(super) Vec<(String, Vec<u8>)>);

impl crate::tar::MemberSink for Members {
    fn begin(&mut self, member: &crate::tar::Member) {
        self.0.push((member.path.clone(), Vec::new()));
    }

    fn content(&mut self, bytes: &[u8]) {
        self.0.last_mut().unwrap().1.extend(bytes);
    }

    fn end(&mut self) {}
}

impl Members {
    /// Reads an archive; directories are left out.
    pub(super) fn of(archive: &[u8]) -> Self {
        let mut members = Self::default();
        let mut reader = crate::tar::TarReader::default();
        reader.feed(archive, &mut members).unwrap();
        members
            .0
            .retain(|(path, _)| !path.ends_with('/') && !path.is_empty());
        members
    }

    /// Changes the content of a member.
    pub(super) fn change(mut self, path: &str, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let member = self.0.iter_mut().find(|(found, _)| found == path);
        change(&mut member.unwrap().1);
        self
    }

    /// Adds a member at the start.
    pub(super) fn with_first(mut self, path: &str, content: &[u8]) -> Self {
        self.0.insert(0, (path.to_owned(), content.to_vec()));
        self
    }

    /// Adds a member at the end.
    pub(super) fn with(mut self, path: &str, content: &[u8]) -> Self {
        self.0.push((path.to_owned(), content.to_vec()));
        self
    }

    /// Removes a member.
    pub(super) fn without(mut self, path: &str) -> Self {
        self.0.retain(|(found, _)| found != path);
        self
    }

    /// Writes the archive.
    pub(super) fn archive(&self) -> Vec<u8> {
        let members = self.0.iter();
        let archive = members.fold(Archive::default(), |archive, (path, content)| {
            archive.with(path, content)
        });
        archive.end()
    }
}

/// Content of a control file whose checksum is made right after a change, as `PostgreSQL` 15 has it.
pub(super) fn with_control_sum(content: &mut [u8]) {
    let sum = crc32c::crc32c(&content[..288]);
    content[288..292].copy_from_slice(&sum.to_le_bytes());
}

/// Page with a header that makes sense, and no checksum.
pub(super) fn page(changed_at: u64) -> [u8; PAGE_BYTES] {
    let mut page = [0; PAGE_BYTES];
    let high = u32::try_from(changed_at >> 32).unwrap();
    let low = u32::try_from(changed_at & 0xFFFF_FFFF).unwrap();
    page[..4].copy_from_slice(&high.to_le_bytes());
    page[4..8].copy_from_slice(&low.to_le_bytes());
    for (place, number) in [(12, 24_u16), (14, 8192), (16, 8192), (18, 0x2004)] {
        page[place..place + 2].copy_from_slice(&number.to_le_bytes());
    }
    page
}
