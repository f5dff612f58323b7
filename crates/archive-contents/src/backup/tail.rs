//! Check of the last members of a backup, without the rest.

use super::control::ControlFindings;
use super::{BackupContext, BackupFault};
use crate::tar::TarTail;

/// Compares the last members of the archive of a data directory with `backup.info`, as far as they are
/// seen.
///
/// A member that is not seen is no fault: it can be in another part, or further in front. Neither is
/// what is found more than a reason to read the whole.
#[must_use]
pub fn check_tail(tail: &TarTail, context: &BackupContext) -> Vec<BackupFault> {
    let labels = tail.backup_label.as_deref().zip(context.label.as_deref());
    let differs = labels.is_some_and(|(found, stated)| found != stated.as_bytes());
    let label = differs.then_some(BackupFault::Label);
    let control = ControlFindings::of(tail.control, context).faults;
    label.into_iter().chain(control).collect()
}
