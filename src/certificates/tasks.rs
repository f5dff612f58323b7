//! Certificates that one reading of a watcher is about.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tls_certificates::x509::CertificateStatus;

use super::file::FileReads;
use super::pattern::{Matches, is_pattern, matches, name_below};
use super::reading::CertificateOrigin;
use super::{ReadError, Subject, Watched};

/// One certificate to be read.
pub(super) struct Task {
    /// Name of the certificate.
    pub(super) name: String,
    /// Path, address or URL, for people.
    pub(super) place: String,
    /// Place of the certificate, or the reason why it cannot be read.
    pub(super) origin: Result<CertificateOrigin, String>,
}

/// Certificates known so far, by name.
pub(super) type Known = BTreeMap<String, CertificateStatus>;

/// Returns the certificates that exist under a configured name now.
///
/// # Errors
/// If they cannot be found.
pub(super) async fn find(subject: &Subject, files: &FileReads) -> Result<Found, ReadError> {
    match &subject.watched {
        Watched::Files(path) if is_pattern(path) => {
            let found = files.run(path, |path| Ok(matches(path))).await?;
            Ok(Found::Matching {
                pattern: path.clone(),
                found,
            })
        }
        Watched::Files(path) => Ok(Found::One(CertificateOrigin::File(path.clone()))),
        Watched::PostgreSql {
            address,
            server_name,
            negotiation,
        } => Ok(Found::One(CertificateOrigin::PostgreSql {
            address: address.clone(),
            server_name: server_name.clone(),
            negotiation: *negotiation,
        })),
        Watched::Endpoint { find, .. } => match find().await.map_err(ReadError::Endpoint)? {
            Some(address) => Ok(Found::One(CertificateOrigin::Web(address))),
            None => Ok(Found::Nothing),
        },
    }
}

/// Certificates that exist under a configured name.
pub(super) enum Found {
    /// None: the endpoint is not reached by TLS.
    Nothing,
    /// One, under the configured name itself.
    One(CertificateOrigin),
    /// Files that match a pattern.
    Matching { pattern: PathBuf, found: Matches },
}

impl Found {
    /// Returns one task for each certificate; also for known ones that cannot be seen now.
    pub(super) fn into_tasks(self, subject: &Subject, known: &Known) -> Vec<Task> {
        match self {
            Self::Nothing => Vec::new(),
            Self::One(origin) => vec![own_task(subject, Ok(origin))],
            Self::Matching { pattern, found } => matching(subject, known, &pattern, found),
        }
    }
}

/// Returns the task of the configured name itself.
fn own_task(subject: &Subject, origin: Result<CertificateOrigin, String>) -> Task {
    Task {
        name: subject.name.clone(),
        place: subject.watched.place(),
        origin,
    }
}

fn matching(subject: &Subject, known: &Known, pattern: &Path, found: Matches) -> Vec<Task> {
    let mut tasks = Vec::new();
    for path in found.files {
        tasks.push(file_task(subject, pattern, path));
    }
    match found.error {
        None => {}
        // Files in a directory that cannot be read may still exist.
        Some(error @ ReadError::Directory(..)) => {
            let unseen = failing(subject, known, &error, &tasks);
            tasks.extend(unseen);
        }
        Some(error) => tasks.push(own_task(subject, Err(error.with_causes()))),
    }
    tasks
}

fn file_task(subject: &Subject, pattern: &Path, path: PathBuf) -> Task {
    let below = name_below(pattern, &path);
    Task {
        name: format!("{}/{below}", subject.name),
        place: path.to_string_lossy().into_owned(),
        origin: Ok(CertificateOrigin::File(path)),
    }
}

/// Returns tasks that fail with an error: for every known certificate that was not found, and for
/// the configured name itself.
pub(super) fn failing(
    subject: &Subject,
    known: &Known,
    error: &ReadError,
    found: &[Task],
) -> Vec<Task> {
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for status in known.values() {
        places.insert(status.name.clone(), status.place.clone());
    }
    places.insert(subject.name.clone(), subject.watched.place());
    for task in found {
        places.remove(&task.name);
    }
    let error = error.with_causes();
    let failing = |(name, place)| Task {
        name,
        place,
        origin: Err(error.clone()),
    };
    places.into_iter().map(failing).collect()
}
