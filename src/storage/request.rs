//! Requests to object storage, as they are counted.

/// A call of the S3 API that the exporter uses.
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
    pub const ALL: [Self; 4] = [
        Self::ListObjectsV2,
        Self::GetObject,
        Self::ListMultipartUploads,
        Self::ListParts,
    ];

    /// The call as the value of a label: its name in the S3 API.
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
    pub(super) const fn permission(self) -> &'static str {
        match self {
            Self::ListObjectsV2 => "s3:ListBucket",
            Self::GetObject => "s3:GetObject",
            Self::ListMultipartUploads => "s3:ListBucketMultipartUploads",
            Self::ListParts => "s3:ListMultipartUploadParts",
        }
    }
}

/// How one request ended, as far as the head of the answer tells.
///
/// A refusal counts as an error, and so does an object that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestOutcome {
    /// The store answered what was asked for.
    Success,
    /// The store asks for fewer requests (status 429 or 503).
    Throttled,
    /// No answer in time, or nobody waited for it any longer.
    Timeout,
    /// Any other answer, or none.
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

/// Hears of every request that was sent, retries included.
///
/// Requests for credentials (STS, instance metadata) are not the archive's and not reported.
pub trait RequestObserver: Send + Sync {
    /// A request ended.
    fn request_sent(&self, operation: Operation, outcome: RequestOutcome);
}
