//! Listings of objects.

use std::collections::BTreeSet;

use embedded_s3::{Object, Operation, Options, Server};

use crate::client::{BUCKET, list, moment, serve, store_of};

/// All keys, page by page, each as long as the server or `max_keys` allows.
async fn all_keys(server: &Server, max_keys: Option<&str>) -> (Vec<String>, usize) {
    let (mut keys, mut pages, mut token) = (Vec::new(), 0, None);
    loop {
        let mut parameters = vec![];
        parameters.extend(max_keys.map(|max_keys| ("max-keys", max_keys)));
        parameters.extend(token.as_deref().map(|token| ("continuation-token", token)));
        let page = list(server, &parameters).await;
        let on_page = page.all("Key");
        assert_eq!(page.one("KeyCount"), Some(on_page.len().to_string()));
        assert_eq!(page.one("ContinuationToken"), token);
        keys.extend(on_page);
        pages += 1;
        token = page.one("NextContinuationToken");
        assert_eq!(page.one("IsTruncated"), Some(token.is_some().to_string()));
        if token.is_none() {
            return (keys, pages);
        }
    }
}

#[tokio::test]
async fn full_pages_hold_a_thousand_keys_and_together_all_of_them() {
    let store = store_of((0..2500).map(|number| format!("key/{}", number * 7919 % 2500)));
    let server = serve(&store, 1000).await;

    let (keys, pages) = all_keys(&server, None).await;

    assert_eq!((keys, pages), (store.keys(BUCKET), 3));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn small_pages_hold_all_keys_in_the_order_of_their_bytes() {
    let keys = [
        "b",
        "a",
        "a b",
        "a+b",
        "a%2Fb",
        "ä",
        "a/b",
        "Z",
        "\u{10ffff}",
        "<&>",
        "a//",
    ];
    let sorted: BTreeSet<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let sorted: Vec<_> = sorted.into_iter().collect();
    let store = store_of(keys);

    let by_server = all_keys(&serve(&store, 2).await, None).await;
    let by_client = all_keys(&serve(&store, 1000).await, Some("1")).await;
    let capped = all_keys(&serve(&store, 3).await, Some("1000")).await;

    assert_eq!(by_server, (sorted.clone(), 6));
    assert_eq!(by_client, (sorted.clone(), 11));
    assert_eq!(capped, (sorted, 4));
}

#[tokio::test]
async fn a_page_that_ends_with_the_last_key_is_the_last() {
    let server = serve(&store_of(["a", "b"]), 2).await;

    assert_eq!(all_keys(&server, None).await.1, 1);
}

#[tokio::test]
async fn entries_tell_what_was_recorded() {
    let store = store_of(["plain"]);
    store.put(
        BUCKET,
        "zeros",
        Object::zeros(100_000_000_000, moment()).stored_as("GLACIER"),
    );
    let server = serve(&store, 1000).await;

    let page = list(&server, &[]).await;

    assert_eq!(page.status, 200);
    assert_eq!(page.one("Name").as_deref(), Some(BUCKET));
    assert_eq!(page.one("MaxKeys").as_deref(), Some("1000"));
    assert_eq!(page.all("Size"), ["3", "100000000000"]);
    assert_eq!(page.all("LastModified"), ["2023-11-14T22:13:20.250Z"; 2]);
    assert_eq!(page.all("StorageClass"), ["STANDARD", "GLACIER"]);
    assert_eq!(page.all("ETag")[0], "\"900150983cd24fb0d6963f7d28e17f72\"");
}

#[tokio::test]
async fn only_the_prefix_is_listed() {
    let server = serve(&store_of(["a", "b/1", "b/2", "c"]), 1000).await;

    let page = list(&server, &[("prefix", "b/")]).await;

    assert_eq!(page.all("Key"), ["b/1", "b/2"]);
    assert_eq!(page.one("Prefix").as_deref(), Some("b/"));
}

#[tokio::test]
async fn a_delimiter_of_any_length_rolls_keys_up_across_pages() {
    let store = store_of(["w/1--a", "w/1--b", "w/1-c", "w/2--d", "w/3", "x"]);
    let server = serve(&store, 2).await;

    let query = [("prefix", "w/"), ("delimiter", "--")];
    let first = list(&server, &query).await;
    let token = first.one("NextContinuationToken").unwrap();
    let second = list(
        &server,
        &[query[0], query[1], ("continuation-token", &token)],
    )
    .await;

    assert_eq!(
        (first.common_prefixes(), first.all("Key")),
        (vec!["w/1--".into()], vec!["w/1-c".into()])
    );
    assert_eq!(
        (second.common_prefixes(), second.all("Key")),
        (vec!["w/2--".into()], vec!["w/3".into()])
    );
    assert_eq!(second.one("KeyCount").as_deref(), Some("2"));
    assert_eq!(second.one("IsTruncated").as_deref(), Some("false"));
}

#[tokio::test]
async fn a_listing_starts_after_any_name() {
    let server = serve(&store_of(["a", "b", "c"]), 1).await;

    let present = list(&server, &[("start-after", "a")]).await;
    let absent = list(&server, &[("start-after", "aa")]).await;
    let token = present.one("NextContinuationToken").unwrap();
    let next = list(
        &server,
        &[("start-after", "a"), ("continuation-token", &token)],
    )
    .await;

    assert_eq!(present.all("Key"), ["b"]);
    assert_eq!(present.one("StartAfter").as_deref(), Some("a"));
    assert_eq!(absent.all("Key"), ["b"]);
    assert_eq!(next.all("Key"), ["c"]);
}

#[tokio::test]
async fn keys_are_percent_encoded_when_asked_for() {
    let key = "d r/a+b%ä\u{1}~(*)\"'-._";
    let store = store_of([key]);
    let by_percent = Options {
        space_as_plus: false,
        ..Options::default()
    };
    let like_aws = serve(&store, 1000).await;
    let by_percent = Server::start(store, by_percent).await.unwrap();

    let query = [("encoding-type", "url"), ("prefix", "d r/")];
    let plus = list(&like_aws, &query).await;
    let percent = list(&by_percent, &query).await;
    let rolled_up = list(&like_aws, &[("encoding-type", "url"), ("delimiter", " r")]).await;

    assert_eq!(
        plus.all("Key"),
        ["d+r/a%2Bb%25%C3%A4%01%7E%28*%29%22%27-._"]
    );
    assert_eq!(plus.one("Prefix").as_deref(), Some("d+r/"));
    assert_eq!(plus.one("EncodingType").as_deref(), Some("url"));
    assert_eq!(
        percent.all("Key"),
        ["d%20r/a%2Bb%25%C3%A4%01%7E%28*%29%22%27-._"]
    );
    assert_eq!(rolled_up.common_prefixes(), ["d+r"]);
    assert_eq!(rolled_up.one("Delimiter").as_deref(), Some("+r"));
}

#[tokio::test]
async fn a_token_that_was_never_given_out_is_refused() {
    let server = serve(&store_of(["a"]), 1000).await;

    let page = list(&server, &[("continuation-token", "made up")]).await;

    assert_eq!(
        (page.status, page.one("Code").as_deref()),
        (400, Some("InvalidArgument"))
    );
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_no_empty_bucket() {
    let store = store_of([""; 0]);
    let server = serve(&store, 1000).await;

    assert_eq!(
        list(&server, &[]).await.one("KeyCount").as_deref(),
        Some("0")
    );
    let answer = crate::client::get(&server, "nowhere?list-type=2").await;

    assert_eq!(
        (answer.status, answer.one("Code").as_deref()),
        (404, Some("NoSuchBucket"))
    );
}

#[tokio::test]
async fn requests_are_logged_until_they_are_cleared() {
    let server = serve(&store_of(["a"]), 1000).await;

    list(&server, &[("prefix", "a b+")]).await;

    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (requests[0].operation, requests[0].status),
        (Operation::ListObjects, Some(200))
    );
    assert_eq!(
        (requests[0].method.as_str(), requests[0].path.as_str()),
        ("GET", "/bucket")
    );
    assert_eq!(requests[0].parameter("prefix"), Some("a b+"));
    server.clear_requests();
    assert_eq!(server.requests(), []);
}
