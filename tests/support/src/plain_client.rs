//! Contents of a bucket, as listed by a client that is not the exporter's.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::embedded::{CREDENTIALS, EmbeddedArchive};
use crate::process::run;
use crate::tools::{QUICK, Tools};

/// Time limit for thousands of changes.
const CHANGES: Duration = Duration::from_mins(5);

/// Client of one bucket, on Python's `boto3`.
#[derive(Clone)]
pub struct PlainClient {
    pub(crate) tools: Tools,
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// Object as a listing shows it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct ListedObject {
    /// Whole key, from the bucket's root.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Arrival time at the store, in Unix seconds.
    pub last_modified: f64,
    /// Storage class; `None` if the store does not send one.
    pub storage_class: Option<String>,
}

/// Multipart upload that is neither completed nor aborted.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct ListedUpload {
    /// Key that it would have become.
    pub key: String,
    /// Identifier that the store assigned.
    pub upload_id: String,
    /// Start of the upload, in Unix seconds.
    pub initiated: f64,
    /// Bytes of each part that is stored.
    pub part_sizes: Vec<u64>,
}

impl PlainClient {
    /// Client of a bucket in an embedded archive's store, with the right credentials and without a
    /// region.
    pub fn of(archive: &EmbeddedArchive, bucket: &str) -> Self {
        Self {
            tools: Tools::find(),
            endpoint: archive.s3().endpoint(),
            bucket: bucket.to_owned(),
            environment: environment(),
        }
    }

    /// Every object of the bucket.
    #[track_caller]
    pub fn objects(&self) -> Vec<ListedObject> {
        self.ask("objects")
    }

    /// Every unfinished upload of the bucket.
    #[track_caller]
    pub fn uploads(&self) -> Vec<ListedUpload> {
        self.ask("uploads")
    }

    /// Removes an object, which must exist.
    #[track_caller]
    pub fn delete_object(&self, key: &str) {
        let mut command = self.command("delete");
        command.arg(key);
        run(command, QUICK);
    }

    /// Replaces an object with an empty one.
    #[track_caller]
    pub fn empty_object(&self, key: &str) {
        let mut command = self.command("empty");
        command.arg(key);
        run(command, QUICK);
    }

    /// Copies an object to another key.
    #[track_caller]
    pub fn copy_object(&self, key: &str, to: &str) {
        let mut command = self.command("copy");
        command.args([key, to]);
        run(command, QUICK);
    }

    /// Stores a file as an object.
    #[track_caller]
    pub fn put_object(&self, file: &Path, key: &str) {
        let mut command = self.command("put");
        command.arg(file).arg(key);
        run(command, QUICK);
    }

    /// Copies every object into a directory, with its key as the path.
    #[track_caller]
    pub fn mirror(&self, directory: &Path) {
        let mut command = self.command("mirror");
        command.arg(directory);
        run(command, CHANGES);
    }

    /// Gives objects new content, or removes those without any, as a JSON object in a file lists
    /// them.
    #[track_caller]
    pub fn change(&self, file: &Path) {
        let mut command = self.command("change");
        command.arg(file);
        run(command, CHANGES);
    }

    #[track_caller]
    fn ask<T: DeserializeOwned>(&self, question: &str) -> T {
        let answer = run(self.command(question), QUICK);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error} in {answer}"))
    }

    /// Command that runs a request; `create` makes the bucket.
    pub(crate) fn command(&self, question: &str) -> Command {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/plain_client.py");
        let mut command = Command::new(self.tools.python_program("python"));
        command
            .arg(script)
            .args([&self.endpoint, &self.bucket])
            .arg(question);
        command.env_clear().envs(self.environment.iter().cloned());
        command
    }
}

/// Barman's tools, pointed at an embedded archive.
pub struct BarmanClient {
    tools: Tools,
    endpoint: String,
    destination: String,
}

impl BarmanClient {
    /// Barman with the right credentials and no region.
    pub fn of(archive: &EmbeddedArchive) -> Self {
        let destination = format!("s3://{}", archive.destination());
        Self {
            tools: Tools::find(),
            endpoint: archive.s3().endpoint(),
            destination,
        }
    }

    /// Returns the output of `barman-cloud-backup-list` for a server, as JSON.
    ///
    /// # Panics
    /// Panics if it ends with an error.
    #[track_caller]
    pub fn backups(&self, server: &str) -> Value {
        let mut command = Command::new(self.tools.python_program("barman-cloud-backup-list"));
        command.args(["--endpoint-url", &self.endpoint, "--format", "json"]);
        command.args([&self.destination, server]);
        command.env_clear().envs(environment());
        let answer = run(command, QUICK);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error} in {answer}"))
    }
}

/// Environment with the credentials of an embedded archive, and none of the machine's own settings.
fn environment() -> Vec<(&'static str, String)> {
    let environment = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("AWS_ACCESS_KEY_ID", CREDENTIALS.0),
        ("AWS_SECRET_ACCESS_KEY", CREDENTIALS.1),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    environment
        .map(|(name, value)| (name, value.to_owned()))
        .into()
}
