//! Database that offers TLS.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::postgres::Postgres;
use crate::process::free_ports;
use crate::tools::{Tools, give_to_database_user};

/// PostgreSQL server on a port of 127.0.0.1 with `ssl=on`.
pub struct SecurePostgres {
    postgres: Postgres,
    port: u16,
    _scratch: TempDir,
}

impl SecurePostgres {
    /// Starts a server with a certificate and its key, both PEM.
    ///
    /// # Panics
    /// Panics if PostgreSQL is not installed, or does not come up in time.
    #[track_caller]
    pub fn start(certificate: &str, key: &str) -> Self {
        let scratch = tempfile::Builder::new().prefix("secure-postgres").tempdir();
        let scratch = scratch.expect("temporary directories can be made");
        let [port] = free_ports();
        let directory = scratch.path().join("postgres");
        let mut postgres = Postgres::create(
            &Tools::find(),
            directory,
            1,
            vec![("LANG", "C.UTF-8".to_owned())],
        );
        postgres.listen_on(port);
        postgres.configure("ssl=on\nlog_connections=on\n");
        let mut server = Self {
            postgres,
            port,
            _scratch: scratch,
        };
        server.write(certificate, key);
        server.postgres.start();
        server
    }

    /// Port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Replaces the certificate, and makes the server read the new one.
    #[track_caller]
    pub fn renew(&mut self, certificate: &str, key: &str) {
        self.write(certificate, key);
        self.postgres.signal(Signal::HUP);
    }

    /// Turns TLS off, and has the server notice.
    #[track_caller]
    pub fn turn_tls_off(&mut self) {
        self.postgres.configure("ssl=off\n");
        self.postgres.signal(Signal::HUP);
    }

    /// Everything that it has written to its log.
    pub fn log(&self) -> String {
        self.postgres.log()
    }

    #[track_caller]
    fn write(&self, certificate: &str, key: &str) {
        for (name, content) in [("server.crt", certificate), ("server.key", key)] {
            let file = self.postgres.data().join(name);
            let written = fs::write(&file, content)
                .and_then(|()| fs::set_permissions(&file, PermissionsExt::from_mode(0o600)));
            written.unwrap_or_else(|error| panic!("cannot write {file:?}: {error}"));
            give_to_database_user(&file);
        }
    }
}
