//! Words for reasons.

use crate::report::UnreadReason;

/// Describes why something was not read, as a clause.
pub(super) const fn unread_in_words(reason: UnreadReason) -> &'static str {
    match reason {
        UnreadReason::Budget => "it is larger than what was left of --max-bytes",
        UnreadReason::Cold => "it is in a storage class without immediate access",
        UnreadReason::DryRun => "this is a dry run",
        UnreadReason::Ended => "the reads ended before",
        UnreadReason::Gone => "it was deleted or replaced since the scan",
    }
}
