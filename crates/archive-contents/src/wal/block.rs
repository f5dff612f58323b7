//! Blocks of relations that a record refers to (`DecodeXLogRecord` in `xlogreader.c`).

use super::WalFormat;
use crate::bytes::{array, u16_at, u32_at};

/// Highest number of a block reference (`XLR_MAX_BLOCK_ID` in `xlogrecord.h`).
const MAX_BLOCK_ID: u8 = 32;

/// Flags of a reference (`BKPBLOCK_…` in `xlogrecord.h`).
const FORK: u8 = 0x0F;
const HAS_IMAGE: u8 = 0x10;
const WILL_INIT: u8 = 0x40;
const SAME_RELATION: u8 = 0x80;

/// Flag of an image with a hole (`BKPIMAGE_HAS_HOLE`).
const HAS_HOLE: u8 = 0x01;

/// Files of a relation (`RelFileNode`, from PostgreSQL 16 on `RelFileLocator`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationFiles {
    /// OID of the tablespace.
    pub tablespace: u32,
    /// OID of the database; 0 for shared relations.
    pub database: u32,
    /// Number of the files.
    pub number: u32,
}

/// Reference of a record to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockReference {
    /// Relation of the block.
    pub relation: RelationFiles,
    /// Fork of the relation: 0 for the data, 1 for the free space map, 2 for the visibility map, 3
    /// for the initial fork.
    pub fork: u8,
    /// Number of the block.
    pub block: u32,
    /// True if replay writes the whole block, whatever it held before: from an image, or from
    /// nothing.
    pub is_rewritten: bool,
}

/// Parts of a record's body: references, and the length of its main data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RecordParts {
    pub(super) blocks: Vec<BlockReference>,
    pub(super) main_data_length: u32,
    /// Bytes of data behind the headers, as far as these are read.
    data_length: u64,
}

impl RecordParts {
    /// Reads the headers at the start of a body of this length; `None` if they make no sense.
    pub(super) fn read(body: &[u8], body_length: u32, format: WalFormat) -> Option<Self> {
        let mut parts = Self::default();
        let mut at: usize = 0;
        // Headers end where only the data that they announce is left.
        while u64::from(body_length).checked_sub(at as u64)? > parts.data_length {
            let [id] = array::<1>(body, at)?;
            match id {
                // XLR_BLOCK_ID_DATA_SHORT
                255 => {
                    let [length] = array::<1>(body, at + 1)?;
                    parts.main_data_length = u32::from(length);
                    return Some(parts);
                }
                // XLR_BLOCK_ID_DATA_LONG
                254 => {
                    parts.main_data_length = u32_at(body, at + 1)?;
                    return Some(parts);
                }
                // XLR_BLOCK_ID_ORIGIN
                253 => at += 3,
                // XLR_BLOCK_ID_TOPLEVEL_XID
                252 => at += 5,
                0..=MAX_BLOCK_ID => at = parts.read_block(body, at, format)?,
                _ => return None,
            }
        }
        Some(parts)
    }

    /// Reads a reference, and returns the place after it.
    fn read_block(&mut self, body: &[u8], start: usize, format: WalFormat) -> Option<usize> {
        let [flags] = array::<1>(body, start + 1)?;
        self.data_length += u64::from(u16_at(body, start + 2)?);
        let mut at = start + 4;
        let mut has_applied_image = false;
        if flags & HAS_IMAGE != 0 {
            self.data_length += u64::from(u16_at(body, at)?);
            let [image] = array::<1>(body, at + 4)?;
            at += 5;
            if image & HAS_HOLE != 0 && format.is_compressed_image(image) {
                at += 2;
            }
            has_applied_image = format.is_applied_image(image);
        }
        let relation = if flags & SAME_RELATION != 0 {
            self.blocks.last()?.relation
        } else {
            let relation = RelationFiles {
                tablespace: u32_at(body, at)?,
                database: u32_at(body, at + 4)?,
                number: u32_at(body, at + 8)?,
            };
            at += 12;
            relation
        };
        self.blocks.push(BlockReference {
            relation,
            fork: flags & FORK,
            block: u32_at(body, at)?,
            is_rewritten: has_applied_image || flags & WILL_INIT != 0,
        });
        Some(at + 4)
    }
}
