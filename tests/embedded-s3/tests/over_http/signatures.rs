//! Signed requests and TLS, by the SDK.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use embedded_s3::{Certificates, Content, Options, Server, Store};

use crate::client::{BUCKET, get, store_of};

async fn signed(store: &Store) -> Server {
    let credentials = Some(("id".to_owned(), "secret".to_owned()));
    let options = Options {
        credentials,
        page_limit: 2,
        ..Options::default()
    };
    Server::start(store.clone(), options).await.unwrap()
}

/// Client that trusts only this CA, or none.
fn client(server: &Server, id: &str, secret: &str, ca_pem: Option<&str>) -> Client {
    let trust = ca_pem.map_or(TrustStore::empty(), |ca| {
        TrustStore::empty().with_pem_certificate(ca)
    });
    let context = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .unwrap();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build_https();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(SharedHttpClient::new(http))
        .credentials_provider(Credentials::new(id, secret, None, None, "test"))
        .region(Region::new("us-east-1"))
        .endpoint_url(server.endpoint())
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

async fn listing_error(client: &Client) -> Option<String> {
    let error = client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap_err();
    error.code().map(str::to_owned)
}

#[tokio::test]
async fn the_sdk_pages_through_keys_of_all_kinds() {
    let keys = ["a b", "a%20b", "a+b", "a/b", "ä", "c&d"];
    let store = store_of(keys);
    let server = signed(&store).await;
    let client = client(&server, "id", "secret", None);

    let mut pages = client
        .list_objects_v2()
        .bucket(BUCKET)
        .into_paginator()
        .send();
    let mut listed = Vec::new();
    while let Some(page) = pages.try_next().await.unwrap() {
        listed.extend(
            page.contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
    }

    assert_eq!(listed, store.keys(BUCKET));
    for key in keys {
        let object = client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        assert_eq!(object.body.collect().await.unwrap().into_bytes(), "abc");
    }
}

#[tokio::test]
async fn the_sdk_puts_objects() {
    let store = store_of([""; 0]);
    let server = signed(&store).await;
    let client = client(&server, "id", "secret", None);

    let body = ByteStream::from_static(b"content");
    client
        .put_object()
        .bucket(BUCKET)
        .key("new")
        .body(body)
        .send()
        .await
        .unwrap();

    assert_eq!(
        store.get(BUCKET, "new").unwrap().content,
        Content::Bytes("content".into())
    );
}

#[tokio::test]
async fn wrong_keys_are_told_apart() {
    let server = signed(&store_of(["a"])).await;

    let wrong_secret = listing_error(&client(&server, "id", "wrong", None)).await;
    let unknown_id = listing_error(&client(&server, "nobody", "secret", None)).await;
    let unsigned = get(&server, "bucket?list-type=2").await;

    assert_eq!(wrong_secret.as_deref(), Some("SignatureDoesNotMatch"));
    assert_eq!(unknown_id.as_deref(), Some("InvalidAccessKeyId"));
    assert_eq!(
        (unsigned.status, unsigned.one("Code").as_deref()),
        (403, Some("AccessDenied"))
    );
}

#[tokio::test]
async fn a_server_without_keys_takes_any_signature() {
    let server = Server::start(store_of(["a"]), Options::default())
        .await
        .unwrap();
    let client = client(&server, "whoever", "whatever", None);

    assert!(client.head_bucket().bucket(BUCKET).send().await.is_ok());
}

#[tokio::test]
async fn only_who_trusts_the_ca_can_connect_by_tls() {
    let certificates = Certificates::generate().unwrap();
    let other = Certificates::generate().unwrap();
    let options = Options {
        tls: Some(certificates.tls()),
        ..Options::default()
    };
    let server = Server::start(store_of(["a"]), options).await.unwrap();

    let trusting = client(&server, "id", "secret", Some(&certificates.ca_pem));
    let doubting = client(&server, "id", "secret", Some(&other.ca_pem));

    assert!(server.endpoint().starts_with("https://127.0.0.1:"));
    assert!(trusting.head_bucket().bucket(BUCKET).send().await.is_ok());
    let error = doubting
        .head_bucket()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_certificate_that_makes_no_sense_ends_the_start() {
    let mut tls = Certificates::generate().unwrap().tls();
    tls.key_pem = "no key".to_owned();
    let options = Options {
        tls: Some(tls),
        ..Options::default()
    };

    assert!(Server::start(Store::default(), options).await.is_err());
}
