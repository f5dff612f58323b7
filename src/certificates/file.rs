//! Certificates in files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use openssl::x509::X509;
use tls_certificates::files::{self, MAX_CERTIFICATE_BYTES};
use tls_certificates::x509;

use super::ReadError;

/// Readings of one certificate's files, off the async threads; no file is read twice at once.
///
/// A file system that does not answer blocks one thread for each file, not one more for each reading.
#[derive(Clone, Debug, Default)]
pub(super) struct FileReads {
    under_way: Arc<Mutex<HashSet<PathBuf>>>,
}

/// File that is being read.
struct UnderWay {
    path: PathBuf,
    files: FileReads,
}

impl FileReads {
    /// Reads all certificates of a file.
    ///
    /// # Errors
    /// If it cannot be read, or contains none.
    pub(super) async fn read(&self, path: &Path) -> Result<Vec<X509>, ReadError> {
        self.run(path, read_file).await
    }

    /// Does something with a path that may block.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        path: &Path,
        job: impl FnOnce(&Path) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        if !self.locked().insert(path.to_owned()) {
            return Err(ReadError::Stuck);
        }
        let under_way = UnderWay {
            path: path.to_owned(),
            files: self.clone(),
        };
        let done = tokio::task::spawn_blocking(move || job(&under_way.path));
        done.await.unwrap_or(Err(ReadError::Internal))
    }

    /// Returns true if a reading is under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.locked().is_empty()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.files.locked().remove(&self.path);
    }
}

pub(super) fn read_file(path: &Path) -> Result<Vec<X509>, ReadError> {
    let content = files::read_file(path, MAX_CERTIFICATE_BYTES)?;
    Ok(x509::certificates(&content)?)
}
