//! Calls of a store and their outcomes, as closed sets.

/// Kind of a failure, as `barman_cloud_scan_errors_total` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// Credentials that the store does not accept, or that do not permit the call.
    Auth,
    /// Request for a lower request rate that persisted through all retries.
    Throttled,
    /// Bucket that does not exist at this endpoint, or that belongs to another region. Also an object,
    /// or a version of it, that does not exist any more, which ends no scan.
    NotFound,
    /// No connection: name resolution, refused connection, or TLS.
    Network,
    /// No response in time.
    Timeout,
    /// Invalid response, or an internal error of the store.
    Protocol,
    /// Internal error of the exporter.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Auth,
        Self::Throttled,
        Self::NotFound,
        Self::Network,
        Self::Timeout,
        Self::Protocol,
        Self::Internal,
    ];

    /// The kind as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Throttled => "throttled",
            Self::NotFound => "not_found",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Internal => "internal",
        }
    }
}

/// A call of the S3 API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Listing of a page of objects.
    ListObjectsV2,
    /// Reading of an object, or of a part of it.
    GetObject,
    /// Reading of the checksums that the store keeps of an object.
    HeadObject,
    /// Listing of a page of unfinished uploads.
    ListMultipartUploads,
    /// Listing of a page of an unfinished upload's parts.
    ListParts,
}

impl Operation {
    /// Every call, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::ListObjectsV2,
        Self::GetObject,
        Self::HeadObject,
        Self::ListMultipartUploads,
        Self::ListParts,
    ];

    /// The call's name in the S3 API, as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::ListObjectsV2 => "ListObjectsV2",
            Self::GetObject => "GetObject",
            Self::HeadObject => "HeadObject",
            Self::ListMultipartUploads => "ListMultipartUploads",
            Self::ListParts => "ListParts",
        }
    }
}

/// Outcome of one request, as `barman_cloud_s3_requests_total` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestOutcome {
    /// Successful response.
    Success,
    /// Request by the store for a lower request rate.
    Throttled,
    /// No response in time.
    Timeout,
    /// Response with any other error, or no connection.
    Error,
}

impl RequestOutcome {
    /// Every outcome, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Success, Self::Throttled, Self::Timeout, Self::Error];

    /// The outcome as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }
}
