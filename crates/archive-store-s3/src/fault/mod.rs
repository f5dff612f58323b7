//! Meaning of a failed call. The advice for operators is in `advice.rs`.
//!
//! Knows the error codes of the S3 API and its imitations, but nothing of the SDK.

#[cfg(test)]
mod tests;

use archive_store::{ErrorKind, ErrorScope, Operation};

/// Call that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    /// Operation that was called.
    pub(super) operation: Operation,
    /// Key or prefix that was requested.
    pub(super) key: &'a str,
}

/// Destination of the call, for the texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallTarget<'a> {
    /// Name of the bucket.
    pub(super) bucket: &'a str,
    /// Endpoint of the store; `None` for AWS.
    pub(super) endpoint: Option<&'a str>,
    /// Region that requests are signed for.
    pub(super) region: &'a str,
    /// True if the bucket's name is in the path of the URL.
    pub(super) path_style: bool,
}

/// Kind of failure.
#[derive(Debug)]
pub(super) enum Fault {
    /// Error that the store answered with.
    Answer(ErrorAnswer),
    /// No credentials, with the reason.
    NoCredentials(String),
    /// No answer in time.
    Timeout,
    /// No TLS connection, with the reason.
    NoTls(String),
    /// No connection, or it broke.
    NoConnection,
    /// Answer that makes no sense.
    Senseless,
    /// Answer about another version of an object than the one that was asked for.
    Replaced,
    /// Whole object in answer to the request for a range of it.
    WholeObject,
    /// Request that could not be built.
    Unbuildable,
}

/// Error that the store answered with.
#[derive(Debug, Default)]
pub(super) struct ErrorAnswer {
    /// HTTP status.
    pub(super) status: u16,
    /// S3 error code; empty if the answer does not have one.
    pub(super) code: String,
    /// Message of the store besides its code; empty if there is none.
    pub(super) message: String,
    /// Region that the store names as the right one; `None` if it does not name any.
    pub(super) region: Option<String>,
}

/// Subject of an error code of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultMeaning {
    Expired,
    UnknownKey,
    WrongSecret,
    WrongClock,
    WrongRegion,
    Elsewhere,
    Denied,
    /// Refusal by something in front of the store, such as a proxy, which does not answer as S3 does.
    Intercepted,
    /// Cap, quota, or account that is not in good standing.
    Capped,
    /// Bucket's name in the wrong part of the URL.
    Addressing,
    NoBucket,
    NoObject,
    /// Other version of an object than the one that was asked for.
    OtherVersion,
    Unreadable,
    UnknownCall,
    Busy,
    Late,
    /// Refusal of this one request, for an unknown reason.
    Rejected,
    Other,
}

/// Error codes about caps, quotas and the state of an account, from Backblaze, Cloudflare,
/// `MinIO`, Ceph, Alibaba and Amazon.
const CAPS: [&str; 11] = [
    "TransactionCapExceeded",
    "DownloadCapExceeded",
    "StorageCapExceeded",
    "QuotaExceeded",
    "RequestQuotaExceeded",
    "ServiceQuotaExceededException",
    "XMinioAdminBucketQuotaExceeded",
    "AccountProblem",
    "AllAccessDisabled",
    "UserDisable",
    "UserSuspended",
];

/// Phrases, in lower case, of messages that report a cap under a code that does not.
///
/// Backblaze answers every refusal with `AccessDenied`.
const CAPS_IN_WORDS: [&str; 4] = ["cap exceeded", "caps & alerts", "quota", "limit exceeded"];

impl ErrorAnswer {
    /// Returns the region that the bucket is in, if the store names it and the request failed for
    /// going to another one.
    pub(super) fn region_to_follow(&self, operation: Operation) -> Option<&str> {
        let meaning = self.meaning(operation);
        let is_elsewhere = matches!(meaning, FaultMeaning::WrongRegion | FaultMeaning::Elsewhere);
        self.region.as_deref().filter(|_| is_elsewhere)
    }

    fn is_about_a_cap(&self) -> bool {
        let message = self.message.to_lowercase();
        CAPS_IN_WORDS.iter().any(|words| message.contains(words))
    }

    /// Returns the meaning of a code about credentials; `None` for other codes.
    fn meaning_for_credentials(&self) -> Option<FaultMeaning> {
        Some(match self.code.as_str() {
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => {
                FaultMeaning::Expired
            }
            "InvalidAccessKeyId"
            | "InvalidToken"
            | "InvalidClientTokenId"
            | "InvalidSecurity"
            | "MissingAuthenticationToken"
            | "UnrecognizedClientException" => FaultMeaning::UnknownKey,
            "SignatureDoesNotMatch" => FaultMeaning::WrongSecret,
            "RequestTimeTooSkewed" | "RequestExpired" => FaultMeaning::WrongClock,
            _ => return None,
        })
    }

