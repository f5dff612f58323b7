//! `global/pg_control`: identity and state of a database cluster.

use barman_archive::postgres::{Lsn, TimelineId};

use crate::bytes::{u32_at, u64_at};

/// Size of the file, in bytes (`PG_CONTROL_FILE_SIZE` in `pg_control.h`).
pub const CONTROL_FILE_BYTES: usize = 8192;

/// State of a cluster (`DBState` in `pg_control.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterState {
    /// Shut down as a primary.
    ShutDown,
    /// Shut down during recovery.
    ShutDownInRecovery,
    /// Starting up, shutting down, or recovering from a crash.
    Changing(u32),
    /// Standby (`DB_IN_ARCHIVE_RECOVERY`).
    InArchiveRecovery,
    /// Primary (`DB_IN_PRODUCTION`).
    InProduction,
}

/// Page checksums of a cluster (`data_checksum_version` in `pg_control.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataChecksums {
    /// Off.
    Off,
    /// On: every page has one.
    On,
    /// Being turned on or off, as PostgreSQL 19 can: some pages have one.
    InProgress(u32),
}

/// Content of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlFile {
    /// Identifier of the cluster.
    pub system_identifier: u64,
    /// Version of the file's format.
    pub version: u32,
    /// Version of the system catalogs.
    pub catalog_version: u32,
    /// State of the cluster.
    pub state: ClusterState,
    /// Position of the last checkpoint's record.
    pub checkpoint: Lsn,
    /// Position from which that checkpoint replays.
    pub redo: Lsn,
    /// Timeline of the last checkpoint.
    pub timeline: TimelineId,
    /// Position up to which recovery must replay before a standby is consistent; `None` on a primary.
    pub min_recovery_point: Option<Lsn>,
    /// Size of pages of relations, in bytes.
    pub page_size: u32,
    /// Number of pages in one file of a relation.
    pub pages_per_file: u32,
    /// Size of pages of WAL, in bytes.
    pub wal_page_size: u32,
    /// Size of WAL segments, in bytes.
    pub segment_size: u32,
    /// Page checksums.
    pub data_checksums: DataChecksums,
}

/// Reason why the file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlFault {
    /// Fewer bytes than the file has.
    #[error("pg_control has {0} bytes")]
    Truncated(usize),
    /// Version of the format that is not known; a newer `PostgreSQL` if it is higher than those.
    #[error("pg_control has the unknown version {0}")]
    UnknownVersion(u32),
    /// Checksum that fails: the server would refuse to start.
    #[error("the checksum of pg_control is wrong")]
    Checksum,
}

/// Places of fields in one version of the format, in bytes from the start.
struct Layout {
    redo: usize,
    timeline: usize,
    min_recovery_point: usize,
    page_size: usize,
    pages_per_file: usize,
    wal_page_size: usize,
    segment_size: usize,
    data_checksums: usize,
    /// Place of the checksum, which covers everything before it.
    checksum: usize,
}

impl Layout {
    /// Returns the layout of a version: `sizeof` and `offsetof` of `ControlFileData` in that version's
    /// `pg_control.h`.
    const fn of(version: u32) -> Option<Self> {
        match version {
            // PostgreSQL 10
            1002 => Some(Self::new(48, 136, 216, 288)),
            // 11
            1100 => Some(Self::new(40, 128, 208, 280)),
            // 12, 13 to 16, 17
            1201 | 1300 | 1700 => Some(Self::new(40, 136, 216, 288)),
            // 18
            1800 => Some(Self::new(40, 136, 216, 292)),
            // 19
            1902 => Some(Self {
                wal_page_size: 236,
                segment_size: 240,
                data_checksums: 264,
                ..Self::new(40, 144, 224, 304)
            }),
            _ => None,
        }
    }

    const fn new(redo: usize, min_recovery: usize, page_size: usize, checksum: usize) -> Self {
        Self {
            redo,
            timeline: redo + 8,
            min_recovery_point: min_recovery,
            page_size,
            pages_per_file: page_size + 4,
            wal_page_size: page_size + 8,
            segment_size: page_size + 12,
            data_checksums: page_size + 36,
            checksum,
        }
    }
}

impl ControlFile {
    /// Reads the file.
    ///
    /// # Errors
    /// Fails if it is cut, of an unknown version, or its checksum is wrong.
    pub fn read(content: &[u8]) -> Result<Self, ControlFault> {
        let cut = ControlFault::Truncated(content.len());
        if content.len() < CONTROL_FILE_BYTES {
            return Err(cut);
        }
        Self::fields(content).unwrap_or(Err(cut))
    }

