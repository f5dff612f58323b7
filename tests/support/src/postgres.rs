//! Database of its own, started as the user that it needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::process::{Part, run};
use crate::tools::{QUICK, Tools, as_database_user, make_database_directory};
use crate::waiting::until;

/// Time limit for the server to accept connections, to stop, and to archive all files that are
/// ready.
const TIME_LIMIT: Duration = Duration::from_secs(90);

/// Name of the superuser, who needs no password.
pub(crate) const SUPERUSER: &str = "postgres";

/// PostgreSQL server with its own data, reached by a socket in its own directory.
pub struct Postgres {
    tools: Tools,
    directory: PathBuf,
    environment: Vec<(&'static str, String)>,
    settings: Vec<String>,
    server: Option<Part>,
    port: Option<u16>,
}

impl Postgres {
    /// Makes an empty cluster in `directory`, which must not exist, and leaves it stopped.
    ///
    /// `environment` is all that the server sees, and so what an archive command sees.
    ///
    /// # Panics
    /// Panics if `initdb` fails.
    #[track_caller]
    pub fn create(
        tools: &Tools,
        directory: PathBuf,
        segment_size_mb: u32,
        environment: Vec<(&'static str, String)>,
    ) -> Self {
        Self::create_with(tools, directory, segment_size_mb, &[], environment)
    }

    /// Makes an empty cluster as [`create`](Self::create) does, with more options of `initdb`.
    ///
    /// # Panics
    /// Panics if `initdb` fails.
    #[track_caller]
    pub fn create_with(
        tools: &Tools,
        directory: PathBuf,
        segment_size_mb: u32,
        options: &[&str],
        environment: Vec<(&'static str, String)>,
    ) -> Self {
        make_database_directory(&directory);
        let postgres = Self::adopt(tools, directory, environment);
        let mut command = postgres.command("initdb");
        command.args([
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
            "--username",
            SUPERUSER,
        ]);
        command
            .arg(format!("--wal-segsize={segment_size_mb}"))
            .args(options);
        command.arg("--pgdata").arg(postgres.data());
        run(command, TIME_LIMIT);
        postgres
    }

    /// Takes over the data that a restore has laid below `directory`, and leaves the server stopped.
    pub fn adopt(
        tools: &Tools,
        directory: PathBuf,
        environment: Vec<(&'static str, String)>,
    ) -> Self {
        let tools = tools.clone();
        Self {
            tools,
            directory,
            environment,
            settings: Vec::new(),
            server: None,
            port: None,
        }
    }

    /// Makes a standby in `directory`, which must not exist, from the running server, and leaves it
    /// stopped. It follows by streaming.
    ///
    /// # Panics
    /// Panics if `pg_basebackup` fails.
    #[track_caller]
    pub fn make_standby(&self, directory: PathBuf) -> Self {
        make_database_directory(&directory);
        let standby = Self::adopt(&self.tools, directory, self.environment.clone());
        let mut command = self.command("pg_basebackup");
        command.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]);
        command.arg("--pgdata").arg(standby.data());
        command.arg("--host").arg(self.host());
        command.args(["--username", SUPERUSER]);
        let places =
            "select pg_tablespace_location(oid) from pg_tablespace where spcname !~ '^pg_'";
        for (number, place) in self.sql(places).lines().enumerate() {
            let there = standby.directory.join(format!("tablespace-{number}"));
            command.arg(format!("--tablespace-mapping={place}={}", there.display()));
        }
        run(command, TIME_LIMIT);
        standby
    }

    /// Copies the files of the stopped server to `directory`, which must not exist.
    ///
    /// # Panics
    /// Panics if they cannot be copied.
    #[track_caller]
    pub fn copy_files(&self, directory: PathBuf) -> Self {
        make_database_directory(&directory);
        let mut command = Command::new("cp");
        command.arg("--archive").arg(self.data()).arg(&directory);
        run(command, TIME_LIMIT);
        Self::adopt(&self.tools, directory, self.environment.clone())
    }

    /// Sets a parameter on the command line, from the next start on. It overrides
    /// `postgresql.conf`, and stays out of the data and so of backups.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push(format!("{name}={value}"));
    }

    /// Removes every setting that was given on the command line.
    pub fn unset_all(&mut self) {
        self.settings.clear();
    }

    /// Makes the server listen on a port of 127.0.0.1 too, from its next start.
    pub(crate) fn listen_on(&mut self, port: u16) {
        self.port = Some(port);
    }

