//! File in which evidence and budget of an archive survive a restart.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::Budget;
use crate::evidence::ArchiveEvidence;

/// Number of the file's format, and of the rules by which contents are judged. A file with another
/// number is ignored: what was sound by other rules has to be read again.
const FORMAT: u32 = 2;

/// Maximum size of the file, in bytes.
const MAX_BYTES: u64 = 512 << 20;

/// What was saved of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedState {
    /// Budget, without what is reserved for reads under way.
    pub budget: Budget,
    /// Evidence about the archive.
    pub evidence: ArchiveEvidence,
}

/// Reason why what was saved is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IgnoredState {
    /// Text that is not what the program saves.
    #[error("the file is damaged")]
    Damaged,
    /// Text of a version of the program with other rules.
    #[error("the file was written by a version with other rules")]
    OtherVersion,
    /// Evidence about another endpoint, bucket or prefix.
    #[error("the file was written for another endpoint, bucket or prefix")]
    OtherPlace(Budget),
}

impl IgnoredState {
    /// Returns what can be used all the same: the budget is the archive's, wherever it is.
    fn into_state(self) -> Option<SavedState> {
        match self {
            Self::Damaged | Self::OtherVersion => None,
            Self::OtherPlace(budget) => Some(SavedState {
                budget,
                evidence: ArchiveEvidence::default(),
            }),
        }
    }
}

impl SavedState {
    /// Reads what was saved about a place.
    ///
    /// # Errors
    /// Fails if it is damaged, of another version, or about another place.
    pub fn parse(text: &[u8], place: &str) -> Result<Self, IgnoredState> {
        let head: Head = serde_json::from_slice(text).map_err(|_| IgnoredState::Damaged)?;
        if head.format != FORMAT {
            return Err(IgnoredState::OtherVersion);
        }
        if head.place != place {
            return Err(IgnoredState::OtherPlace(head.budget));
        }
        let content: Content<ArchiveEvidence> =
            serde_json::from_slice(text).map_err(|_| IgnoredState::Damaged)?;
        Ok(Self {
            budget: content.budget,
            evidence: content.evidence,
        })
    }

    /// Writes what is to be saved about a place, so that [`parse`](Self::parse) reads it.
    ///
    /// # Errors
    /// Fails if the writer does.
    pub fn write(
        writer: impl Write,
        place: &str,
        budget: Budget,
        evidence: &ArchiveEvidence,
    ) -> io::Result<()> {
        let content = Content {
            format: FORMAT,
            place: place.to_owned(),
            budget,
            evidence,
        };
        Ok(serde_json::to_writer(writer, &content)?)
    }
}

/// Content of the file.
#[derive(Serialize, Deserialize)]
struct Content<E> {
    format: u32,
    place: String,
    budget: Budget,
    evidence: E,
}

/// Content of the file, without the evidence.
#[derive(Deserialize)]
struct Head {
    format: u32,
    place: String,
    budget: Budget,
}

/// File of one archive, wherever the archive is.
#[derive(Clone, Debug)]
pub struct StateName {
    /// Directory of the file.
    pub directory: PathBuf,
    /// Configured name of the archive.
    pub archive: String,
    /// Endpoint and destination of the archive. What was found at one place says nothing of another
    /// one, although keys and sizes may be the same.
    pub place: String,
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
    /// The evidence is larger than what would be loaded again.
    #[error("`{}` would be larger than {MAX_BYTES} bytes", path.display())]
    TooLarge {
        /// Path of the file.
        path: PathBuf,
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
    name: StateName,
    path: PathBuf,
    temporary: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl StateFile {
    /// Locks the file of an archive in a directory, which is created if necessary.
    ///
    /// # Errors
    /// Fails if another process uses the file, or the directory cannot be written to.
    pub fn open(name: &StateName) -> Result<Self, StateError> {
        let directory = &name.directory;
        let path = name.path();
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
            name: name.clone(),
            temporary: path.with_extension("new"),
            path,
            _lock: lock,
        })
    }

    /// Loads what was saved; `None` if there is nothing, or nothing of this version. Of another place, the
    /// budget alone is loaded.
    ///
    /// # Errors
    /// Fails if the file exists and cannot be read.
    pub fn load(&self) -> Result<Option<SavedState>, StateError> {
        Self::peek(&self.name)
    }

    /// Loads what a process saved, as [`load`](Self::load) does, without locking the file.
    ///
    /// # Errors
    /// Fails if the file exists and cannot be read.
    pub fn peek(name: &StateName) -> Result<Option<SavedState>, StateError> {
        let path = name.path();
        let text = read(&path).map_err(|source| StateError::Io {
            path: path.clone(),
            source,
        })?;
        Ok(text.and_then(|text| saved(name, &path, &text)))
    }

    /// Replaces the file: whatever happens meanwhile, it holds the old content or the new one.
    ///
    /// # Errors
    /// Fails if it cannot be written, or would be too large to be loaded again.
    pub fn save(&self, budget: Budget, evidence: &ArchiveEvidence) -> Result<(), StateError> {
        let failed = |source| StateError::Io {
            path: self.path.clone(),
            source,
        };
        if self.write(budget, evidence).map_err(failed)? > MAX_BYTES {
            let path = self.path.clone();
            return Err(StateError::TooLarge { path });
        }
        self.replace().map_err(failed)
    }

    /// Writes the new content beside the file, and returns its size.
    fn write(&self, budget: Budget, evidence: &ArchiveEvidence) -> io::Result<u64> {
        let mut writer = BufWriter::new(File::create(&self.temporary)?);
        SavedState::write(&mut writer, &self.name.place, budget, evidence)?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        Ok(writer.get_ref().metadata()?.len())
    }

    fn replace(&self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.path)?;
        if let Some(directory) = self.path.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }
}

impl StateName {
    /// Returns the path of the file. Names of archives can hold any character.
    fn path(&self) -> PathBuf {
        let mut name = String::from("verification-");
        for character in self.archive.chars() {
            if character.is_ascii_alphanumeric() || matches!(character, '-' | '_') {
                name.push(character);
            } else {
                // Writing to a text does not fail.
                let _ = write!(name, "%{:X}", u32::from(character));
            }
        }
        self.directory.join(name + ".json")
    }
}

/// Reads the file; `None` if it does not exist.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    let mut reader = BufReader::new(file).take(MAX_BYTES);
    reader.read_to_end(&mut text)?;
    Ok(Some(text))
}

/// Returns what a file says; `None`, with a reason in the log, if it says nothing that counts.
fn saved(name: &StateName, path: &Path, text: &[u8]) -> Option<SavedState> {
    let ignored = match SavedState::parse(text, &name.place) {
        Ok(state) => return Some(state),
        Err(ignored) => ignored,
    };
    let (archive, path) = (&name.archive, path.display());
    warn!(
        target: "verification",
        archive, %path, reason = %ignored, "What was verified before is ignored and read again"
    );
    ignored.into_state()
}
