//! Credentials in files, such as a mounted Kubernetes secret.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, future};
use tls_certificates::files::{self, FileError};
use tokio::time::Instant;

/// Maximum number of reads of a set of files until two reads agree; after these, the last one counts.
const READS: u32 = 5;

/// Size of the largest file that is read, in bytes: session tokens take some kilobytes.
const MAX_BYTES: u64 = 64 * 1024;

/// Time for which credentials are reused after they were read.
///
/// A scan sends hundreds of requests in a second. The next scan starts at least a second later, and
/// reads the files again.
const FRESH: Duration = Duration::from_millis(500);

/// Files with a set of credentials.
///
/// Rotated credentials are used for every request that is sent at least half a second later.
#[derive(Clone, Debug)]
pub(super) struct CredentialFiles {
    paths: Paths,
    recent: Arc<Recent>,
}

/// Paths of the files.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub(super) access_key_id: PathBuf,
    pub(super) secret_access_key: PathBuf,
    pub(super) session_token: Option<PathBuf>,
}

/// Credentials that were read last, and the moment of reading.
#[derive(Default)]
struct Recent(Mutex<Option<(Instant, Credentials)>>);

impl fmt::Debug for Recent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Recent")
    }
}

impl Recent {
    fn get(&self) -> Option<Credentials> {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, credentials) = recent.as_ref()?;
        if at.elapsed() >= FRESH {
            return None;
        }
        Some(credentials.clone())
    }

    fn set(&self, at: Instant, credentials: Credentials) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, credentials));
    }
}

/// Reason why a file with credentials cannot be used. Never contains the file's content.
#[derive(Debug, thiserror::Error)]
pub(super) enum CredentialFileError {
    /// File that cannot be read.
    #[error("credentials file `{}` cannot be read ({reason})", path.display())]
    Unreadable { path: PathBuf, reason: String },
    /// File that is empty except for white space.
    #[error("credentials file `{}` is empty", path.display())]
    Empty { path: PathBuf },
    /// File whose content cannot be a credential.
    #[error("credentials file `{}` does not hold one line of text", path.display())]
    NotOneLine { path: PathBuf },
}

/// Contents of the files. Not to be printed.
#[derive(PartialEq, Eq)]
struct FileCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl ProvideCredentials for CredentialFiles {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

impl CredentialFiles {
    pub(super) fn new(paths: Paths) -> Self {
        Self {
            paths,
            recent: Arc::default(),
        }
    }

    async fn credentials(&self) -> Result {
        if let Some(credentials) = self.recent.get() {
            return Ok(credentials);
        }
        let paths = self.paths.clone();
        let at = Instant::now();
        let read = tokio::task::spawn_blocking(move || paths.credentials()).await;
        let credentials = read.map_err(CredentialsError::unhandled)??;
        self.recent.set(at, credentials.clone());
        Ok(credentials)
    }
}

impl Paths {
    fn credentials(&self) -> Result {
        let contents = self
            .read_settled()
            .map_err(CredentialsError::provider_error)?;
        Ok(Credentials::new(
            contents.access_key_id,
            contents.secret_access_key,
            contents.session_token,
            None,
            "files",
        ))
    }

    /// Reads until two reads agree: files are swapped in between, and an old id with a new secret
    /// would be refused.
    fn read_settled(&self) -> std::result::Result<FileCredentials, CredentialFileError> {
        let mut last = self.read()?;
        for _ in 1..READS {
            let contents = self.read()?;
            if contents == last {
                break;
            }
            last = contents;
        }
        Ok(last)
    }

    fn read(&self) -> std::result::Result<FileCredentials, CredentialFileError> {
        Ok(FileCredentials {
            access_key_id: read_line(&self.access_key_id)?,
            secret_access_key: read_line(&self.secret_access_key)?,
            session_token: self.session_token.as_deref().map(read_line).transpose()?,
        })
    }
}

/// Reads the text of a file.
fn read_line(path: &Path) -> std::result::Result<String, CredentialFileError> {
    let content =
        files::read_file(path, MAX_BYTES).map_err(|error| CredentialFileError::Unreadable {
            path: path.to_owned(),
            reason: match error {
                FileError::Unreadable(error) => error.kind().to_string(),
                FileError::Missing | FileError::NotAFile | FileError::TooLarge(_) => {
                    error.to_string()
                }
            },
        })?;
    one_line(path, content)
}

/// Returns the one line of text in the content of a file, without the white space around it.
pub(super) fn one_line(
    path: &Path,
    content: Vec<u8>,
) -> std::result::Result<String, CredentialFileError> {
    let text = String::from_utf8(content).map_err(|_| CredentialFileError::NotOneLine {
        path: path.to_owned(),
    })?;
    match text.trim() {
        "" => Err(CredentialFileError::Empty {
            path: path.to_owned(),
        }),
        line if line.chars().any(|c| c.is_control() || !c.is_ascii()) => {
            Err(CredentialFileError::NotOneLine {
                path: path.to_owned(),
            })
        }
        line => Ok(line.to_owned()),
    }
}