    /// Sends the running server a signal.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if let Some(server) = &mut self.server {
            server.signal(signal);
        }
    }

    /// Adds lines to `postgresql.conf`; they hold from the next start on.
    ///
    /// # Panics
    /// Panics if the file cannot be written.
    #[track_caller]
    pub fn configure(&self, lines: &str) {
        let file = self.data().join("postgresql.conf");
        let written = fs::read_to_string(&file).and_then(|text| fs::write(&file, text + lines));
        written.unwrap_or_else(|error| panic!("cannot configure {file:?}: {error}"));
    }

    /// Starts the server and waits until it takes connections.
    ///
    /// # Panics
    /// Panics if it ends before that, or does not get there in time.
    #[track_caller]
    pub fn start(&mut self) {
        let mut server = self.launch();
        until("PostgreSQL to take connections", TIME_LIMIT, || {
            server.assert_running();
            let outcome = self.client("pg_isready").output();
            outcome
                .is_ok_and(|outcome| outcome.status.success())
                .then_some(())
        });
        self.server = Some(server);
    }

    /// Starts a server whose `recovery_target_action` is `shutdown`, and waits for its end: whether it
    /// reached the target.
    ///
    /// # Panics
    /// Panics if it does not get there in time.
    #[track_caller]
    pub fn recover_and_shut_down(&mut self) -> bool {
        let mut server = self.launch();
        let begun = server.log().len();
        server.wait(TIME_LIMIT);
        let log = server.log();
        let news = log.get(begun..).unwrap_or_default();
        news.contains("shutdown at recovery target")
    }

    /// Starts the server and waits for the end of its recovery: whether it takes writes then.
    ///
    /// `false`: it gave up, and [`log`](Self::log) says why.
    ///
    /// # Panics
    /// Panics if it neither gives up nor gets there in time.
    #[track_caller]
    pub fn recover(&mut self) -> bool {
        let mut server = self.launch();
        let came_up = until("the end of a recovery", TIME_LIMIT, || {
            if server.exited().is_some() {
                return Some(false);
            }
            let is_up = server
                .log()
                .contains("database system is ready to accept connections");
            is_up.then_some(true)
        });
        self.server = came_up.then_some(server);
        came_up
    }

    /// Everything that the server has written to its log.
    pub fn log(&self) -> String {
        let log = fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Stops the server in an orderly way, with everything archived.
    ///
    /// # Panics
    /// Panics if it does not stop in time.
    #[track_caller]
    pub fn stop(&mut self) {
        assert!(self.try_stop(), "PostgreSQL did not stop in an orderly way");
    }

    /// Stops the server; returns whether it ended in an orderly way, as one with damaged files may not.
    ///
    /// # Panics
    /// Panics if it does not stop in time.
    #[track_caller]
    pub fn try_stop(&mut self) -> bool {
        let Some(mut server) = self.server.take() else {
            return true;
        };
        server.signal(Signal::INT);
        server.wait(TIME_LIMIT).success()
    }

    /// Ends the server at once, as a crash does: nothing more is written or archived.
    ///
    /// # Panics
    /// Panics if it does not end in time.
    #[track_caller]
    pub fn crash(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.signal(Signal::QUIT);
            server.wait(TIME_LIMIT);
        }
    }

    /// Runs a query and returns its rows, with `|` between columns.
    ///
    /// # Panics
    /// Panics if it fails.
    #[track_caller]
    pub fn sql(&self, query: &str) -> String {
        self.sql_each(&[query])
    }

    /// Runs queries in one session, each in a transaction of its own, and returns their rows.
    ///
    /// # Panics
    /// Panics if one fails.
    #[track_caller]
    pub fn sql_each(&self, queries: &[&str]) -> String {
        let mut command = self.psql();
        for query in queries {
            command.args(["--command", query]);
        }
        run(command, TIME_LIMIT).trim_end().to_owned()
    }

    /// Runs a script of psql in one session and returns what it prints.
    ///
    /// # Panics
    /// Panics if a query fails.
    #[track_caller]
    pub fn script(&self, text: &str) -> String {
        let file = self.directory.join("script.sql");
        fs::write(&file, text).expect("the server's directory can be written");
        let mut command = self.psql();
        command.arg("--file").arg(file);
        run(command, TIME_LIMIT).trim_end().to_owned()
    }

    /// Waits until every finished WAL file is archived.
    ///
    /// # Panics
    /// Panics if it takes too long.
    #[track_caller]
    pub fn wait_until_archived(&self) {
        let status = self.data().join("pg_wal/archive_status");
        until("WAL to be archived", TIME_LIMIT, || {
            let mut files = fs::read_dir(&status).ok()?.flatten();
            let waiting =
                files.any(|file| file.path().extension().is_some_and(|end| end == "ready"));
            (!waiting).then_some(())
        });
    }

    /// Data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Directory of the socket, which clients use as the host.
    #[must_use]
    pub fn host(&self) -> &Path {
        &self.directory
    }

    fn log_file(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    #[track_caller]
    fn launch(&self) -> Part {
        let socket = self.directory.display();
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data());
        let address = if self.port.is_some() { "127.0.0.1" } else { "" };
        for setting in [
            format!("listen_addresses={address}"),
            format!("unix_socket_directories={socket}"),
        ] {
            command.args(["-c", &setting]);
        }
        if let Some(port) = self.port {
            command.args(["-c", &format!("port={port}")]);
        }
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        Part::start("PostgreSQL", command, &self.log_file())
    }

    /// Program of the server, run as its user.
    pub fn command(&self, program: &str) -> Command {
        let mut command = as_database_user(&self.tools.postgres_program(program));
        command.env_clear().envs(self.environment.iter().cloned());
        command.env("HOME", &self.directory).current_dir("/");
        command
    }

    fn psql(&self) -> Command {
        let mut command = self.client("psql");
        command.args([
            "--no-psqlrc",
            "--set=ON_ERROR_STOP=1",
            "--no-align",
            "--tuples-only",
        ]);
        command.arg("--quiet");
        command
    }

    /// Program that connects to the server.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.tools.postgres_program(program));
        command
            .env_clear()
            .env("LANG", "C.UTF-8")
            .env("PGCONNECT_TIMEOUT", "10");
        command
            .arg("--host")
            .arg(&self.directory)
            .args(["--username", SUPERUSER]);
        if let Some(port) = self.port {
            command.arg(format!("--port={port}"));
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // Ends at once, with its children; without this they would outlive a killed parent.
            server.signal(Signal::QUIT);
            server.wait_quietly(QUICK);
        }
    }
}
