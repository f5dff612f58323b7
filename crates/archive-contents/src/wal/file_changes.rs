//! What records do to files of relations apart from the blocks that they name.

use super::{RelationFiles, WalFormat};
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

/// `SMGR_TRUNCATE_HEAP` in `storage_xlog.h`: the data fork is truncated.
const OF_DATA: u32 = 0x1;

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
    /// Files of a relation are created, unless they are there.
    Created(RelationFiles),
    /// All files of these relations are removed.
    Removed(Vec<RelationFiles>),
    /// Blocks from a number on are removed from a relation's data fork; `None` if only other forks are
    /// shortened.
    Truncated {
        /// Relation.
        relation: RelationFiles,
        /// Number of blocks that are left.
        blocks: Option<u32>,
    },
    /// A directory of a database is copied from another one.
    DatabaseCopied(u32),
    /// A directory of a database is made with nothing but its `PG_VERSION`; blocks are logged one by one.
    DatabaseCreated {
        /// OID of the tablespace.
        tablespace: u32,
        /// OID of the database.
        database: u32,
    },
    /// The directories of a database in these tablespaces are removed.
    DatabaseRemoved {
        /// OIDs of the tablespaces.
        tablespaces: Vec<u32>,
        /// OID of the database.
        database: u32,
    },
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
    DatabaseCopy,
    DatabaseCreation,
    /// Removal; true if one record names all tablespaces.
    DatabaseRemoval(bool),
    /// End of a transaction; true if it states more than its time.
    Transaction(bool),
    Unknown,
}

impl ChangeKind {
    /// Finds the kind of a record; `None` if it changes nothing but blocks that it names.
    pub(super) fn of(manager: u8, info: u8, format: WalFormat) -> Option<Self> {
        match (manager, info & MANAGER_INFO) {
            (DATABASE, info) => Some(Self::of_database(info, format)),
            (XLOG, FULL_PAGE_WRITES) => Some(Self::FullPageWrites),
            (RELATION_MAP, _) => Some(Self::RelationMap),
            _ if info & SPECIAL_UPDATE == 0 => None,
            (STORAGE, CREATE) => Some(Self::Creation),
            (STORAGE, TRUNCATE) => Some(Self::Truncation),
            (TRANSACTION, _) => Some(Self::Transaction(info & HAS_INFO != 0)),
            _ => Some(Self::Unknown),
        }
    }

    /// Finds the kind of a record of `dbcommands_xlog.h`: a second way to create a database came with 15,
    /// and one removal for all tablespaces with 13.
    const fn of_database(info: u8, format: WalFormat) -> Self {
        match (info, format.major) {
            (0x00, _) => Self::DatabaseCopy,
            (0x10, 15..) => Self::DatabaseCreation,
            (0x10, major) => Self::DatabaseRemoval(major >= 13),
            (0x20, 15..) => Self::DatabaseRemoval(true),
            (_, _) => Self::Unknown,
        }
    }

