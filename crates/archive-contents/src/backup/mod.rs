//! Base backups: archives, members, pages, and the proof by WAL.
//!
//! A [`BackupCheck`] is fed the bytes of a backup's archives, decompressed, one part after the other,
//! and compares them with what `backup.info` says, with the checksums that they carry, and with what
//! `PostgreSQL` needs to start. It holds one page, a few small files and bounded lists, however many
//! members the archives have.
//!
//! Files are copied while the server writes to them, so a page may be torn without harm: WAL between
//! start and end of the backup rewrites it. A page that fails is therefore not damage yet. A
//! [`BackupJudge`] sees every record of that WAL and decides: the page is healed if the first record
//! that refers to its block rewrites it as a whole; it is corrupt if none does. What a record did to
//! whole files cannot be decided this way, and stays unproven: nothing is called corrupt that may be
//! as it has to be.

mod check;
mod checked;
mod contents;
mod context;
mod control;
mod fault;
mod judge;
mod manifest;
mod pages;
mod path;
mod relation_map;
mod tail;
#[cfg(test)]
mod tests;

pub use check::BackupCheck;
pub use checked::{BackupCounts, CheckedBackup, PageEvidence, UncheckedReason};
pub use context::BackupContext;
pub use fault::{BackupDoubt, BackupFault, PartFault, RequiredMember};
pub use judge::{BackupJudge, JudgedBackup, JudgedFile, JudgedPage, Verdict, WalCoverage};
pub use manifest::{ComparedFiles, ManifestEvidence};
pub use pages::{FailingPage, PageCounts, PageFailure};
pub use path::DatabaseDirectory;
pub use relation_map::{DatabaseFile, FailingFile};
pub use tail::check_tail;
