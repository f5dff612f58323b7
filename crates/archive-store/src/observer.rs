//! Observation of the requests that a scan sends.

use crate::{Operation, RequestOutcome};

/// Observer of every request that is sent, including retries.
///
/// Requests for credentials (STS, instance metadata) do not belong to the archive and are not reported.
pub trait RequestObserver: Send + Sync {
    /// Notes that a request has ended.
    fn request_sent(&self, operation: Operation, outcome: RequestOutcome);
}
