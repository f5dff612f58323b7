//! File in which evidence and budget of an archive survive a restart.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Budget;
use crate::evidence::ArchiveEvidence;

/// Number of the file's format, and of the rules by which contents are judged. A file with another
/// number is ignored: what was sound by other rules has to be read again.
const FORMAT: u32 = 1;

/// Maximum size of the file, in bytes.
const MAX_BYTES: u64 = 512 << 20;

/// Content of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedState {
    format: u32,
    /// Budget, without what is reserved for reads under way.
    pub budget: Budget,
    /// Evidence about the archive.
    pub evidence: ArchiveEvidence,
}

/// Failure to load or save the file.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read or written.
    #[error("`{}` cannot be used to remember what was verified", path.display())]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// Failure of the system.
        #[source]
        source: io::Error,
    },
    /// Another process uses the file.
    #[error("`{}` is in use by another process", path.display())]
    InUse {
        /// Path of the file.
        path: PathBuf,
    },
}

/// File of one archive, locked for this process.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    temporary: PathBuf,
    /// Holds the lock.
    _lock: File,
}

/// Format of a file, whatever else it contains.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl SavedState {
    /// Creates the content of a file.
    #[must_use]
    pub const fn new(budget: Budget, evidence: ArchiveEvidence) -> Self {
        Self {
            format: FORMAT,
            budget,
            evidence,
        }
    }
}

impl StateFile {
    /// Locks the file of an archive in a directory, which is created if necessary.
    ///
    /// # Errors
    /// Fails if another process uses the file, or the directory cannot be written to.
    pub fn open(directory: &Path, archive: &str) -> Result<Self, StateError> {
        let path = path_of(directory, archive);
        let failed = |source| StateError::Io {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(directory).map_err(failed)?;
        let lock = File::create(path.with_extension("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StateError::InUse { path }),
            Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        Ok(Self {
            temporary: path.with_extension("new"),
            path,
            _lock: lock,
        })
    }

    /// Loads what was saved; `None` if there is nothing, or nothing of this version.
    ///
    /// # Errors
    /// Fails if the file exists and cannot be read.
    pub fn load(&self) -> Result<Option<SavedState>, StateError> {
        load(&self.path)
    }

    /// Loads what a process saved, without locking the file.
    ///
    /// # Errors
    /// Fails if the file exists and cannot be read.
    pub fn peek(directory: &Path, archive: &str) -> Result<Option<SavedState>, StateError> {
        load(&path_of(directory, archive))
    }

    /// Replaces the file: whatever happens meanwhile, it holds the old content or the new one.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn save(&self, state: &SavedState) -> Result<(), StateError> {
        self.write(state).map_err(|source| StateError::Io {
            path: self.path.clone(),
            source,
        })
    }

    fn write(&self, state: &SavedState) -> io::Result<()> {
        let mut writer = BufWriter::new(File::create(&self.temporary)?);
        serde_json::to_writer(&mut writer, state)?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        if let Some(directory) = self.path.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }
}

fn load(path: &Path) -> Result<Option<SavedState>, StateError> {
    let failed = |source| StateError::Io {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = Vec::new();
    let mut reader = BufReader::new(file).take(MAX_BYTES);
    reader.read_to_end(&mut text).map_err(failed)?;
    let is_known =
        serde_json::from_slice::<FormatOnly>(&text).is_ok_and(|found| found.format == FORMAT);
    if !is_known {
        return Ok(None);
    }
    let state = serde_json::from_slice(&text);
    state.map(Some).map_err(|error| failed(error.into()))
}

/// Returns the path of an archive's file. Names of archives can hold any character.
fn path_of(directory: &Path, archive: &str) -> PathBuf {
    let mut name = String::from("verification-");
    for character in archive.chars() {
        if character.is_ascii_alphanumeric() || matches!(character, '-' | '_') {
            name.push(character);
        } else {
            // Writing to a text does not fail.
            let _ = write!(name, "%{:X}", u32::from(character));
        }
    }
    directory.join(name + ".json")
}
