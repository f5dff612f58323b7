//! What records do to files of relations apart from the blocks that they name.

use super::RelationFiles;
use crate::bytes::{array, u32_at};

/// Resource managers whose records are read (`rmgrlist.h`).
const XLOG: u8 = 0;
const TRANSACTION: u8 = 1;
const STORAGE: u8 = 2;
const DATABASE: u8 = 4;
const RELATION_MAP: u8 = 7;

/// Part of the information that belongs to the resource manager (`XLR_RMGR_INFO_MASK`).
const MANAGER_INFO: u8 = 0xF0;

/// `XLR_SPECIAL_REL_UPDATE` in `xlogrecord.h`.
const SPECIAL_UPDATE: u8 = 0x01;

/// `XLOG_FPW_CHANGE` in `pg_control.h`.
const FULL_PAGE_WRITES: u8 = 0x80;

/// `XLOG_SMGR_CREATE` and `XLOG_SMGR_TRUNCATE` in `storage_xlog.h`.
const CREATE: u8 = 0x10;
const TRUNCATE: u8 = 0x20;

/// `XLOG_XACT_HAS_INFO` in `xact.h`.
const HAS_INFO: u8 = 0x80;

/// `XACT_XINFO_HAS_DBINFO`, `XACT_XINFO_HAS_SUBXACTS` and `XACT_XINFO_HAS_RELFILELOCATORS` in
/// `xact.h`; unchanged since 9.5.
const HAS_DATABASE: u32 = 0x1;
const HAS_SUBTRANSACTIONS: u32 = 0x2;
const HAS_RELATIONS: u32 = 0x4;

/// Change of files that a record makes apart from the blocks that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// The files of these relations are created, truncated or removed.
    Relations(Vec<RelationFiles>),
    /// The directory of the database with this OID is created, copied or removed.
    Database(u32),
    /// A relation map is written as a whole.
    RelationMap {
        /// OID of the tablespace.
        tablespace: u32,
        /// OID of the database; 0 for the map of shared relations.
        database: u32,
    },
    /// The primary has turned `full_page_writes` on or off.
    FullPageWrites,
    /// Files that cannot be told from the record.
    Unknown,
}

/// Kind of a record that changes files, by its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeKind {
    FullPageWrites,
    RelationMap,
    Creation,
    Truncation,
    Database,
    /// End of a transaction; true if it states more than its time.
    Transaction(bool),
    Unknown,
}

impl ChangeKind {
    /// Finds the kind of a record; `None` if it changes nothing but blocks that it names.
    pub(super) fn of(manager: u8, info: u8) -> Option<Self> {
        match (manager, info & MANAGER_INFO) {
            (XLOG, FULL_PAGE_WRITES) => Some(Self::FullPageWrites),
            (RELATION_MAP, _) => Some(Self::RelationMap),
            _ if info & SPECIAL_UPDATE == 0 => None,
            (STORAGE, CREATE) => Some(Self::Creation),
            (STORAGE, TRUNCATE) => Some(Self::Truncation),
            (DATABASE, _) => Some(Self::Database),
            (TRANSACTION, _) => Some(Self::Transaction(info & HAS_INFO != 0)),
            _ => Some(Self::Unknown),
        }
    }

    /// Reads the change from the record's main data, as far as these are kept.
    pub(super) fn read(self, main_data: &[u8]) -> FileChange {
        let change = match self {
            Self::FullPageWrites => Some(FileChange::FullPageWrites),
            Self::RelationMap => relation_map(main_data),
            // xl_smgr_create and xl_smgr_truncate in storage_xlog.h.
            Self::Creation => relation_at(main_data, 0).map(one_relation),
            Self::Truncation => relation_at(main_data, 4).map(one_relation),
            // All records in dbcommands_xlog.h start with the database.
            Self::Database => u32_at(main_data, 0).map(FileChange::Database),
            Self::Transaction(true) => removed_relations(main_data).map(FileChange::Relations),
            Self::Transaction(false) | Self::Unknown => None,
        };
        change.unwrap_or(FileChange::Unknown)
    }
}

