//! Files that Barman does not upload.

/// Directories at the root whose content is left out (`PGDATA_EXCLUDE_LIST` in
/// `postgres_plumbing.py`).
const DIRECTORIES_AT_ROOT: [&str; 4] = ["log", "pg_log", "pg_wal", "pg_xlog"];

/// Directories whose content is left out wherever they are (`EXCLUDE_LIST`).
const DIRECTORIES: [&str; 7] = [
    "pg_dynshmem",
    "pg_notify",
    "pg_replslot",
    "pg_serial",
    "pg_stat_tmp",
    "pg_snapshots",
    "pg_subtrans",
];

/// Files that are left out wherever they are (`EXCLUDE_LIST`).
const FILES: [&str; 7] = [
    "postgresql.auto.conf.tmp",
    "current_logfiles.tmp",
    "pg_internal.init",
    "postmaster.pid",
    "postmaster.opts",
    "recovery.conf",
    "standby.signal",
];

/// Returns true for a file that Barman does not upload, by its path below the data directory.
pub(super) fn is_left_out(path: &str) -> bool {
    let Some((directories, name)) = path.rsplit_once('/') else {
        return FILES.contains(&path) || path.starts_with("pgsql_tmp");
    };
    let mut directories = directories.split('/');
    let is_below_root = |directory| DIRECTORIES_AT_ROOT.contains(&directory);
    directories.clone().next().is_some_and(is_below_root)
        || directories
            .any(|directory| DIRECTORIES.contains(&directory) || directory.starts_with("pgsql_tmp"))
        || FILES.contains(&name)
        || name.starts_with("pgsql_tmp")
        || is_temporary(name)
}

/// Returns true for a file of a temporary relation: `t3_16406`, `t3_16406_fsm`.
fn is_temporary(name: &str) -> bool {
    let parts = name.strip_prefix('t').and_then(|rest| rest.split_once('_'));
    parts.is_some_and(|(backend, relation)| {
        let is_digit = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
        is_digit(backend) && is_digit(relation)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_barman_leaves_out_may_be_missing() {
        for path in [
            "log/postgresql.log",
            "pg_stat_tmp/global.stat",
            "base/pgsql_tmp/pgsql_tmp12.0",
            "base/5/pg_internal.init",
            "base/5/t3_16406_fsm",
            "standby.signal",
        ] {
            assert!(is_left_out(path), "{path}");
        }
    }

    #[test]
    fn everything_else_is_uploaded() {
        for path in [
            "PG_VERSION",
            "base/5/16406",
            "base/log/1",
            "pg_tblspc/16500/PG_17_202406281/5/1",
            "pg_xact/0000",
            "table_1",
        ] {
            assert!(!is_left_out(path), "{path}");
        }
    }
}
