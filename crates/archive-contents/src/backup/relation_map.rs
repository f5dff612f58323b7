//! Small files in the directories of databases.

use super::DatabaseDirectory;
use crate::bytes::u32_at;

/// Number at the start of a relation map (`RELMAPPER_FILEMAGIC` in `relmapper.c`).
const MAGIC: u32 = 0x0059_2717;

/// Layout of a map (`RelMapFile`).
struct MapLayout {
    /// Length of the file.
    length: usize,
    /// Place of the checksum, which covers everything before it.
    checksum_at: usize,
    /// Maximum number of relations (`MAX_MAPPINGS`).
    relations: u32,
}

/// Layout up to version 15: padding follows the checksum.
const SHORT: MapLayout = MapLayout {
    length: 512,
    checksum_at: 504,
    relations: 62,
};

/// Layout from version 16 on.
const LONG: MapLayout = MapLayout {
    length: 524,
    checksum_at: 520,
    relations: 64,
};

/// Maximum number of bytes that are kept of a map: more than any has.
pub(super) const KEPT_MAP: usize = 1024;

/// Maximum number of bytes that are kept of `PG_VERSION`.
pub(super) const KEPT_VERSION: usize = 64;

/// Small file of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseFile {
    /// `pg_filenode.map`: files of the system catalogs.
    RelationMap,
    /// `PG_VERSION`: major version.
    Version,
}

/// Small file of a database that cannot be used as it is.
///
/// That is damage unless the database was created, moved or removed during the backup, or, up to
/// version 15, the map was written while it was read: WAL decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailingFile {
    /// Directory of the file.
    pub directory: DatabaseDirectory,
    /// Kind of the file.
    pub file: DatabaseFile,
}

/// Returns true for a relation map that `read_relmap_file` in `relmapper.c` accepts. If the version is
/// not known, its length tells the layout.
pub(super) fn is_sound_map(content: &[u8], major: Option<u32>) -> bool {
    let layout = match major {
        Some(..=15) => SHORT,
        None if content.len() == SHORT.length => SHORT,
        Some(16..) | None => LONG,
    };
    let Some(checked) = content.get(..layout.checksum_at) else {
        return false;
    };
    content.len() == layout.length
        && u32_at(content, 0) == Some(MAGIC)
        && u32_at(content, 4).is_some_and(|count| count <= layout.relations)
        && u32_at(content, layout.checksum_at) == Some(crc32c::crc32c(checked))
}

/// Returns true for the content of `PG_VERSION` of a major version (`ValidatePgVersion` in
/// `miscinit.c`).
pub(super) fn is_version(content: &[u8], major: u32) -> bool {
    let text = std::str::from_utf8(content).unwrap_or_default();
    text.trim().parse() == Ok(major)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(layout: &MapLayout) -> Vec<u8> {
        let checksum_at = layout.checksum_at;
        let mut content = vec![7; layout.length];
        content[..4].copy_from_slice(&MAGIC.to_le_bytes());
        content[4..8].copy_from_slice(&17_u32.to_le_bytes());
        let sum = crc32c::crc32c(&content[..checksum_at]);
        content[checksum_at..checksum_at + 4].copy_from_slice(&sum.to_le_bytes());
        content
    }

    #[test]
    fn maps_have_two_lengths() {
        let short = map(&SHORT);
        let long = map(&LONG);

        for major in [Some(10), Some(15), None] {
            assert!(is_sound_map(&short, major), "{major:?}");
        }
        for major in [Some(16), Some(19), None] {
            assert!(is_sound_map(&long, major), "{major:?}");
        }
        assert!(!is_sound_map(&short, Some(16)));
        assert!(!is_sound_map(&long, Some(15)));
        assert!(!is_sound_map(&[], None));
    }

    #[test]
    fn a_version_is_one_number() {
        assert!(is_version(b"15\n", 15));
        assert!(!is_version(b"14\n", 15));
        assert!(!is_version(b"", 15));
        assert!(!is_version(b"\xFF", 15));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_of_a_map_is_found(place in 0_usize..524, bit in 0_u8..8) {
            let mut content = map(&LONG);
            content[place] ^= 1 << bit;
            prop_assert!(!is_sound_map(&content, Some(17)));
        }

        #[test]
        fn no_bytes_make_it_panic(content: Vec<u8>, major: Option<u32>) {
            let _ = is_sound_map(&content, major);
            let _ = is_version(&content, 15);
        }
    }
}
