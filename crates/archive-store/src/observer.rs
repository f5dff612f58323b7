//! Telling what a scan costs.

use crate::{Operation, RequestOutcome};

/// Hears of every request that was sent, retries included.
///
/// Requests for credentials (STS, instance metadata) are not the archive's and not reported.
pub trait RequestObserver: Send + Sync {
    /// A request ended.
    fn request_sent(&self, operation: Operation, outcome: RequestOutcome);
}
