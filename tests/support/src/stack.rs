//! Store, a database that archives to it, and Barman's tools: all real, all on this machine.

mod care;
mod recovery;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use tempfile::TempDir;

use crate::plain_client::{ListedObject, ListedUpload, PlainClient};
use crate::postgres::{Postgres, SUPERUSER};
use crate::process::{Part, run};
use crate::seaweed::Seaweed;
use crate::tools::{Tools, make_database_directory};
use crate::waiting::until;

pub use care::Keep;
pub use recovery::{FetchedBackup, PointInTime, RestoreTarget, Restored, WalRequest};

const ACCESS_KEY_ID: &str = "stack-access-key-id";
const SECRET_ACCESS_KEY: &str = "stack-secret-access-key";

/// Time limit for one of Barman's tools.
const BARMAN: Duration = Duration::from_secs(240);

/// Settings of a [`Stack`].
#[derive(Clone, Debug)]
pub struct StackSettings {
    /// Bucket that holds the archive.
    pub bucket: String,
    /// Prefix of the archive in the bucket, without slashes at its ends.
    pub prefix: String,
    /// Name of the server, as Barman knows it.
    pub server: String,
    /// Size of a WAL segment in MiB: a power of two from 1 to 1024.
    pub segment_size_mb: u32,
    /// Time zone of the database's sessions and of Barman.
    pub time_zone: String,
    /// Options of `initdb`.
    pub initdb: Vec<&'static str>,
    /// Option of `barman-cloud-wal-archive` for compression; `None` to archive WAL as it is.
    pub wal_compression: Option<&'static str>,
    /// Lines of `postgresql.conf`, behind those that every stack has.
    pub parameters: String,
}

impl Default for StackSettings {
    fn default() -> Self {
        Self {
            bucket: "kilobase".to_owned(),
            prefix: "barman/backup".to_owned(),
            server: "kilobase-postgres-backup".to_owned(),
            segment_size_mb: 16,
            time_zone: "UTC".to_owned(),
            initdb: Vec::new(),
            wal_compression: Some("--gzip"),
            parameters: String::new(),
        }
    }
}

/// SeaweedFS, PostgreSQL and Barman, with archiving.
///
/// Ends with everything it started when it is dropped.
pub struct Stack {
    settings: StackSettings,
    tools: Tools,
    endpoint: String,
    client: PlainClient,
    // Fields are dropped in this order: nothing archives to a store that is gone.
    postgres: Postgres,
    _seaweed: Seaweed,
    /// Number of backups that were restored: each has a directory of its own.
    restores: AtomicU32,
    /// Answers of `barman-cloud-wal-restore`, for each state of the objects that it returns.
    answers: PathBuf,
    scratch: TempDir,
}

impl Stack {
    /// Starts the parts, with an archive that holds no backup yet.
    ///
    /// # Panics
    /// Panics if a part is not installed or does not come up in time.
    #[track_caller]
    pub fn start(settings: StackSettings) -> Self {
        let tools = Tools::find();
        let scratch = tempfile::Builder::new().prefix("stack").tempdir();
        let scratch = scratch.expect("temporary directories can be made");
        let environment = environment(&settings, &tools);
        let mut seaweed = Seaweed::start(&tools, scratch.path(), ACCESS_KEY_ID, SECRET_ACCESS_KEY);
        let postgres = Postgres::create_with(
            &tools,
            scratch.path().join("postgres"),
            settings.segment_size_mb,
            &settings.initdb,
            environment.clone(),
        );
        let client = PlainClient {
            tools: tools.clone(),
            endpoint: seaweed.endpoint(),
            bucket: settings.bucket.clone(),
            environment,
        };
        seaweed.wait_for(|| client.command("create"));
        let endpoint = seaweed.endpoint();
        let answers = scratch.path().join("answers");
        make_database_directory(&answers);
        write_credentials(scratch.path());
        let mut stack = Self {
            settings,
            tools,
            endpoint,
            client,
            postgres,
            _seaweed: seaweed,
            restores: AtomicU32::new(0),
            answers,
            scratch,
        };
        stack.postgres.configure(&stack.database_settings());
        stack.postgres.start();
        stack
    }

    /// URL of the S3 service.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Destination path of the archive: `s3://bucket/prefix`.
    pub fn destination(&self) -> String {
        format!("s3://{}/{}", self.settings.bucket, self.settings.prefix)
    }

    /// Settings that the stack was started with.
    pub fn settings(&self) -> &StackSettings {
        &self.settings
    }

    /// Files that hold the access key id and the secret access key, in this order.
    pub fn credentials(&self) -> (PathBuf, PathBuf) {
        credentials(self.scratch.path())
    }

    /// Client that is not the exporter's.
    pub fn client(&self) -> &PlainClient {
        &self.client
    }

    /// Every object of the bucket.
    #[track_caller]
    pub fn listing(&self) -> Vec<ListedObject> {
        self.client.objects()
    }

    /// Every unfinished upload of the bucket.
    #[track_caller]
    pub fn uploads(&self) -> Vec<ListedUpload> {
        self.client.uploads()
    }

    /// Runs a query and returns its rows, with `|` between columns.
    #[track_caller]
    pub fn sql(&self, query: &str) -> String {
        self.postgres.sql(query)
    }

    /// Fills and archives this many WAL segments.
    #[track_caller]
    pub fn make_wal(&self, segments: u32) {
        self.sql("create table if not exists written (at timestamptz)");
        for _ in 0..segments {
            self.sql("insert into written values (clock_timestamp())");
            self.sql("select pg_switch_wal()");
        }
        self.postgres.wait_until_archived();
    }

