//! Real store with one bucket, and nothing else.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::plain_client::PlainClient;
use crate::seaweed::Seaweed;
use crate::tools::Tools;

const ACCESS_KEY_ID: &str = "bucket-access-key-id";
const SECRET_ACCESS_KEY: &str = "bucket-secret-access-key";

/// SeaweedFS with one bucket, filled by a client that is not the exporter's.
pub struct Bucket {
    client: PlainClient,
    _seaweed: Seaweed,
    scratch: TempDir,
}

impl Bucket {
    /// Starts the store with an empty bucket.
    ///
    /// # Panics
    /// Panics if it is not installed or does not come up in time.
    #[track_caller]
    pub fn start(name: &str) -> Self {
        let tools = Tools::find();
        let scratch = tempfile::tempdir().expect("temporary directories can be made");
        let mut seaweed = Seaweed::start(&tools, scratch.path(), ACCESS_KEY_ID, SECRET_ACCESS_KEY);
        let environment = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let client = PlainClient {
            tools,
            endpoint: seaweed.endpoint(),
            bucket: name.to_owned(),
            environment: environment
                .map(|(name, value)| (name, value.to_owned()))
                .into(),
        };
        seaweed.wait_for(|| client.command("create"));
        let bucket = Self {
            client,
            _seaweed: seaweed,
            scratch,
        };
        for (file, content) in [("id", ACCESS_KEY_ID), ("secret", SECRET_ACCESS_KEY)] {
            fs::write(bucket.file(file), content).expect("a fresh directory can be written");
        }
        bucket
    }

    /// URL of the S3 service.
    pub fn endpoint(&self) -> &str {
        &self.client.endpoint
    }

    /// Files that hold the access key id and the secret access key, in this order.
    pub fn credentials(&self) -> (PathBuf, PathBuf) {
        (self.file("id"), self.file("secret"))
    }

    /// Client that is not the exporter's.
    pub fn client(&self) -> &PlainClient {
        &self.client
    }

    /// Gives objects new content, or removes those without any.
    #[track_caller]
    pub fn change(&self, changes: impl IntoIterator<Item = (String, Option<String>)>) {
        let changes: Map<String, Value> = changes
            .into_iter()
            .map(|(key, content)| (key, content.into()))
            .collect();
        let file = self.file("changes.json");
        fs::write(&file, Value::Object(changes).to_string()).expect("the directory is there");
        self.client.change(&file);
    }

    fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}
