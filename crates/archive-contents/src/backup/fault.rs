//! Faults and doubts of a base backup.
//!
//! Texts name no path of a member: names of files are the users' own.

use barman_archive::barman::DataItem;
use barman_archive::postgres::{Lsn, TimelineId};
use thiserror::Error;

use crate::control::ControlFault;
use crate::tar::TarFault;

/// Damage of a backup: it cannot be restored, or not as `backup.info` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BackupFault {
    /// Archive that is not whole.
    #[error("part {part} of an archive: {fault}")]
    Archive {
        /// Data directory or tablespace that the archive holds.
        item: DataItem,
        /// Number of the part, from 0.
        part: u16,
        /// Fault of the archive.
        fault: PartFault,
    },
    /// Member that every backup has, and this one does not.
    #[error("{0} is missing")]
    Missing(RequiredMember),
    /// Label that differs from the one in `backup.info`.
    #[error("the label differs from the one in `backup.info`")]
    Label,
    /// Control file that a server refuses.
    #[error(transparent)]
    Control(ControlFault),
    /// Backup of another cluster.
    #[error("the data are of the database system {found} instead of {expected}")]
    SystemIdentifier {
        /// Identifier in the control file.
        found: u64,
        /// Identifier in `backup.info`.
        expected: u64,
    },
    /// Size of WAL segments that does not fit.
    #[error("the data have WAL segments of {found} instead of {expected} bytes")]
    SegmentSize {
        /// Size in the control file.
        found: u32,
        /// Size in `backup.info`.
        expected: u32,
    },
    /// Data of a later timeline than the backup's.
    #[error("the data are of timeline {found}, after timeline {expected} of the backup")]
    Timeline {
        /// Timeline in the control file.
        found: TimelineId,
        /// Timeline in `backup.info`.
        expected: TimelineId,
    },
    /// Data that are newer than the end of the backup.
    #[error("the last checkpoint is at {checkpoint}, after the end of the backup at {end}")]
    Checkpoint {
        /// Position of the last checkpoint in the control file.
        checkpoint: Lsn,
        /// End of the backup.
        end: Lsn,
    },
    /// Control file that does not say that it is of a standby, as the label does. `PostgreSQL` refuses
    /// it (`InitWalRecovery` in `xlogrecovery.c`).
    #[error("the label says that the backup is of a standby, and the control file does not")]
    NotOfStandby,
    /// Data of another major version.
    #[error("the data are not of PostgreSQL {expected}")]
    MajorVersion {
        /// Major version in `backup.info`.
        expected: u32,
    },
    /// Manifest that makes no sense or whose checksum is wrong.
    #[error("the manifest of the backup is damaged")]
    Manifest,
    /// Files that are not as the manifest says.
    #[error("of the files in the manifest, {different} differ and {missing} are missing")]
    Files {
        /// Number of files whose size or checksum is another one.
        different: u64,
        /// Number of files that are not in the archives.
        missing: u64,
    },
}

/// Reason not to rely on a backup, which is not damage by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BackupDoubt {
    /// Standby whose data need more WAL than `backup.info` says.
    #[error("the data are consistent at {position} only, after the end of the backup at {end}")]
    RecoveryPoint {
        /// Minimum recovery point in the control file.
        position: Lsn,
        /// End of the backup.
        end: Lsn,
    },
    /// Manifest without which an incremental backup cannot be compared.
    #[error("the incremental backup has no manifest that can be used")]
    NoManifest,
}

/// Fault of one part of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PartFault {
    /// Header whose sum is wrong, or that makes no sense.
    #[error("the header at {at} is invalid")]
    Header {
        /// Place of the header, in bytes from the start.
        at: u64,
    },
    /// Archive that ends within a member.
    #[error("the archive ends within a member")]
    CutMember,
    /// Archive that ends without two blocks of zeros.
    #[error("the archive ends without its end marker")]
    NoEnd,
    /// Bytes after the end marker that are not zero.
    #[error("there is something after the end of the archive")]
    Trailing,
}

impl From<TarFault> for PartFault {
    fn from(fault: TarFault) -> Self {
        match fault {
            TarFault::Header { at } => Self::Header { at },
            TarFault::CutMember { member: _ } => Self::CutMember,
            TarFault::NoEnd => Self::NoEnd,
            TarFault::Trailing => Self::Trailing,
        }
    }
}

/// Member without which a server does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequiredMember {
    /// `backup_label`.
    #[error("`backup_label`")]
    Label,
    /// `global/pg_control`.
    #[error("`global/pg_control`")]
    Control,
    /// `PG_VERSION`.
    #[error("`PG_VERSION`")]
    Version,
    /// `global/pg_filenode.map`.
    #[error("`global/pg_filenode.map`")]
    SharedMap,
}
