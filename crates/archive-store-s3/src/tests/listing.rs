//! Pages of listings.

use super::*;

#[tokio::test]
async fn a_page_is_decoded_when_the_store_says_that_it_is_encoded() {
    let (bench, _server) = bench(&[answer(
        200,
        "",
        "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
         <NextContinuationToken>a+b%20</NextContinuationToken>\
         <Contents><Key>p/a%2Bb+c</Key><Size>7</Size><ETag>&quot;e-1&quot;</ETag>\
         <LastModified>2026-01-02T03:04:05.000Z</LastModified>\
         <StorageClass>ODD</StorageClass></Contents>\
         <CommonPrefixes><Prefix>p/x%3D/</Prefix></CommonPrefixes></ListBucketResult>",
    )]);

    let page = bench.list().await.unwrap();

    let object = ListedObject {
        key: "p/a+b c".to_owned(),
        size: 7,
        last_modified: "2026-01-02T03:04:05Z".parse().unwrap(),
        etag: Some("e-1".to_owned()),
        storage_class: Some(StorageClass::of("ODD")),
    };
    let expected = ListPage {
        objects: vec![object],
        common_prefixes: vec!["p/x=/".to_owned()],
        next: Some("a+b%20".to_owned()),
    };
    assert_eq!(page, expected);
}

#[tokio::test]
async fn a_full_page_is_requested_within_the_given_bounds() {
    let (bench, server) = bench(&[answer(200, "", EMPTY_PAGE)]);
    let request = ListRequest {
        prefix: "p/".to_owned(),
        delimiter: Some('/'),
        start_after: Some("p/0".to_owned()),
        ..ListRequest::default()
    };

    bench.store.list_page(&request).await.unwrap();

    let head = &server.requests()[0];
    assert!(head.starts_with("GET /b/?list-type=2&"), "{head}");
    for part in [
        "delimiter=%2F",
        "encoding-type=url",
        "prefix=p%2F",
        "start-after=p%2F0",
    ] {
        assert!(head.contains(part), "{part} in {head}");
    }
    assert!(!head.contains("max-keys"), "{head}");
    assert!(
        head.contains("Credential=ID1/") && head.contains("/us-east-1/s3/"),
        "{head}"
    );
}

#[tokio::test]
async fn a_page_that_is_not_encoded_is_taken_verbatim() {
    let (bench, _server) = bench(&[answer(
        200,
        "",
        "<ListBucketResult><Contents><Key>a+b%20</Key><Size>0</Size>\
         <LastModified>2026-01-02T03:04:05Z</LastModified></Contents></ListBucketResult>",
    )]);

    let page = bench.list().await.unwrap();

    assert_eq!(page.objects[0].key, "a+b%20");
    assert_eq!((&page.objects[0].etag, &page.next), (&None, &None));
}

#[tokio::test]
async fn pages_that_make_no_sense_are_protocol_errors_that_say_why() {
    let at = "<LastModified>2026-01-02T03:04:05Z</LastModified>";
    for (content, missing) in [
        (
            "<IsTruncated>true</IsTruncated>".to_owned(),
            "NextContinuationToken",
        ),
        (format!("<Contents><Size>1</Size>{at}</Contents>"), "Key"),
        (format!("<Contents><Key>k</Key>{at}</Contents>"), "Size"),
        (
            format!("<Contents><Key>k</Key><Size>-1</Size>{at}</Contents>"),
            "Size",
        ),
        (
            "<Contents><Key>k</Key><Size>1</Size></Contents>".to_owned(),
            "LastModified",
        ),
        ("<CommonPrefixes></CommonPrefixes>".to_owned(), "Prefix"),
    ] {
        let body = format!("<ListBucketResult>{content}</ListBucketResult>");
        let (bench, _server) = bench(&[answer(200, "", &body)]);

        let error = bench.list_error().await;

        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(
            error.to_string().contains(&format!("`{missing}`")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn only_an_explicit_no_ends_a_listing_that_has_a_continuation() {
    let token = "<NextContinuationToken>t</NextContinuationToken>";
    for (truncated, token, next) in [
        ("", token, Some("t")),
        ("<IsTruncated>true</IsTruncated>", token, Some("t")),
        ("<IsTruncated>false</IsTruncated>", token, None),
        ("", "", None),
        ("", "<NextContinuationToken></NextContinuationToken>", None),
    ] {
        let body = format!("<ListBucketResult>{truncated}{token}</ListBucketResult>");
        let (bench, _server) = bench(&[answer(200, "", &body)]);

        let page = bench.list().await.unwrap();

        assert_eq!(page.next.as_deref(), next, "{body}");
    }
}

#[tokio::test]
async fn garbage_is_a_protocol_error() {
    for body in [
        "",
        "no xml",
        "<html><body>Welcome</body></html>",
        "<ListBucketResult><Contents>",
        "<ListBucketResult><IsTruncated>false</IsTruncated>",
    ] {
        let (bench, _server) = bench(&[answer(200, "", body)]);

        let error = bench.list_error().await;

        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}: {error}");
        assert!(error.to_string().contains("endpointURL"), "{body}: {error}");
        assert_eq!(bench.heard.outcomes(), [RequestOutcome::Success]);
    }
}

#[tokio::test]
async fn a_listing_that_does_not_advance_is_an_error() {
    let (bench, _server) = bench(&[answer(
        200,
        "",
        "<ListBucketResult><IsTruncated>true</IsTruncated>\
         <NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
    )]);
    let request = ListRequest {
        continuation: Some("t".to_owned()),
        ..ListRequest::default()
    };

    let error = bench.store.list_page(&request).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Protocol);
}
