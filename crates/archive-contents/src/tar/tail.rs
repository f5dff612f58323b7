//! Members in the last bytes of an archive.

use super::BLOCK;
use super::header::Header;
use crate::bytes::is_zero;
use crate::control::{ControlFault, ControlFile};

/// Number of last bytes that hold the last members of a base backup: `global/pg_control` and
/// `backup_label`, unless external configuration files between them are long.
pub const TAIL_BYTES: usize = 64 * 1024;

/// Length of the end marker, in bytes.
const END: usize = 2 * BLOCK;

/// Maximum size of a label, in bytes: `PostgreSQL` writes some lines.
const MAX_LABEL: u64 = 16 * 1024;

/// Last members of a base backup that its last bytes show.
///
/// A member that lies further in front is not seen, and nothing follows from that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TarTail {
    /// Content of `backup_label`; `None` if it is not seen.
    pub backup_label: Option<Vec<u8>>,
    /// `global/pg_control`; `None` if it is not seen.
    pub control: Option<Result<ControlFile, ControlFault>>,
}

impl TarTail {
    /// Reads the members in the last bytes of an archive of this size.
    ///
    /// `None` if the archive does not end with its end marker, or not at the end of a block.
    #[must_use]
    pub fn read(last: &[u8], archive_bytes: u64) -> Option<Self> {
        let block = BLOCK as u64;
        let (_, end) = last.split_at_checked(last.len().checked_sub(END)?)?;
        if !archive_bytes.is_multiple_of(block) || !is_zero(end) {
            return None;
        }
        let mut tail = Self::default();
        // The last bytes need not begin at a block.
        let first = last.len() % BLOCK;
        let starts = (first..last.len()).step_by(BLOCK);
        let mut bytes = starts
            .filter_map(|at| last.get(at..))
            .find(|bytes| reaches_end(bytes))
            .unwrap_or_default();
        while let Some(next) = behind_member(bytes) {
            tail.take_member(bytes);
            bytes = next;
        }
        Some(tail)
    }

    /// Takes the member that starts with these bytes, if it is one of those.
    fn take_member(&mut self, bytes: &[u8]) {
        let Some((block, rest)) = bytes.split_at_checked(BLOCK) else {
            return;
        };
        let Some(header) = Header::read(block).filter(|header| header.kind == b'0') else {
            return;
        };
        let content = usize::try_from(header.size)
            .ok()
            .and_then(|size| rest.get(..size));
        let Some(content) = content else {
            return;
        };
        match header.path.trim_start_matches("./") {
            "backup_label" if header.size <= MAX_LABEL => {
                self.backup_label = Some(content.to_vec());
            }
            "global/pg_control" => self.control = Some(ControlFile::read(content)),
            _ => {}
        }
    }
}

/// Returns whether members lead from these bytes to the end of the archive. What looks like a header
/// otherwise is content of a member: a file of the data directory can be an archive itself.
fn reaches_end(mut bytes: &[u8]) -> bool {
    while let Some(next) = behind_member(bytes) {
        bytes = next;
    }
    bytes.len() >= END && is_zero(bytes)
}

/// Returns the bytes behind a member; `None` if none starts here, or it does not end.
fn behind_member(bytes: &[u8]) -> Option<&[u8]> {
    let (block, rest) = bytes.split_at_checked(BLOCK)?;
    let header = Header::read(block)?;
    let size = usize::try_from(header.size).ok()?;
    rest.get(size.checked_next_multiple_of(BLOCK)?..)
}
