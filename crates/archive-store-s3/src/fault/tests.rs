//! Meaning of errors, and the texts about them.

use super::*;

const AWS: CallTarget<'_> = CallTarget {
    bucket: "b",
    endpoint: None,
    region: "us-east-1",
    path_style: false,
};

fn explained(operation: Operation, status: u16, code: &str) -> (ErrorKind, ErrorScope) {
    let answer = ErrorAnswer {
        status,
        code: code.to_owned(),
        ..ErrorAnswer::default()
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
        (
            412,
            "PreconditionFailed",
            (NotFound, ErrorScope::ReplacedObject),
        ),
        (412, "", (NotFound, ErrorScope::ReplacedObject)),
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
fn a_missing_permission_concerns_only_what_was_asked_for() {
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
    let moved = ErrorAnswer {
        status: 301,
        code,
        region,
        ..ErrorAnswer::default()
    };
    let code = "AccessDenied".to_owned();
    let denied = ErrorAnswer {
        status: 403,
        code,
        ..ErrorAnswer::default()
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
        "AWS S3 did not answer in time when asked for the listing of `p/`: check its load, \
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
        let answer = ErrorAnswer {
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
        Fault::Answer(ErrorAnswer {
            status,
            code: code.to_owned(),
            ..ErrorAnswer::default()
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
