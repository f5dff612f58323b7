//! Comparison of the control file with `backup.info`.

use super::checked::{PageEvidence, UncheckedReason};
use super::pages::PAGES_PER_FILE;
use super::{BackupContext, BackupDoubt, BackupFault};
use crate::control::{ClusterState, ControlFault, ControlFile, DataChecksums};
use crate::page::PAGE_BYTES;

/// What the control file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ControlFindings {
    pub(super) faults: Vec<BackupFault>,
    pub(super) doubt: Option<BackupDoubt>,
    pub(super) evidence: PageEvidence,
}

impl ControlFindings {
    /// Compares the file, if the archives have it, with `backup.info`.
    pub(super) fn of(
        file: Option<Result<ControlFile, ControlFault>>,
        context: &BackupContext,
    ) -> Self {
        let stated = match context.has_data_checksums {
            Some(true) => PageEvidence::Checksums,
            Some(false) => PageEvidence::Headers,
            None => PageEvidence::Unproven(UncheckedReason::UnknownChecksums),
        };
        let mut findings = Self {
            faults: Vec::new(),
            doubt: None,
            evidence: stated,
        };
        match file {
            None => {}
            Some(Err(ControlFault::UnknownVersion(version))) => {
                let reason = UncheckedReason::UnknownControlVersion(version);
                findings.evidence = PageEvidence::Unproven(reason);
            }
            Some(Err(fault @ (ControlFault::Truncated(_) | ControlFault::Checksum))) => {
                findings.faults.push(BackupFault::Control(fault));
            }
            Some(Ok(control)) => {
                findings.evidence = evidence(&control, context);
                findings.compare(&control, context);
            }
        }
        findings
    }

    fn compare(&mut self, control: &ControlFile, context: &BackupContext) {
        let found = control.system_identifier;
        if let Some(expected) = context.system_identifier
            && found != expected
        {
            self.faults
                .push(BackupFault::SystemIdentifier { found, expected });
        }
        let (found, expected) = (control.segment_size, context.segment_size.bytes());
        if found != expected {
            self.faults
                .push(BackupFault::SegmentSize { found, expected });
        }
        self.compare_positions(control, context);
        if context.is_of_standby {
            let is_standby = matches!(
                control.state,
                ClusterState::InArchiveRecovery | ClusterState::ShutDownInRecovery
            );
            if !is_standby {
                self.faults.push(BackupFault::NotOfStandby);
            }
        } else if control.timeline > context.timeline {
            // A standby can follow its primary to another timeline during the backup.
            self.faults.push(BackupFault::Timeline {
                found: control.timeline,
                expected: context.timeline,
            });
        }
    }

    /// The file is read before the backup ends, so its positions are before the end.
    fn compare_positions(&mut self, control: &ControlFile, context: &BackupContext) {
        let Some(end) = context.end else {
            return;
        };
        if control.checkpoint > end {
            self.faults.push(BackupFault::Checkpoint {
                checkpoint: control.checkpoint,
                end,
            });
        }
        let position = control.min_recovery_point;
        if let Some(position) = position.filter(|position| context.is_of_standby && *position > end)
        {
            self.doubt = Some(BackupDoubt::RecoveryPoint { position, end });
        }
    }
}

/// Returns what proves pages of a cluster.
fn evidence(control: &ControlFile, context: &BackupContext) -> PageEvidence {
    if control.page_size as usize != PAGE_BYTES {
        return PageEvidence::Unproven(UncheckedReason::PageSize(control.page_size));
    }
    if control.pages_per_file != PAGES_PER_FILE {
        return PageEvidence::Unproven(UncheckedReason::PagesPerFile(control.pages_per_file));
    }
    match (control.data_checksums, context.has_data_checksums) {
        (DataChecksums::On, Some(true) | None) => PageEvidence::Checksums,
        (DataChecksums::Off, Some(false) | None) => PageEvidence::Headers,
        (DataChecksums::InProgress(_), _) => {
            PageEvidence::Unproven(UncheckedReason::ChecksumsInProgress)
        }
        (DataChecksums::On, Some(false)) | (DataChecksums::Off, Some(true)) => {
            PageEvidence::Unproven(UncheckedReason::ChecksumsDisagree)
        }
    }
}
