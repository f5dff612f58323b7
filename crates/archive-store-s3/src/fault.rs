//! Meaning of a failed call. The advice for operators is in `advice.rs`.
//!
//! Knows the error codes of the S3 API and its imitations, but nothing of the SDK.

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
    Answer(Answer),
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
    /// Request that could not be built.
    Unbuildable,
}

/// Error that the store answered with.
#[derive(Debug, Default)]
pub(super) struct Answer {
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

impl Answer {
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
            "NoSuchKey" if operation == Operation::GetObject => FaultMeaning::NoObject,
            "InvalidObjectState" | "InvalidRequest" if operation == Operation::GetObject => {
                FaultMeaning::Unreadable
            }
            code if code.starts_with("KMS.") && operation == Operation::GetObject => {
                FaultMeaning::Unreadable
            }
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
            // An S3-compatible store sends a code with every refusal.
            (403, _) if self.code.is_empty() => FaultMeaning::Intercepted,
            (403, _) => FaultMeaning::Denied,
            (404, Operation::GetObject) => FaultMeaning::NoObject,
            (404, Operation::ListObjectsV2) => FaultMeaning::NoBucket,
            (405, Operation::GetObject) => FaultMeaning::Rejected,
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
            Self::Elsewhere | Self::NoBucket | Self::NoObject => ErrorKind::NotFound,
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
    pub(super) fn reach(self, operation: Operation) -> ErrorScope {
        match (self, operation) {
            (Self::NoObject, _) => ErrorScope::GoneObject,
            (
                Self::Unreadable | Self::Denied | Self::Intercepted | Self::Capped | Self::Rejected,
                Operation::GetObject,
            ) => ErrorScope::RefusedObject,
            (
                Self::Denied | Self::Intercepted | Self::UnknownCall | Self::Rejected,
                Operation::ListMultipartUploads | Operation::ListParts,
            )
            | (Self::Denied, Operation::ListObjectsV2) => ErrorScope::RefusedCall,
            _ => ErrorScope::Scan,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWS: CallTarget<'_> = CallTarget {
        bucket: "b",
        endpoint: None,
        region: "us-east-1",
        path_style: false,
    };

    fn explained(operation: Operation, status: u16, code: &str) -> (ErrorKind, ErrorScope) {
        let answer = Answer {
            status,
            code: code.to_owned(),
            ..Answer::default()
        };
        let error = AWS.explain(
            Call {
                operation,
                key: "k",
            },
            &Fault::Answer(answer),
        );
        (error.kind(), error.scope())
    }

    #[test]
    fn bad_credentials_end_the_scan_whatever_was_asked() {
        for operation in Operation::ALL {
            for (status, code) in [
                (400, "ExpiredToken"),
                (403, "InvalidAccessKeyId"),
                (403, "SignatureDoesNotMatch"),
                (400, "InvalidToken"),
                (400, "TokenRefreshRequired"),
                (403, "RequestTimeTooSkewed"),
                (400, "AuthorizationHeaderMalformed"),
                (401, ""),
            ] {
                let found = explained(operation, status, code);

                assert_eq!(
                    found,
                    (ErrorKind::Auth, ErrorScope::Scan),
                    "{operation:?} {code}"
                );
            }
        }
    }

    #[test]
    fn a_refused_object_concerns_itself_alone() {
        use ErrorKind::{Auth, Network, NotFound, Protocol, Throttled};
        for (status, code, expected) in [
            (403, "AccessDenied", (Auth, ErrorScope::RefusedObject)),
            (
                403,
                "DownloadCapExceeded",
                (Throttled, ErrorScope::RefusedObject),
            ),
            (403, "", (Network, ErrorScope::RefusedObject)),
            (
                403,
                "InvalidObjectState",
                (Protocol, ErrorScope::RefusedObject),
            ),
            (
                400,
                "KMS.DisabledException",
                (Protocol, ErrorScope::RefusedObject),
            ),
            (400, "InvalidRequest", (Protocol, ErrorScope::RefusedObject)),
            (
                400,
                "InvalidArgument",
                (Protocol, ErrorScope::RefusedObject),
            ),
            (400, "", (Protocol, ErrorScope::RefusedObject)),
            (
                405,
                "MethodNotAllowed",
                (Protocol, ErrorScope::RefusedObject),
            ),
            (410, "", (Protocol, ErrorScope::RefusedObject)),
            (416, "InvalidRange", (Protocol, ErrorScope::RefusedObject)),
            (
                451,
                "UnavailableForLegalReasons",
                (Protocol, ErrorScope::RefusedObject),
            ),
            (404, "NoSuchKey", (NotFound, ErrorScope::GoneObject)),
            (404, "NotFound", (NotFound, ErrorScope::GoneObject)),
            (404, "NoSuchBucket", (NotFound, ErrorScope::Scan)),
        ] {
            assert_eq!(
                explained(Operation::GetObject, status, code),
                expected,
                "{code}"
            );
        }
    }

    #[test]
    fn what_concerns_more_than_one_object_ends_the_scan() {
        use ErrorKind::{Auth, NotFound, Protocol, Throttled, Timeout};
        for (status, code, kind) in [
            (400, "UnrecognizedClientException", Auth),
            (400, "InvalidRegion", Auth),
            (400, "InvalidBucketName", NotFound),
            (407, "", Protocol),
            (400, "RequestTimeout", Timeout),
            (408, "", Timeout),
            (429, "", Throttled),
            (500, "InternalError", Protocol),
            (501, "NotImplemented", Protocol),
            (502, "", Protocol),
        ] {
            for operation in [Operation::GetObject, Operation::ListMultipartUploads] {
                if status == 501 && operation != Operation::GetObject {
                    continue;
                }
                assert_eq!(
                    explained(operation, status, code),
                    (kind, ErrorScope::Scan),
                    "{code}"
                );
            }
        }
    }

    #[test]
    fn a_refused_listing_of_uploads_concerns_the_call_alone() {
        let unknown = (501, "NotImplemented", ErrorKind::Protocol);
        let forbidden = (405, "MethodNotAllowed", ErrorKind::Protocol);
        let [invalid, odd] =
            ["InvalidRequest", "InvalidArgument"].map(|code| (400, code, ErrorKind::Protocol));
        for (status, code, kind) in [unknown, forbidden, invalid, odd] {
            for (operation, reach) in [
                (Operation::ListMultipartUploads, ErrorScope::RefusedCall),
                (Operation::ListParts, ErrorScope::RefusedCall),
                (Operation::ListObjectsV2, ErrorScope::Scan),
            ] {
                assert_eq!(explained(operation, status, code), (kind, reach), "{code}");
            }
        }
    }

    #[test]
    fn a_permission_that_is_missing_concerns_what_was_asked_for_alone() {
        for operation in [
            Operation::ListObjectsV2,
            Operation::ListMultipartUploads,
            Operation::ListParts,
        ] {
            let found = explained(operation, 403, "AccessDenied");

            assert_eq!(
                found,
                (ErrorKind::Auth, ErrorScope::RefusedCall),
                "{operation:?}"
            );
        }
    }

    #[test]
    fn other_errors_have_the_kind_of_their_code_or_status() {
        for (status, code, kind) in [
            (503, "SlowDown", ErrorKind::Throttled),
            (429, "", ErrorKind::Throttled),
            (400, "ThrottlingException", ErrorKind::Throttled),
            (400, "RequestLimitExceeded", ErrorKind::Throttled),
            (404, "NoSuchBucket", ErrorKind::NotFound),
            (301, "PermanentRedirect", ErrorKind::NotFound),
            (504, "", ErrorKind::Timeout),
            (500, "InternalError", ErrorKind::Protocol),
            (418, "Teapot", ErrorKind::Protocol),
            (403, "", ErrorKind::Network),
            (403, "UserSuspended", ErrorKind::Throttled),
            (403, "SecondLevelDomainForbidden", ErrorKind::Protocol),
        ] {
            let found = explained(Operation::ListObjectsV2, status, code);

            assert_eq!(found, (kind, ErrorScope::Scan), "{code}");
        }
    }

    #[test]
    fn texts_say_what_to_do() {
        let region = Some("eu-west-1".to_owned());
        let code = "PermanentRedirect".to_owned();
        let moved = Answer {
            status: 301,
            code,
            region,
            ..Answer::default()
        };
        let code = "AccessDenied".to_owned();
        let denied = Answer {
            status: 403,
            code,
            ..Answer::default()
        };
        let list = Call {
            operation: Operation::ListObjectsV2,
            key: "p/",
        };
        let get = Call {
            operation: Operation::GetObject,
            key: "p/backup.info",
        };

        assert_eq!(
            AWS.explain(list, &Fault::Answer(moved)).to_string(),
            "bucket `b` is in region `eu-west-1`, not in `us-east-1`: \
             set `region` of this archive to `eu-west-1`"
        );
        assert_eq!(
            AWS.explain(list, &Fault::Timeout).to_string(),
            "asked for the listing of `p/`, AWS S3 did not answer in time: check its load, \
             `endpointURL` of this archive and the network"
        );
        assert_eq!(
            AWS.explain(get, &Fault::Answer(denied)).to_string(),
            "the credentials may not read `p/backup.info`: \
             allow `s3:GetObject` on `arn:aws:s3:::b/*`"
        );
    }

    #[test]
    fn the_code_decides_on_the_advice() {
        let place = |path_style| CallTarget {
            endpoint: Some("https://s.test"),
            path_style,
            ..AWS
        };
        let list = Call {
            operation: Operation::ListObjectsV2,
            key: "p/",
        };
        let advice = |path_style, code: &str, message: &str| {
            let (code, message) = (code.to_owned(), message.to_owned());
            let answer = Answer {
                status: 403,
                code,
                message,
                region: None,
            };
            place(path_style)
                .explain(list, &Fault::Answer(answer))
                .to_string()
        };
        for code in [
            "SecondLevelDomainForbidden",
            "VirtualHostDomainRequired",
            "PathStyleDomainForbidden",
        ] {
            let text = advice(true, code, "");
            assert!(
                text.ends_with("set `pathStyle` of this archive to `false`"),
                "{code}: {text}"
            );
            let text = advice(false, code, "");
            assert!(
                text.ends_with("check `endpointURL` of this archive"),
                "{code}: {text}"
            );
        }
        for code in ["InvalidRegionName", "AuthorizationHeaderMalformed"] {
            let text = advice(true, code, "");
            assert!(text.contains("check `region`"), "{code}: {text}");
        }
        for (code, message) in [
            (
                "AccessDenied",
                "Transaction cap exceeded, see the Caps & Alerts page.",
            ),
            ("AccessDenied", "You exceeded your Quota."),
            ("QuotaExceeded", ""),
            ("UserDisable", ""),
        ] {
            let text = advice(true, code, message);
            assert!(
                text.contains("cap, a quota or the state of the account"),
                "{code}: {text}"
            );
        }
        let text = advice(true, "", "");
        assert!(text.contains("a proxy or firewall"), "{text}");
    }

    #[test]
    fn texts_name_the_key_or_prefix_that_is_concerned() {
        let answer = |status, code: &str| {
            Fault::Answer(Answer {
                status,
                code: code.to_owned(),
                ..Answer::default()
            })
        };
        let faults = || {
            [
                Fault::Timeout,
                Fault::NoTls("why".to_owned()),
                Fault::NoConnection,
                Fault::Senseless,
                Fault::Unbuildable,
                answer(503, "SlowDown"),
                answer(504, ""),
                answer(500, "InternalError"),
                answer(501, "NotImplemented"),
                answer(403, "AccessDenied"),
                answer(403, ""),
                answer(403, "QuotaExceeded"),
                answer(418, "Teapot"),
            ]
        };
        for operation in Operation::ALL {
            for fault in faults() {
                let text = AWS
                    .explain(
                        Call {
                            operation,
                            key: "p/k",
                        },
                        &fault,
                    )
                    .to_string();
                assert!(text.contains("`p/k`"), "{operation:?}: {text}");
            }
            let complaint = AWS.contradiction(
                Call {
                    operation,
                    key: "p/k",
                },
                "has no `Key`",
            );
            assert!(
                complaint.to_string().ends_with("`p/k` has no `Key`"),
                "{complaint}"
            );
        }
        let everything = Call {
            operation: Operation::ListObjectsV2,
            key: "",
        };
        let text = AWS.explain(everything, &Fault::Senseless).to_string();
        assert!(text.contains("the listing of bucket `b`"), "{text}");
    }
}
