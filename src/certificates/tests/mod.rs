//! Watching real files and real sockets.

mod endpoints;
mod files;
mod handshakes;
mod server;
mod watching;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tls_certificates::x509::test_certificates::{Authority, leaf_params, now};
use tls_certificates::x509::{CertificateStatus, Verification, WarnBefore};
use tls_certificates::{ServerAddress, SslNegotiation};
use tokio_util::sync::CancellationToken;

use super::*;

/// Long enough for a handshake on a busy machine; what is silent is told sooner.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Heard(Mutex<Vec<CertificateStatus>>);

impl CertificateObserver for Heard {
    fn certificates_read(&self, known: Vec<CertificateStatus>) {
        *self.0.lock().unwrap() = known;
    }
}

struct Watch {
    watcher: Watcher,
    heard: Arc<Heard>,
}

impl Watch {
    fn new(watched: Watched, trust: Trust, limit: Duration) -> Self {
        let heard = Arc::new(Heard::default());
        let warn_before = WarnBefore::AtMost(chrono::TimeDelta::days(7));
        let subject = Subject {
            name: "orders".to_owned(),
            watched,
            trust,
            warn_before,
        };
        let observer = heard.clone();
        Self {
            watcher: Watcher::new(subject, limit, observer, Arc::new(now)),
            heard,
        }
    }

    fn files(pattern: &Path, trust: Trust) -> Self {
        Self::new(Watched::Files(pattern.to_owned()), trust, LIMIT)
    }

    async fn read(&self) -> Vec<CertificateStatus> {
        self.watcher.read(&CancellationToken::new()).await;
        self.heard.0.lock().unwrap().clone()
    }

    async fn read_one(&self) -> CertificateStatus {
        let [status] = self.read().await.try_into().unwrap();
        status
    }

    async fn failure(&self) -> String {
        let status = self.read_one().await;
        assert_eq!(
            (status.chain(), &status.verification),
            (None, &Verification::NotAsked)
        );
        status.failure.unwrap()
    }
}

fn subject(status: &CertificateStatus) -> &str {
    &status.chain().unwrap().leaf().subject
}

fn named(params: &str) -> rcgen::CertificateParams {
    leaf_params(params, 2030..2031)
}

fn postgresql(address: SocketAddr, name: &str, negotiation: SslNegotiation) -> Watched {
    let server_name = name.parse().unwrap();
    let host = address.ip().to_string().parse().unwrap();
    let address = ServerAddress {
        host,
        port: address.port(),
    };
    Watched::PostgreSql {
        address,
        server_name,
        negotiation,
    }
}

fn watch_postgres(address: SocketAddr, trust: Trust) -> Watch {
    Watch::new(
        postgresql(address, "localhost", SslNegotiation::Postgres),
        trust,
        LIMIT,
    )
}

fn ca_file(directory: &TempDir, authority: &Authority) -> Trust {
    let file = directory.path().join("ca.crt");
    fs::write(&file, authority.pem()).unwrap();
    Trust::File(file)
}
