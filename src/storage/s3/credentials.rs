//! Credentials that stand in files, such as a mounted Kubernetes secret.

use std::io;
use std::path::{Path, PathBuf};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, future};

/// Reads that may differ before a set of files is taken as it is.
const READS: u32 = 5;

/// Paths of the files that hold a set of credentials.
///
/// The files are read anew for every request: what was rotated counts from the next request on.
#[derive(Clone, Debug)]
pub(super) struct CredentialFiles {
    pub(super) access_key_id: PathBuf,
    pub(super) secret_access_key: PathBuf,
    pub(super) session_token: Option<PathBuf>,
}

/// A file with credentials is not usable. Never tells its content.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// The file could not be read.
    #[error("credentials file `{}` cannot be read ({kind})", path.display())]
    Unreadable { path: PathBuf, kind: io::ErrorKind },
    /// The file holds nothing but blanks.
    #[error("credentials file `{}` is empty", path.display())]
    Empty { path: PathBuf },
    /// The file holds something that cannot be a credential.
    #[error("credentials file `{}` does not hold one line of text", path.display())]
    NotOneLine { path: PathBuf },
}

/// What the files hold. Not to be printed.
#[derive(PartialEq, Eq)]
struct Contents {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl ProvideCredentials for CredentialFiles {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let files = self.clone();
        future::ProvideCredentials::new(async move {
            tokio::task::spawn_blocking(move || files.credentials())
                .await
                .map_err(CredentialsError::unhandled)?
        })
    }
}

impl CredentialFiles {
    fn credentials(&self) -> Result {
        let contents = self.read_settled().map_err(CredentialsError::provider_error)?;
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
    fn read_settled(&self) -> std::result::Result<Contents, FileError> {
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

    fn read(&self) -> std::result::Result<Contents, FileError> {
        Ok(Contents {
            access_key_id: read_line(&self.access_key_id)?,
            secret_access_key: read_line(&self.secret_access_key)?,
            session_token: self.session_token.as_deref().map(read_line).transpose()?,
        })
    }
}

/// Text of the file without the blanks around it.
fn read_line(path: &Path) -> std::result::Result<String, FileError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| FileError::Unreadable { path: path.to_owned(), kind: error.kind() })?;
    match text.trim() {
        "" => Err(FileError::Empty { path: path.to_owned() }),
        line if line.chars().any(|c| c.is_control() || !c.is_ascii()) => {
            Err(FileError::NotOneLine { path: path.to_owned() })
        }
        line => Ok(line.to_owned()),
    }
}