/// Reads `xl_relmap_update` in `relmapper.h`.
fn relation_map(main_data: &[u8]) -> Option<FileChange> {
    Some(FileChange::RelationMap {
        database: u32_at(main_data, 0)?,
        tablespace: u32_at(main_data, 4)?,
    })
}

/// Reads the relations that the end of a transaction removes (`ParseCommitRecord` and
/// `ParseAbortRecord` in `xactdesc.c`).
fn removed_relations(main_data: &[u8]) -> Option<Vec<RelationFiles>> {
    // The time of the end comes first.
    let flags = u32_at(main_data, 8)?;
    if flags & HAS_RELATIONS == 0 {
        return None;
    }
    let mut at: usize = 12;
    if flags & HAS_DATABASE != 0 {
        at += 8;
    }
    if flags & HAS_SUBTRANSACTIONS != 0 {
        let subtransactions = usize::try_from(u32_at(main_data, at)?).ok()?;
        at = at.checked_add(subtransactions.checked_mul(4)?.checked_add(4)?)?;
    }
    let count = u32_at(main_data, at)?;
    at = at.checked_add(4)?;
    let mut relations = Vec::new();
    for _ in 0..count {
        relations.push(relation_at(main_data, at)?);
        at = at.checked_add(12)?;
    }
    Some(relations)
}

fn one_relation(relation: RelationFiles) -> FileChange {
    FileChange::Relations(vec![relation])
}

/// Reads `RelFileLocator`.
fn relation_at(bytes: &[u8], at: usize) -> Option<RelationFiles> {
    let content: [u8; 12] = array(bytes, at)?;
    Some(RelationFiles {
        tablespace: u32_at(&content, 0)?,
        database: u32_at(&content, 4)?,
        number: u32_at(&content, 8)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RELATION: RelationFiles = RelationFiles {
        tablespace: 1663,
        database: 5,
        number: 16_406,
    };

    fn change(manager: u8, info: u8, numbers: &[u32]) -> Option<FileChange> {
        let main_data: Vec<u8> = numbers.iter().flat_map(|part| part.to_le_bytes()).collect();
        ChangeKind::of(manager, info).map(|kind| kind.read(&main_data))
    }

    #[test]
    fn creation_and_truncation_name_their_relation() {
        let expected = Some(FileChange::Relations(vec![RELATION]));

        assert_eq!(change(STORAGE, 0x11, &[1663, 5, 16_406, 0]), expected);
        assert_eq!(change(STORAGE, 0x21, &[7, 1663, 5, 16_406, 7]), expected);
        assert_eq!(change(STORAGE, 0x11, &[1663, 5]), Some(FileChange::Unknown));
    }

    #[test]
    fn a_commit_names_the_relations_that_it_removes() {
        // Time, flags, database, one subtransaction, one relation.
        let parts = [0, 0, 0x7, 5, 1663, 1, 800, 1, 1663, 5, 16_406];

        let expected = Some(FileChange::Relations(vec![RELATION]));
        assert_eq!(change(TRANSACTION, 0x81, &parts), expected);
        assert_eq!(
            change(TRANSACTION, 0x81, &parts[..10]),
            Some(FileChange::Unknown)
        );
        assert_eq!(change(TRANSACTION, 0x80, &parts), None);
    }

    #[test]
    fn databases_maps_and_settings_are_told_apart() {
        let map = FileChange::RelationMap {
            tablespace: 1663,
            database: 5,
        };

        assert_eq!(
            change(DATABASE, 0x01, &[16_500, 1663, 1, 1663]),
            Some(FileChange::Database(16_500))
        );
        assert_eq!(change(RELATION_MAP, 0, &[5, 1663, 512]), Some(map));
        assert_eq!(change(XLOG, 0x80, &[1]), Some(FileChange::FullPageWrites));
        assert_eq!(change(130, 0x01, &[1]), Some(FileChange::Unknown));
        assert_eq!(change(10, 0x00, &[1]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(manager in 0_u8..9, info: u8, main_data: Vec<u8>) {
            let _ = ChangeKind::of(manager, info | SPECIAL_UPDATE).map(|kind| kind.read(&main_data));
        }
    }
}
