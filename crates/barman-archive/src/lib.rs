//! Reads archives that Barman Cloud wrote, and decides which backups in them can be restored, to which
//! moments.
//!
//! Nothing here does I/O or reads a clock: keys, sizes, times and the content of small files come in,
//! verdicts come out. Modules use only those above them:
//!
//! | module | holds |
//! |---|---|
//! | [`postgres`] | WAL positions, segments, timelines and history files of every `PostgreSQL` cluster |
//! | [`barman`] | the layout of an archive, and the files that Barman Cloud writes into it |
//! | [`inventory`] | the content of an archive, as sums and runs |
//! | [`recovery`] | the rules of recovery: what a restore needs, and how far it gets |
//! | [`retention`] | what `barman-cloud-backup-delete` would delete |

pub mod barman;
pub mod inventory;
pub mod postgres;
pub mod recovery;
pub mod retention;
