//! How scans and their requests end, as closed sets.

/// How a scan ended, as `barman_cloud_scans_total` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScanOutcome {
    /// It read everything it had to.
    Success,
    /// It did not, and says why.
    Failure,
    /// It was ended at the time limit.
    Timeout,
    /// It did not begin, as the one before still ran.
    Skipped,
}

impl ScanOutcome {
    /// Every outcome, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Success, Self::Failure, Self::Timeout, Self::Skipped];

    /// The outcome as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Timeout => "timeout",
            Self::Skipped => "skipped",
        }
    }
}

/// Kind of a failure, as `barman_cloud_scan_errors_total` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// The store does not accept the credentials, or they do not allow the call.
    Auth,
    /// The store asks for fewer requests, and still did after the retries.
    Throttled,
    /// The bucket does not exist at this endpoint, or is another region's.
    NotFound,
    /// No connection: name resolution, refusal, TLS.
    Network,
    /// No answer in time.
    Timeout,
    /// An answer that makes no sense, or an error of the store's own.
    Protocol,
    /// The exporter's own fault.
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
    /// Lists a page of objects.
    ListObjectsV2,
    /// Reads an object.
    GetObject,
    /// Lists a page of unfinished uploads.
    ListMultipartUploads,
    /// Lists a page of an unfinished upload's parts.
    ListParts,
}

impl Operation {
    /// Every call, in the order of the documentation.
    pub const ALL: [Self; 4] =
        [Self::ListObjectsV2, Self::GetObject, Self::ListMultipartUploads, Self::ListParts];

    /// The call's name in the S3 API, as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::ListObjectsV2 => "ListObjectsV2",
            Self::GetObject => "GetObject",
            Self::ListMultipartUploads => "ListMultipartUploads",
            Self::ListParts => "ListParts",
        }
    }

    /// The permission that the call needs, as policies of AWS name it.
    #[must_use]
    pub const fn permission(self) -> &'static str {
        match self {
            Self::ListObjectsV2 => "s3:ListBucket",
            Self::GetObject => "s3:GetObject",
            Self::ListMultipartUploads => "s3:ListBucketMultipartUploads",
            Self::ListParts => "s3:ListMultipartUploadParts",
        }
    }
}

/// How one request ended, as `barman_cloud_s3_requests_total` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestOutcome {
    /// The store answered what was asked for.
    Success,
    /// The store asked for fewer requests.
    Throttled,
    /// No answer came in time.
    Timeout,
    /// The store answered with another error, or there was no connection.
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
