//! Meaning of the paths of members.
//!
//! Pages are looked for by a list of what has them, not of what has none: extensions and crashes
//! leave files with any name.

use barman_archive::barman::DataItem;

use crate::wal::RelationFiles;

/// OID of the tablespace that is `base/` (`DEFAULTTABLESPACE_OID` in `pg_tablespace.dat`).
const DEFAULT_TABLESPACE: u32 = 1663;

/// OID of the tablespace that is `global/` (`GLOBALTABLESPACE_OID`).
const GLOBAL_TABLESPACE: u32 = 1664;

/// Numbers of forks, by the ending of their files (`ForkNumber` in `relpath.h`).
pub(super) const DATA_FORK: u8 = 0;
pub(super) const FREE_SPACE_FORK: u8 = 1;
pub(super) const VISIBILITY_FORK: u8 = 2;
pub(super) const INITIAL_FORK: u8 = 3;

/// Highest number of a file in a relation: a relation has 2^32 pages at most, a file 131,072
/// (`RELSEG_SIZE`).
const MAX_SEGMENT: u32 = 32_767;

/// Directory of a database, or of the shared relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseDirectory {
    /// OID of the tablespace.
    pub tablespace: u32,
    /// OID of the database; 0 for `global/`.
    pub database: u32,
}

impl DatabaseDirectory {
    /// Directory of the shared relations.
    pub(super) const GLOBAL: Self = Self {
        tablespace: GLOBAL_TABLESPACE,
        database: 0,
    };
}

/// File of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RelationFile {
    pub(super) relation: RelationFiles,
    pub(super) fork: u8,
    /// Number of the file in the relation: `16384`, `16384.1`, …
    pub(super) segment: u32,
}

/// Meaning of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// `backup_label`.
    Label,
    /// `global/pg_control`.
    Control,
    /// `backup_manifest`.
    Manifest,
    /// `PG_VERSION` of the cluster.
    Version,
    /// `PG_VERSION` of a database.
    DatabaseVersion(DatabaseDirectory),
    /// `pg_filenode.map`.
    RelationMap(DatabaseDirectory),
    /// File of a relation.
    Relation(RelationFile),
    /// Changed blocks of a relation, in an incremental backup.
    Increment,
    /// File without any checksum of its own.
    Other,
}

impl Role {
    /// Finds the meaning of a path in an archive.
    pub(super) fn of(item: DataItem, path: &str) -> Self {
        match (item, path) {
            (DataItem::Data, "backup_label") => return Self::Label,
            (DataItem::Data, "backup_manifest") => return Self::Manifest,
            (DataItem::Data, "global/pg_control") => return Self::Control,
            (DataItem::Data, "PG_VERSION") => return Self::Version,
            (DataItem::Data | DataItem::Tablespace(_), _) => {}
        }
        let Some((directory, name)) = database_file(item, path) else {
            return Self::Other;
        };
        match name {
            "pg_filenode.map" => Self::RelationMap(directory),
            "PG_VERSION" => Self::DatabaseVersion(directory),
            _ if name.starts_with("INCREMENTAL.") => Self::Increment,
            _ => relation_file(directory, name).map_or(Self::Other, Self::Relation),
        }
    }
}

/// Splits the path of a file in the directory of a database.
fn database_file(item: DataItem, path: &str) -> Option<(DatabaseDirectory, &str)> {
    let (first, rest) = path.split_once('/')?;
    let tablespace = match (item, first) {
        (DataItem::Data, "global") => return Some((DatabaseDirectory::GLOBAL, rest)),
        (DataItem::Data, "base") => DEFAULT_TABLESPACE,
        (DataItem::Tablespace(tablespace), _) if first.starts_with("PG_") => tablespace,
        (DataItem::Data | DataItem::Tablespace(_), _) => return None,
    };
    let (database, name) = rest.split_once('/')?;
    let directory = DatabaseDirectory {
        tablespace,
        database: number(database)?,
    };
    Some((directory, name))
}

/// Reads the name of a file of a relation (`relpath.c`): `16384`, `16384_vm`, `16384_fsm.1`.
fn relation_file(directory: DatabaseDirectory, name: &str) -> Option<RelationFile> {
    let (name, segment) = match name.split_once('.') {
        Some((name, segment)) => (
            name,
            number(segment).filter(|segment| (1..=MAX_SEGMENT).contains(segment))?,
        ),
        None => (name, 0),
    };
    let (name, fork) = match name.split_once('_') {
        Some((name, "fsm")) => (name, FREE_SPACE_FORK),
        Some((name, "vm")) => (name, VISIBILITY_FORK),
        Some((name, "init")) => (name, INITIAL_FORK),
        Some(_) => return None,
        None => (name, DATA_FORK),
    };
    Some(RelationFile {
        relation: RelationFiles {
            tablespace: directory.tablespace,
            database: directory.database,
            number: number(name)?,
        },
        fork,
        segment,
    })
}

/// Reads digits; `parse` alone would accept a sign.
fn number(text: &str) -> Option<u32> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relation(tablespace: u32, database: u32, number: u32, fork: u8, segment: u32) -> Role {
        Role::Relation(RelationFile {
            relation: RelationFiles {
                tablespace,
                database,
                number,
            },
            fork,
            segment,
        })
    }

    #[test]
    fn files_of_relations_have_pages() {
        let data = |path| Role::of(DataItem::Data, path);
        let tablespace = |path| Role::of(DataItem::Tablespace(16_500), path);

        assert_eq!(data("base/5/16406"), relation(1663, 5, 16_406, 0, 0));
        assert_eq!(data("base/5/16406_vm"), relation(1663, 5, 16_406, 2, 0));
        assert_eq!(data("base/5/16406.12"), relation(1663, 5, 16_406, 0, 12));
        assert_eq!(data("global/1262_fsm"), relation(1664, 0, 1262, 1, 0));
        assert_eq!(
            tablespace("PG_15_202209061/5/16409_init"),
            relation(16_500, 5, 16_409, 3, 0)
        );
    }

    #[test]
    fn other_files_have_none() {
        for path in [
            "base/5/pg_internal.init.83188",
            "base/5/t3_16406",
            "base/5/16406.0",
            "base/5/16406.32768",
            "base/5/16406_old",
            "base/5/+16406",
            "base/pgsql_tmp/pgsql_tmp1.0",
            "pg_xact/0000",
            "16406",
            "PG_15_202209061/5/16406",
        ] {
            assert_eq!(Role::of(DataItem::Data, path), Role::Other, "{path}");
        }
        let increment = Role::of(DataItem::Data, "base/5/INCREMENTAL.16406");
        assert_eq!(increment, Role::Increment);
    }

    #[test]
    fn files_at_the_root_are_of_the_data_directory() {
        assert_eq!(Role::of(DataItem::Data, "PG_VERSION"), Role::Version);
        assert_eq!(
            Role::of(DataItem::Data, "global/pg_filenode.map"),
            Role::RelationMap(DatabaseDirectory::GLOBAL)
        );
        let version = Role::of(DataItem::Tablespace(1), "PG_VERSION");
        assert_eq!(version, Role::Other);
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "(base|global|PG_1)?[/.0-9a-z_]{0,30}") {
            let _ = Role::of(DataItem::Data, &path);
            let _ = Role::of(DataItem::Tablespace(7), &path);
        }
    }
}