    /// Reads the file; `None` if it is cut.
    fn fields(content: &[u8]) -> Option<Result<Self, ControlFault>> {
        let version = u32_at(content, 8)?;
        let Some(layout) = Layout::of(version) else {
            return Some(Err(if is_damaged_version(content) {
                ControlFault::Checksum
            } else {
                ControlFault::UnknownVersion(version)
            }));
        };
        let found = crc32c::crc32c(content.get(..layout.checksum)?);
        if u32_at(content, layout.checksum)? != found {
            return Some(Err(ControlFault::Checksum));
        }
        let min_recovery_point = u64_at(content, layout.min_recovery_point)?;
        Some(Ok(Self {
            system_identifier: u64_at(content, 0)?,
            version,
            catalog_version: u32_at(content, 12)?,
            state: state(u32_at(content, 16)?),
            checkpoint: Lsn(u64_at(content, 32)?),
            redo: Lsn(u64_at(content, layout.redo)?),
            timeline: TimelineId(u32_at(content, layout.timeline)?),
            min_recovery_point: (min_recovery_point > 0).then_some(Lsn(min_recovery_point)),
            page_size: u32_at(content, layout.page_size)?,
            pages_per_file: u32_at(content, layout.pages_per_file)?,
            wal_page_size: u32_at(content, layout.wal_page_size)?,
            segment_size: u32_at(content, layout.segment_size)?,
            data_checksums: match u32_at(content, layout.data_checksums)? {
                0 => DataChecksums::Off,
                1 => DataChecksums::On,
                other => DataChecksums::InProgress(other),
            },
        }))
    }
}

/// Versions that are known.
const VERSIONS: [u32; 7] = [1002, 1100, 1201, 1300, 1700, 1800, 1902];

/// Returns whether the checksum is right with a known version in place of the one that is found: then
/// that is damage, and not a newer version.
fn is_damaged_version(content: &[u8]) -> bool {
    VERSIONS.into_iter().any(|version| {
        let restored = Layout::of(version).and_then(|layout| {
            let mut checked = content.get(..layout.checksum)?.to_vec();
            checked
                .get_mut(8..12)?
                .copy_from_slice(&version.to_le_bytes());
            Some(u32_at(content, layout.checksum)? == crc32c::crc32c(&checked))
        });
        restored == Some(true)
    })
}

const fn state(number: u32) -> ClusterState {
    match number {
        1 => ClusterState::ShutDown,
        2 => ClusterState::ShutDownInRecovery,
        5 => ClusterState::InArchiveRecovery,
        6 => ClusterState::InProduction,
        other => ClusterState::Changing(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::{fixtures, plain};

    fn file(major: u32) -> Vec<u8> {
        plain(&fixtures().join(format!("majors/{major}/pg_control.gz"))).unwrap()
    }

    #[test]
    fn files_of_every_major_version_are_read() {
        for (major, version, catalog_version, segment_size) in [
            (10, 1002, 201_707_211, 16 << 20),
            (12, 1201, 201_909_212, 1 << 20),
            (14, 1300, 202_107_181, 1 << 20),
            (16, 1300, 202_307_071, 1 << 20),
            (18, 1800, 202_506_291, 1 << 20),
        ] {
            let control = ControlFile::read(&file(major)).unwrap();

            assert_eq!(
                (control.version, control.catalog_version),
                (version, catalog_version)
            );
            assert_eq!(control.segment_size, segment_size, "PostgreSQL {major}");
            assert_eq!((control.page_size, control.wal_page_size), (8192, 8192));
            assert_eq!(control.pages_per_file, 131_072);
            assert_eq!(control.data_checksums, DataChecksums::On);
            assert_eq!(control.timeline, TimelineId::FIRST);
        }
    }

    #[test]
    fn a_newer_version_is_not_damage() {
        let mut content = file(18);
        content[8..12].copy_from_slice(&2000_u32.to_le_bytes());
        // A newer version has other fields.
        content[400] = 1;
        content[100] ^= 1;

        assert_eq!(
            ControlFile::read(&content),
            Err(ControlFault::UnknownVersion(2000))
        );
    }

    #[test]
    fn a_version_that_was_changed_is_damage() {
        let mut content = file(18);
        content[8] ^= 4;

        assert_eq!(ControlFile::read(&content), Err(ControlFault::Checksum));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_before_the_checksum_is_found(place in 0_usize..292, bit in 0_u8..8) {
            let mut content = file(18);
            content[place] ^= 1 << bit;
            prop_assert!(ControlFile::read(&content).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(content: Vec<u8>, version in prop::sample::select(vec![1002_u32, 1100, 1300, 1800, 1902])) {
            let mut content = content;
            if let Some(place) = content.get_mut(8..12) {
                place.copy_from_slice(&version.to_le_bytes());
            }
            let _ = ControlFile::read(&content);
        }
    }
}