    pub(super) fn meaning(&self, operation: Operation) -> FaultMeaning {
        if let Some(meaning) = self.meaning_for_credentials() {
            return meaning;
        }
        match self.code.as_str() {
            "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException"
            | "InvalidRegion"
            | "InvalidRegionName" => FaultMeaning::WrongRegion,
            // Codes of Alibaba, Huawei and Tencent.
            "SecondLevelDomainForbidden"
            | "VirtualHostDomainRequired"
            | "PathStyleDomainForbidden" => FaultMeaning::Addressing,
            code if CAPS.contains(&code) => FaultMeaning::Capped,
            "AccessDenied" if self.is_about_a_cap() => FaultMeaning::Capped,
            "PermanentRedirect" | "TemporaryRedirect" => FaultMeaning::Elsewhere,
            "NoSuchBucket" | "InvalidBucketName" => FaultMeaning::NoBucket,
            "NoSuchKey" if reads_object(operation) => FaultMeaning::NoObject,
            "PreconditionFailed" if reads_object(operation) => FaultMeaning::OtherVersion,
            "InvalidObjectState" | "InvalidRequest" if reads_object(operation) => {
                FaultMeaning::Unreadable
            }
            code if code.starts_with("KMS.") && reads_object(operation) => FaultMeaning::Unreadable,
            "NotImplemented" | "MethodNotAllowed" if operation != Operation::GetObject => {
                FaultMeaning::UnknownCall
            }
            "SlowDown"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
            | "RequestThrottled"
            | "RequestThrottledException" => FaultMeaning::Busy,
            code if code.starts_with("Thrott") || code.starts_with("TooManyRequests") => {
                FaultMeaning::Busy
            }
            "RequestTimeout" => FaultMeaning::Late,
            "AccessDenied" => FaultMeaning::Denied,
            _ => self.meaning_of_status(operation),
        }
    }

    fn meaning_of_status(&self, operation: Operation) -> FaultMeaning {
        match (self.status, operation) {
            (301 | 302 | 307 | 308, _) => FaultMeaning::Elsewhere,
            (401, _) => FaultMeaning::UnknownKey,
            // An S3-compatible store sends a code with every refusal, except in answer to a HEAD.
            (403, Operation::HeadObject) => FaultMeaning::Denied,
            (403, _) if self.code.is_empty() => FaultMeaning::Intercepted,
            (403, _) => FaultMeaning::Denied,
            (404, Operation::GetObject | Operation::HeadObject) => FaultMeaning::NoObject,
            (404, Operation::ListObjectsV2) => FaultMeaning::NoBucket,
            (405, Operation::GetObject) => FaultMeaning::Rejected,
            (412, operation) if reads_object(operation) => FaultMeaning::OtherVersion,
            (404 | 405 | 501, _) => FaultMeaning::UnknownCall,
            // Answer of a proxy, which did not forward the request.
            (407, _) => FaultMeaning::Other,
            (408 | 504, _) => FaultMeaning::Late,
            (429 | 503, _) => FaultMeaning::Busy,
            (400..=499, operation) if operation != Operation::ListObjectsV2 => {
                FaultMeaning::Rejected
            }
            _ => FaultMeaning::Other,
        }
    }
}

impl FaultMeaning {
    pub(super) fn kind(self) -> ErrorKind {
        match self {
            Self::Expired
            | Self::UnknownKey
            | Self::WrongSecret
            | Self::WrongClock
            | Self::WrongRegion
            | Self::Denied => ErrorKind::Auth,
            Self::Elsewhere | Self::NoBucket | Self::NoObject | Self::OtherVersion => {
                ErrorKind::NotFound
            }
            Self::Busy | Self::Capped => ErrorKind::Throttled,
            Self::Intercepted => ErrorKind::Network,
            Self::Late => ErrorKind::Timeout,
            Self::Addressing
            | Self::Unreadable
            | Self::UnknownCall
            | Self::Rejected
            | Self::Other => ErrorKind::Protocol,
        }
    }

    /// Returns the calls that the failure affects: bad credentials affect every call, a refusal only
    /// this one.
    pub(super) fn scope(self, operation: Operation) -> ErrorScope {
        match (self, operation) {
            (Self::NoObject, _) => return ErrorScope::GoneObject,
            (Self::OtherVersion, _) => return ErrorScope::ReplacedObject,
            (Self::UnknownCall, Operation::HeadObject) => return ErrorScope::RefusedCall,
            (_, _) => {}
        }
        let (is_refused, refused) = match operation {
            Operation::GetObject | Operation::HeadObject => {
                (self.is_refused_object(), ErrorScope::RefusedObject)
            }
            Operation::ListMultipartUploads | Operation::ListParts => {
                (self.is_refused_question(), ErrorScope::RefusedCall)
            }
            Operation::ListObjectsV2 => (self == Self::Denied, ErrorScope::RefusedCall),
        };
        if is_refused {
            refused
        } else {
            ErrorScope::Scan
        }
    }

    /// Returns whether the failure of reading an object says nothing about other objects.
    const fn is_refused_object(self) -> bool {
        matches!(
            self,
            Self::Unreadable | Self::Denied | Self::Intercepted | Self::Capped | Self::Rejected
        )
    }

    /// Returns whether the failure of asking for uploads or their parts says nothing about other
    /// calls.
    const fn is_refused_question(self) -> bool {
        matches!(
            self,
            Self::Denied | Self::Intercepted | Self::UnknownCall | Self::Rejected
        )
    }
}

/// Returns whether an operation is about the content of one object.
const fn reads_object(operation: Operation) -> bool {
    match operation {
        Operation::GetObject | Operation::HeadObject => true,
        Operation::ListObjectsV2 | Operation::ListMultipartUploads | Operation::ListParts => false,
    }
}