    /// Makes a base backup, with arguments for `barman-cloud-backup` such as `--gzip`.
    #[track_caller]
    pub fn backup(&self, arguments: &[&str]) {
        run(self.backup_command(&self.postgres, arguments), BARMAN);
        self.postgres.wait_until_archived();
    }

    /// Makes a base backup from a standby of the database.
    #[track_caller]
    pub fn backup_from(&self, standby: &Postgres, arguments: &[&str]) {
        run(self.backup_command(standby, arguments), BARMAN);
    }

    /// Database of the stack.
    pub fn postgres(&mut self) -> &mut Postgres {
        &mut self.postgres
    }

    /// Starts a base backup and kills it when part of its data is stored.
    ///
    /// It leaves a `backup.info` that says `STARTED`, and an unfinished upload.
    #[track_caller]
    pub fn kill_backup(&self) {
        self.sql(
            "create unlogged table bulk as select repeat(md5(number::text), 30) as filling
             from generate_series(1, 60000) as numbers (number)",
        );
        let known = self.uploads();
        let slowly = ["--jobs=1", "--max-bandwidth=2MB"];
        let log = self.scratch.path().join("killed-backup.log");
        let mut backup =
            Part::start_group("backup", self.backup_command(&self.postgres, &slowly), &log);
        until("a part of the backup to be stored", BARMAN, || {
            backup.assert_running();
            let mut uploads = self.uploads().into_iter();
            uploads.find(|upload| !upload.part_sizes.is_empty() && !is_among(upload, &known))
        });
        drop(backup);
        self.sql("drop table bulk");
        self.postgres.wait_until_archived();
    }

    /// Moves the database to its next timeline, as a failover does.
    ///
    /// A history file and the unfinished segment of the old timeline are archived.
    #[track_caller]
    pub fn promote(&mut self) {
        // Something that the segment holds, so that it is not at its very start.
        self.sql("create table if not exists promoted (at timestamptz)");
        self.postgres.stop();
        let signal = self.postgres.data().join("standby.signal");
        fs::write(signal, "").expect("the data directory of a stopped database can be written");
        self.postgres.start();
        self.sql("select pg_promote(true, 60)");
        self.make_wal(1);
    }

    /// Runs `barman-cloud-TOOL` on the archive and returns what it prints.
    ///
    /// Arguments go before the destination and the name of the server.
    #[track_caller]
    pub fn barman(&self, tool: &str, arguments: &[&str]) -> String {
        run(self.barman_command(tool, arguments), BARMAN)
    }

    /// Backups as `barman-cloud-backup-list` describes them.
    #[track_caller]
    pub fn backup_list(&self) -> serde_json::Value {
        let list = self.barman("backup-list", &["--format=json"]);
        serde_json::from_str(&list).unwrap_or_else(|error| panic!("{error} in {list}"))
    }

    fn backup_command(&self, postgres: &Postgres, arguments: &[&str]) -> Command {
        let host = postgres.host().to_str().expect("temporary paths are text");
        let connection = [
            "--immediate-checkpoint",
            "--user",
            SUPERUSER,
            "--host",
            host,
        ];
        self.barman_command("backup", &[&connection, arguments].concat())
    }

    fn barman_command(&self, tool: &str, arguments: &[&str]) -> Command {
        let program = self.tools.python_program(&format!("barman-cloud-{tool}"));
        let mut command = Command::new(program);
        command
            .args(arguments)
            .args(["--endpoint-url", &self.endpoint]);
        command.arg(self.destination()).arg(&self.settings.server);
        command
            .env_clear()
            .envs(self.client.environment.iter().cloned());
        command.env("HOME", self.scratch.path());
        command
    }

    fn database_settings(&self) -> String {
        let archive = self.tools.python_program("barman-cloud-wal-archive");
        format!(
            "fsync = off\n\
             shared_buffers = 16MB\n\
             autovacuum = off\n\
             timezone = '{zone}'\n\
             archive_mode = on\n\
             archive_command = '\"{archive}\" {compression} --endpoint-url {endpoint} {url} {server} %p'\n\
             {parameters}",
            zone = self.settings.time_zone,
            compression = self.settings.wal_compression.unwrap_or_default(),
            parameters = self.settings.parameters,
            archive = archive.display(),
            endpoint = self.endpoint,
            url = self.destination(),
            server = self.settings.server,
        )
    }
}

/// Environment of every part, without any setting of the person who runs the tests.
fn environment(settings: &StackSettings, tools: &Tools) -> Vec<(&'static str, String)> {
    let postgres = tools.postgres_program("");
    let variables = [
        (
            "PATH",
            format!("{}:/usr/local/bin:/usr/bin:/bin", postgres.display()),
        ),
        ("LANG", "C.UTF-8".to_owned()),
        ("TZ", settings.time_zone.clone()),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("PGCONNECT_TIMEOUT", "10".to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        // As Barman's users set it for stores that are not AWS: no checksum trailers.
        (
            "AWS_REQUEST_CHECKSUM_CALCULATION",
            "when_required".to_owned(),
        ),
        (
            "AWS_RESPONSE_CHECKSUM_VALIDATION",
            "when_required".to_owned(),
        ),
    ];
    variables.into()
}

fn credentials(directory: &Path) -> (PathBuf, PathBuf) {
    (
        directory.join("access-key-id"),
        directory.join("secret-access-key"),
    )
}

fn write_credentials(directory: &Path) {
    let (id, secret) = credentials(directory);
    let written = fs::write(id, ACCESS_KEY_ID).and_then(|()| fs::write(secret, SECRET_ACCESS_KEY));
    written.expect("a fresh directory can be written");
}

fn is_among(upload: &ListedUpload, known: &[ListedUpload]) -> bool {
    known
        .iter()
        .any(|other| other.upload_id == upload.upload_id)
}