    /// Reads the change from the record's main data, as far as these are kept.
    pub(super) fn read(self, main_data: &[u8]) -> FileChange {
        let change = match self {
            Self::FullPageWrites => Some(FileChange::FullPageWrites),
            Self::RelationMap => relation_map(main_data),
            // xl_smgr_create in storage_xlog.h.
            Self::Creation => relation_at(main_data, 0).map(FileChange::Created),
            Self::Truncation => truncated(main_data),
            // All records in dbcommands_xlog.h start with the database.
            Self::DatabaseCopy => u32_at(main_data, 0).map(FileChange::DatabaseCopied),
            Self::DatabaseCreation => created_database(main_data),
            Self::DatabaseRemoval(has_list) => removed_database(main_data, has_list),
            Self::Transaction(true) => removed_relations(main_data).map(FileChange::Removed),
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

/// Reads `xl_smgr_truncate` in `storage_xlog.h`.
fn truncated(main_data: &[u8]) -> Option<FileChange> {
    let blocks = u32_at(main_data, 0)?;
    let is_of_data = u32_at(main_data, 16)? & OF_DATA != 0;
    Some(FileChange::Truncated {
        relation: relation_at(main_data, 4)?,
        blocks: is_of_data.then_some(blocks),
    })
}

/// Reads `xl_dbase_create_wal_log_rec` in `dbcommands_xlog.h`.
fn created_database(main_data: &[u8]) -> Option<FileChange> {
    Some(FileChange::DatabaseCreated {
        database: u32_at(main_data, 0)?,
        tablespace: u32_at(main_data, 4)?,
    })
}

/// Reads `xl_dbase_drop_rec` in `dbcommands_xlog.h`, with a list of tablespaces or one.
fn removed_database(main_data: &[u8], has_list: bool) -> Option<FileChange> {
    let (count, start) = if has_list {
        (u32_at(main_data, 4)?, 8)
    } else {
        (1, 4)
    };
    let mut tablespaces = Vec::new();
    let mut at: usize = start;
    for _ in 0..count {
        tablespaces.push(u32_at(main_data, at)?);
        at = at.checked_add(4)?;
    }
    Some(FileChange::DatabaseRemoved {
        tablespaces,
        database: u32_at(main_data, 0)?,
    })
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
        change_in(15, manager, info, numbers)
    }

    fn change_in(major: u8, manager: u8, info: u8, numbers: &[u32]) -> Option<FileChange> {
        let main_data: Vec<u8> = numbers.iter().flat_map(|part| part.to_le_bytes()).collect();
        ChangeKind::of(manager, info, format(major)).map(|kind| kind.read(&main_data))
    }

    fn format(major: u8) -> WalFormat {
        let magics = [
            0xD097, 0xD098, 0xD101, 0xD106, 0xD10D, 0xD110, 0xD113, 0xD116, 0xD118, 0xD121,
        ];
        WalFormat::of_magic(magics[usize::from(major - 10)]).unwrap()
    }

    #[test]
    fn creation_and_truncation_name_their_relation() {
        let truncated = |blocks| {
            Some(FileChange::Truncated {
                relation: RELATION,
                blocks,
            })
        };

        let created = Some(FileChange::Created(RELATION));
        assert_eq!(change(STORAGE, 0x11, &[1663, 5, 16_406, 0]), created);
        assert_eq!(
            change(STORAGE, 0x21, &[7, 1663, 5, 16_406, 7]),
            truncated(Some(7))
        );
        assert_eq!(
            change(STORAGE, 0x21, &[7, 1663, 5, 16_406, 6]),
            truncated(None)
        );
        assert_eq!(change(STORAGE, 0x11, &[1663, 5]), Some(FileChange::Unknown));
    }

    #[test]
    fn the_end_of_a_transaction_names_what_it_removes() {
        // Time, flags, database, one subtransaction, one relation.
        let parts = [0, 0, 0x7, 5, 1663, 1, 800, 1, 1663, 5, 16_406];

        let expected = Some(FileChange::Removed(vec![RELATION]));
        // Commit, abort, and both of a prepared transaction.
        for operation in [0x00, 0x20, 0x30, 0x40] {
            assert_eq!(change(TRANSACTION, 0x81 | operation, &parts), expected);
        }
        assert_eq!(
            change(TRANSACTION, 0x81, &parts[..10]),
            Some(FileChange::Unknown)
        );
        assert_eq!(change(TRANSACTION, 0x80, &parts), None);
    }

    #[test]
    fn maps_and_settings_are_told_apart() {
        let map = FileChange::RelationMap {
            tablespace: 1663,
            database: 5,
        };

        assert_eq!(change(RELATION_MAP, 0, &[5, 1663, 512]), Some(map));
        assert_eq!(change(XLOG, 0x80, &[1]), Some(FileChange::FullPageWrites));
        assert_eq!(change(130, 0x01, &[1]), Some(FileChange::Unknown));
        assert_eq!(change(10, 0x00, &[1]), None);
    }

    #[test]
    fn databases_are_created_and_removed_by_version() {
        let copied = Some(FileChange::DatabaseCopied(16_500));
        let created = Some(FileChange::DatabaseCreated {
            tablespace: 1663,
            database: 16_500,
        });
        let removed = |tablespaces: &[u32]| {
            Some(FileChange::DatabaseRemoved {
                tablespaces: tablespaces.to_vec(),
                database: 16_500,
            })
        };

        for major in 10..=19 {
            let copy = change_in(major, DATABASE, 0x01, &[16_500, 1663, 1, 1663]);
            assert_eq!(copy, copied, "{major}");
        }
        let one = [16_500, 1663];
        let list = [16_500, 2, 1663, 7];
        for major in 10..13 {
            assert_eq!(change_in(major, DATABASE, 0x11, &one), removed(&[1663]));
        }
        for major in 13..15 {
            assert_eq!(change_in(major, DATABASE, 0x11, &list), removed(&[1663, 7]));
        }
        for major in 15..=19 {
            assert_eq!(change_in(major, DATABASE, 0x21, &list), removed(&[1663, 7]));
            assert_eq!(change_in(major, DATABASE, 0x10, &one), created);
        }
        let cut = change(DATABASE, 0x21, &list[..3]);
        assert_eq!(cut, Some(FileChange::Unknown));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            major in 10_u8..20,
            manager in 0_u8..9,
            info: u8,
            main_data: Vec<u8>,
        ) {
            let kind = ChangeKind::of(manager, info | SPECIAL_UPDATE, format(major));
            let _ = kind.map(|kind| kind.read(&main_data));
        }
    }
}
