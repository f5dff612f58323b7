//! The SDK's own paginator, one page after the other: the exporter is compared with it.

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_sdk_s3::types::EncodingType;
use aws_sdk_s3::{Client, Config};
use s3_simulator::{BUCKET, PREFIX};

/// Use that is made of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    /// Nothing: every page is thrown away.
    ThrownAway,
    /// Every `backup.info` in it is read.
    BackupsRead,
}

/// Lists everything, page by page; how many objects there are.
pub(crate) async fn paginate(port: u16, pages: Pages) -> u64 {
    let client = client(port);
    let list = client.list_objects_v2().bucket(BUCKET).prefix(PREFIX);
    let mut paginator = list
        .encoding_type(EncodingType::Url)
        .into_paginator()
        .send();
    let mut objects = 0;
    while let Some(page) = paginator.next().await {
        let page = page.expect("the simulator answers");
        objects += page.contents().len() as u64;
        if pages == Pages::BackupsRead {
            let keys = page.contents().iter().filter_map(|object| object.key());
            for key in keys.filter(|key| key.ends_with("/backup.info")) {
                let got = client.get_object().bucket(BUCKET).key(key).send().await;
                let body = got.expect("the simulator answers").body.collect().await;
                body.expect("a body comes to its end");
            }
        }
    }
    objects
}

/// A client with the least that it needs.
fn client(port: u16) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "benchmark"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .force_path_style(true)
        .http_client(http);
    Client::from_conf(config.build())
}
