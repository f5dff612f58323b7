//! Why a backup is neither whole nor under way, in words.

use chrono::{DateTime, Utc};

use super::human::{ago, quoted};
use crate::report::{BackupReport, IncompleteReason};

/// What an incomplete backup lacks, as the rest of a sentence.
pub(super) fn what_is_missing(backup: &BackupReport, now: DateTime<Utc>) -> String {
    let status = backup.info.as_ref().map(|info| info.status().to_string()).unwrap_or_default();
    match backup.incomplete_reason() {
        None => String::new(),
        Some(IncompleteReason::MissingInfo) => ": its backup.info is missing".to_owned(),
        Some(IncompleteReason::MissingData) => {
            let missing: Vec<_> = backup.missing_data.iter().collect();
            format!(": Barman calls it done, but it lacks {}", missing.join(", "))
        }
        Some(IncompleteReason::NeverBegun) => {
            format!(": by its backup.info it never began (status {status})")
        }
        Some(IncompleteReason::NeverEnded) => {
            let began = backup.began_at.map(|at| format!("began {}", ago(at, now)));
            let began = began.unwrap_or_else(|| "began at an unknown time".to_owned());
            let end = match status.as_str() {
                "STARTED" => "ended".to_owned(),
                _ => format!("got beyond the status {status}"),
            };
            format!(": it {began}, longer than `backups.maxRunningTime`, and never {end}")
        }
        Some(IncompleteReason::UnknownStatus) => {
            format!(
                ": its backup.info has the status `{}`, which Barman does not know",
                quoted(&status)
            )
        }
    }
}
