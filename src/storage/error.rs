//! Why object storage could not be read.

use std::error::Error;

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

/// What a refusal or a failure means for the one object or call it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It says nothing about other calls' chances: the scan cannot go on.
    Scan,
    /// The object does not exist (any more).
    GoneObject,
    /// The object exists, but its content is not to be had: access denied to it, a key of its own
    /// (SSE-C, KMS), a cold storage class.
    RefusedObject,
    /// The object is larger than the caller takes.
    TooLargeObject,
    /// The store does not know this call, or does not allow it to these credentials.
    RefusedCall,
}

/// A call to object storage that failed, retries included.
///
/// The text says what to do about it, where that can be told.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StorageError {
    kind: ErrorKind,
    reach: Reach,
    message: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StorageError {
    /// An error of this kind and reach. The text must hold no secret.
    #[must_use]
    pub fn new(kind: ErrorKind, reach: Reach, message: impl Into<String>) -> Self {
        Self {
            kind,
            reach,
            message: message.into(),
            source: None,
        }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Kind of the failure.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What it means for the object or call.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }
}
