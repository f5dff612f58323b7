//! The store against real sockets: what the SDK really does in each case.

mod access;
mod decoding;
mod failures;
mod listing;
mod objects;
mod ranges;
mod scripted;
mod uploads;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archive_store::{
    EntityTags, ErrorKind, ErrorScope, ListPage, ListRequest, ListedObject, ObjectStore,
    ObjectVersion, Operation, RequestObserver, RequestOutcome, StorageClass, StorageError,
    UnfinishedUpload, UploadCoverage, UploadListing,
};
use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::X509;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use self::scripted::{Scripted, Step, answer, error, refused_port};
use super::*;

const EMPTY_PAGE: &str = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

/// Observer that records reported requests.
#[derive(Default)]
struct Heard(Mutex<Vec<(Operation, RequestOutcome)>>);

impl RequestObserver for Heard {
    fn request_sent(&self, operation: Operation, outcome: RequestOutcome) {
        self.0.lock().unwrap().push((operation, outcome));
    }
}

impl Heard {
    fn outcomes(&self) -> Vec<RequestOutcome> {
        self.0
            .lock()
            .unwrap()
            .iter()
            .map(|&(_, outcome)| outcome)
            .collect()
    }
}

/// A store with credentials from the surroundings, each of whose requests is sent once.
pub(super) fn settings(endpoint_url: Option<&str>) -> S3Settings {
    S3Settings {
        bucket: "backups".to_owned(),
        endpoint_url: endpoint_url.map(str::to_owned),
        region: None,
        path_style: false,
        ca_file: None,
        credentials: CredentialSource::Chain { profile: None },
        request_timeout: Duration::from_secs(5),
        max_attempts: 1,
    }
}

/// A store with credentials in files.
struct Bench {
    store: S3Store,
    heard: Arc<Heard>,
    files: TempDir,
}

impl Bench {
    fn at(endpoint: String) -> Self {
        Self::with(endpoint, |_| {})
    }

    fn with(endpoint: String, change: impl FnOnce(&mut S3Settings)) -> Self {
        let files = TempDir::new().unwrap();
        write_credentials(files.path(), "ID1", "secret1");
        let mut settings = S3Settings {
            bucket: "b".to_owned(),
            path_style: true,
            credentials: CredentialSource::Files {
                access_key_id: files.path().join("id"),
                secret_access_key: files.path().join("secret"),
                session_token: None,
            },
            endpoint_url: Some(endpoint),
            ..settings(None)
        };
        change(&mut settings);
        let heard = Arc::new(Heard::default());
        let store = S3Store::new(settings, Arc::clone(&heard) as Arc<dyn RequestObserver>);
        Self {
            store,
            heard,
            files,
        }
    }

    async fn list(&self) -> Result<ListPage, StorageError> {
        self.store.list_page(&ListRequest::default()).await
    }

    async fn list_error(&self) -> StorageError {
        self.list().await.unwrap_err()
    }
}

fn write_credentials(folder: &Path, id: &str, secret: &str) {
    fs::write(folder.join("id"), format!("{id}\n")).unwrap();
    fs::write(folder.join("secret"), format!("{secret}\n")).unwrap();
}

fn http(server: &Scripted) -> String {
    format!("http://127.0.0.1:{}", server.port)
}

fn bench(steps: &[Step]) -> (Bench, Scripted) {
    let server = Scripted::http(steps);
    (Bench::at(http(&server)), server)
}

fn cause(error: &StorageError) -> String {
    Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default()
}
