//! Archive in memory, and the configuration that points the exporter at it.

use std::fs;
use std::path::Path;

use barman_archive::barman::BackupInfoText;
use chrono::{DateTime, Utc};
use embedded_s3::{Options, Server, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::exporter::{Ended, run_exporter};

/// Access key id and secret access key, unless the options of the server say otherwise.
pub const CREDENTIALS: (&str, &str) = ("exporter-key-id", "exporter-secret-key");

/// Store in memory, served over HTTP or HTTPS to clients with the credentials.
pub struct EmbeddedArchive {
    destination: String,
    store: Store,
    options: Options,
    s3: Option<Server>,
    scratch: TempDir,
}

impl EmbeddedArchive {
    /// Serves a store; `destination` is bucket and prefix, as in `bucket/some/prefix`.
    ///
    /// # Panics
    /// Panics if nothing can be served with these options.
    pub async fn start(store: Store, destination: &str, mut options: Options) -> Self {
        let (id, secret) = CREDENTIALS;
        let usual = || (id.to_owned(), secret.to_owned());
        let (id, secret) = options.credentials.get_or_insert_with(usual).clone();
        let mut archive = Self {
            destination: destination.to_owned(),
            store,
            options,
            s3: None,
            scratch: tempfile::tempdir().expect("temporary directories can be made"),
        };
        archive.write_credentials(&id, &secret);
        archive.start_s3().await;
        archive
    }

    /// Serves [`small_archive`] with pages of this many keys.
    pub async fn small(page_limit: usize) -> Self {
        let options = Options {
            page_limit,
            ..Options::default()
        };
        Self::start(small_archive(), SMALL_DESTINATION, options).await
    }

    /// Serves [`small_archive`] in pages of full size, after a change.
    pub async fn small_but(change: impl FnOnce(&Store)) -> Self {
        let archive = Self::small(1000).await;
        change(archive.store());
        archive
    }

    /// Running server.
    ///
    /// # Panics
    /// Panics if it is stopped.
    pub fn s3(&self) -> &Server {
        self.s3
            .as_ref()
            .expect("the server runs, unless the test stopped it")
    }

    /// Bucket and prefix, as in `bucket/some/prefix`.
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// Content that it serves; may be changed at any time.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Options of the server; changes take effect at the next start.
    pub fn options(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Stops the server: nothing listens any more.
    pub async fn stop_s3(&mut self) {
        if let Some(server) = self.s3.take() {
            server.stop().await;
        }
    }

    /// Starts the server, again on the port that it had.
    ///
    /// # Panics
    /// Panics if the port is taken by now.
    pub async fn start_s3(&mut self) {
        self.stop_s3().await;
        let server = Server::start(self.store.clone(), self.options.clone()).await;
        let server = server.unwrap_or_else(|error| panic!("the store cannot be served: {error}"));
        self.options.port = server.port();
        self.s3 = Some(server);
    }

    /// Directory for files that the configuration names; it is removed with the archive.
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// Rotates the credentials that the exporter reads; the server's stay as they are.
    pub fn write_credentials(&self, id: &str, secret: &str) {
        self.write("access-key-id", id);
        self.write("secret-access-key", secret);
    }

    /// Writes a file into the directory.
    ///
    /// # Panics
    /// Panics if it cannot be written.
    pub fn write(&self, name: &str, content: &str) {
        fs::write(self.directory().join(name), content).expect("an own directory can be written");
    }

    /// Runs a command of the program on archives to its end, which this server must not wait for.
    /// Each request is sent once.
    ///
    /// # Panics
    /// Panics if it does not end in time.
    pub async fn run(&self, command: &str, archives: Vec<Value>, arguments: &[&str]) -> Ended {
        let file = self.write_configuration(archives);
        let all = [&[command, "--config.file", &file], arguments].concat();
        let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let run = move || run_exporter(&all.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        tokio::task::spawn_blocking(run)
            .await
            .expect("the program can be run")
    }

    /// Writes a configuration that has each request sent once, and returns the path of its file.
    ///
    /// # Panics
    /// Panics if it cannot be written.
    pub fn write_configuration(&self, archives: Vec<Value>) -> String {
        let configuration = json!({ "scan": { "maxAttempts": 1 }, "archives": archives });
        self.write("config.yaml", &configuration.to_string());
        let file = self.directory().join("config.yaml");
        file.to_str()
            .expect("temporary directories have plain names")
            .to_owned()
    }

    /// Entry for the archive in the configuration's `archives`.
    pub fn settings(&self, name: &str) -> Value {
        let file = |name: &str| self.directory().join(name);
        json!({
            "name": name,
            "destinationPath": format!("s3://{}", self.destination),
            "endpointURL": self.s3().endpoint(),
            "region": "us-east-1",
            "credentials": {
                "accessKeyIdFile": file("access-key-id"),
                "secretAccessKeyFile": file("secret-access-key"),
            },
        })
    }
}

/// Configuration that scans these archives every second and sends each request once.
///
/// JSON is YAML: its text is what the exporter reads.
pub fn every_second(archives: impl IntoIterator<Item = Value>) -> Value {
    json!({
        "scan": { "schedule": "* * * * * *", "maxAttempts": 1 },
        "archives": archives.into_iter().collect::<Vec<_>>(),
    })
}

/// Bucket of [`small_archive`].
pub const SMALL_BUCKET: &str = "backups";

/// Bucket and prefix of [`small_archive`].
pub const SMALL_DESTINATION: &str = "backups/production";

/// Only server of [`small_archive`].
pub const SMALL_SERVER: &str = "orders";

/// Moment in the morning after the newest backup of [`small_archive`].
pub const SMALL_MORNING: &str = "2026-01-02T06:00:00Z";

/// Archive of one server with two finished backups, of the first and second of January 2026, and
/// three segments: seven objects.
pub fn small_archive() -> Store {
    let store = Store::default();
    for day in [1, 2] {
        put_small_backup(&store, day, &backup_info(day, "DONE"));
    }
    for segment in 1..=3 {
        let key = format!("wals/0000000100000000/00000001000000000000000{segment}.gz");
        store.put_zeros(SMALL_BUCKET, small_key(&key), 1000, moment(2, 4));
    }
    store
}

/// Key of an object of the small archive's server.
pub fn small_key(key: &str) -> String {
    format!("production/{SMALL_SERVER}/{key}")
}

/// Puts a backup of a day of January 2026 into the small archive: its `backup.info`, and its data.
pub fn put_small_backup(store: &Store, day: u32, backup_info: &str) {
    let key = |file: &str| small_key(&format!("base/202601{day:02}T030000/{file}"));
    let content = backup_info.as_bytes().to_vec();
    store.put_bytes(SMALL_BUCKET, key("backup.info"), content, moment(day, 4));
    store.put_zeros(SMALL_BUCKET, key("data.tar.gz"), 50_000, moment(day, 4));
}

/// `backup.info` of a backup of a day of January 2026, from 3:00 to 3:05.
pub fn backup_info(day: u32, status: &str) -> String {
    let segment = "000000010000000000000001";
    let text = BackupInfoText::new(status)
        .with(
            "begin_time",
            format!("2026-01-{day:02} 03:00:00.000000+00:00"),
        )
        .with("begin_wal", segment)
        .with("cluster_size", 1_000_000)
        .with(
            "end_time",
            format!("2026-01-{day:02} 03:05:00.000000+00:00"),
        )
        .with("end_wal", segment)
        .with("end_xlog", "0/1000100")
        .with("systemid", 7_000_000_000_000_000_001_u64)
        .with("tablespaces", "None")
        .with("timeline", 1)
        .with("xlog_segment_size", 16_777_216);
    text.to_string()
}

/// Hour of a day of January 2026.
fn moment(day: u32, hour: u32) -> DateTime<Utc> {
    let text = format!("2026-01-{day:02}T{hour:02}:00:00Z");
    text.parse()
        .expect("January has this day, and a day this hour")
}
