//! Unfinished uploads and their parts.

use super::*;

fn uploads_page(key: &str, next: &str) -> Step {
    let next = if next.is_empty() {
        "<IsTruncated>false</IsTruncated>".to_owned()
    } else {
        format!(
            "<IsTruncated>true</IsTruncated><NextKeyMarker>{next}</NextKeyMarker>\
             <NextUploadIdMarker>u</NextUploadIdMarker>"
        )
    };
    let body = format!(
        "<ListMultipartUploadsResult><EncodingType>url</EncodingType>{next}\
         <Upload><Key>{key}</Key><UploadId>u</UploadId>\
         <Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload></ListMultipartUploadsResult>"
    );
    answer(200, "", &body)
}

#[tokio::test]
async fn uploads_are_listed_to_their_end() {
    let (bench, server) = bench(&[uploads_page("a%2Fb", "a%2Fb"), uploads_page("c", "")]);

    let uploads = bench.store.list_uploads("a").await.unwrap().uploads;

    let keys: Vec<_> = uploads.iter().map(|upload| upload.key.as_str()).collect();
    assert_eq!(keys, ["a/b", "c"]);
    assert_eq!(uploads[0].initiated_at, "2026-01-02T03:04:05Z".parse().ok());
    let head = &server.requests()[1];
    assert!(
        head.contains("key-marker=a%2Fb") && head.contains("upload-id-marker=u"),
        "{head}"
    );
}

#[tokio::test]
async fn an_upload_listing_with_a_marker_ends_only_when_told_so() {
    let page = |head: &str, key: &str| {
        answer(
            200,
            "",
            &format!(
                "<ListMultipartUploadsResult>{head}<Upload><Key>{key}</Key>\
                 <UploadId>u</UploadId></Upload></ListMultipartUploadsResult>"
            ),
        )
    };
    let marker = "<NextKeyMarker>a</NextKeyMarker>";
    let ended = format!("<IsTruncated>false</IsTruncated>{marker}");
    for (head, expected) in [(marker, 2), (ended.as_str(), 1), ("<NextKeyMarker/>", 1)] {
        let (bench, _server) = bench(&[page(head, "a"), page("", "b")]);

        let uploads = bench.store.list_uploads("").await.unwrap().uploads;

        assert_eq!(uploads.len(), expected, "{head}");
    }
    let (bench, _server) = bench(&[page("<IsTruncated>true</IsTruncated>", "a")]);
    let error = bench.store.list_uploads("").await.unwrap_err();
    assert!(error.to_string().contains("`NextKeyMarker`"), "{error}");
}

#[tokio::test]
async fn a_listing_of_parts_with_a_marker_ends_only_when_told_so() {
    let page = |head: &str| {
        let parts = "<Part><Size>5</Size></Part>";
        answer(
            200,
            "",
            &format!("<ListPartsResult>{head}{parts}</ListPartsResult>"),
        )
    };
    let marker = "<NextPartNumberMarker>1</NextPartNumberMarker>";
    let ended = format!("<IsTruncated>false</IsTruncated>{marker}");
    let none = "<NextPartNumberMarker>0</NextPartNumberMarker>";
    for (head, expected) in [(marker, 10), (ended.as_str(), 5), (none, 5)] {
        let (bench, _server) = bench(&[page(head), page("")]);

        assert_eq!(
            bench.store.upload_bytes(&upload()).await.unwrap(),
            Some(expected),
            "{head}"
        );
    }
    for head in [
        "<IsTruncated>true</IsTruncated>",
        "<NextPartNumberMarker>one</NextPartNumberMarker>",
    ] {
        let (bench, _server) = bench(&[page(head)]);

        let error = bench.store.upload_bytes(&upload()).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(
            error.to_string().contains("`NextPartNumberMarker`"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn upload_and_part_listings_that_do_not_advance_are_errors() {
    let (uploads, _server) = bench(&[uploads_page("a", "a"), uploads_page("b", "b")]);
    let parts = "<ListPartsResult><IsTruncated>true</IsTruncated>\
                 <NextPartNumberMarker>2</NextPartNumberMarker></ListPartsResult>";
    let (bench, _server) = bench(&[answer(200, "", parts)]);

    assert_eq!(
        uploads.store.list_uploads("").await.unwrap_err().kind(),
        ErrorKind::Protocol
    );
    assert_eq!(
        bench
            .store
            .upload_bytes(&upload())
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::Protocol
    );
}

fn upload() -> UnfinishedUpload {
    UnfinishedUpload {
        key: "k".to_owned(),
        upload_id: "u".to_owned(),
        initiated_at: None,
    }
}

#[tokio::test]
async fn the_parts_of_an_upload_are_summed() {
    let first = "<ListPartsResult><IsTruncated>true</IsTruncated>\
                 <NextPartNumberMarker>2</NextPartNumberMarker><Part><Size>3</Size></Part>\
                 <Part><Size>4</Size></Part></ListPartsResult>";
    let last = "<ListPartsResult><IsTruncated>false</IsTruncated>\
                <Part><Size>5</Size></Part></ListPartsResult>";
    let (bench, server) = bench(&[answer(200, "", first), answer(200, "", last)]);

    assert_eq!(bench.store.upload_bytes(&upload()).await.unwrap(), Some(12));
    assert!(server.requests()[1].contains("part-number-marker=2"));
}

#[tokio::test]
async fn an_upload_that_ended_has_no_bytes() {
    let (bench, _server) = bench(&[error(404, "NoSuchUpload")]);

    assert_eq!(bench.store.upload_bytes(&upload()).await.unwrap(), None);
}

#[tokio::test]
async fn a_store_without_listings_of_uploads_refuses_the_call() {
    for (status, code) in [
        (501, "NotImplemented"),
        (405, "MethodNotAllowed"),
        (403, "AccessDenied"),
    ] {
        let (bench, _server) = bench(&[error(status, code)]);

        let error = bench.store.list_uploads("").await.unwrap_err();

        assert_eq!(error.scope(), ErrorScope::RefusedCall, "{code}");
    }
}

#[tokio::test]
async fn a_store_that_takes_a_prefix_for_a_key_is_known_by_its_name() {
    let body = "<ListMultipartUploadsResult></ListMultipartUploadsResult>";
    for (server, coverage) in [
        ("MinIO", UploadCoverage::ExactKey),
        (
            "Minio/RELEASE.2018-02-09T22-40-05Z (linux; amd64)",
            UploadCoverage::ExactKey,
        ),
        ("Storj", UploadCoverage::ExactKey),
        ("AmazonS3", UploadCoverage::Prefix),
    ] {
        let (bench, _server) = bench(&[answer(200, &format!("server: {server}\r\n"), body)]);

        let listing = bench.store.list_uploads("p/").await.unwrap();

        assert_eq!(
            listing,
            UploadListing {
                uploads: vec![],
                coverage
            },
            "{server}"
        );
    }
}
