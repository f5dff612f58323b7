//! Values of closed sets in JSON.

use std::cmp::Ordering;
use std::fmt;

use archive_store::ErrorKind;
use barman_archive::barman::KeepTarget;
use barman_archive::inventory::UnreadableReason;
use barman_archive::retention::{RetentionBlock, RetentionStatus};
use serde::{Serialize, Serializer};
use tls_certificates::x509::CertificateSource;

use super::BackupVerdictLabel;
use crate::evidence::{ContentVerdict, Depth, Level};
use crate::health::{FindingCode, Severity};
use crate::report::{
    BackupState, IncompleteReason, PrefixKind, ReclaimReason, RefusedKind, WalAnomaly,
};

/// Value of a closed set that has a label: the word for it in JSON and in metrics.
pub trait AsLabel: Copy + Eq {
    /// The value as its label.
    fn label(self) -> &'static str;
}

/// Implements [`AsLabel`] for types that have a method for it.
macro_rules! labelled {
    ($($type:ty: $method:ident,)*) => {
        $(impl AsLabel for $type {
            fn label(self) -> &'static str {
                self.$method()
            }
        })*
    };
}

labelled! {
    BackupState: as_label,
    BackupVerdictLabel: as_label,
    CertificateSource: as_label,
    ContentVerdict: as_label,
    Depth: as_label,
    ErrorKind: as_label,
    FindingCode: as_label,
    IncompleteReason: as_label,
    KeepTarget: as_label,
    Level: as_label,
    PrefixKind: as_label,
    ReclaimReason: as_label,
    RefusedKind: as_label,
    RetentionBlock: as_label,
    RetentionStatus: as_str,
    Severity: as_label,
    UnreadableReason: as_label,
    WalAnomaly: as_label,
}

/// Value that is serialized, shown and ordered by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label<T>(pub T);

impl<T: AsLabel> fmt::Display for Label<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.label())
    }
}

impl<T: AsLabel> Serialize for Label<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.label())
    }
}

impl<T: AsLabel> Ord for Label<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.label().cmp(other.0.label())
    }
}

impl<T: AsLabel> PartialOrd for Label<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
