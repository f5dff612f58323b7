//! Files of an operator, read in bounded memory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Size of the largest file with certificates that is read, in bytes: many times the roots of a whole
/// system.
pub const MAX_CERTIFICATE_BYTES: u64 = 4 * 1024 * 1024;

/// Reason why a file is not read. Never contains text of the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A file that does not exist.
    #[error("there is no such file")]
    Missing,
    /// A file that cannot be read.
    #[error("the file cannot be read")]
    Unreadable(#[source] io::Error),
    /// A directory, a pipe or a device.
    #[error("expected a file, found something else")]
    NotAFile,
    /// A file that is larger than any of its kind.
    #[error("the file has more than {0} bytes")]
    TooLarge(u64),
}

/// Reads a whole file. Blocks.
///
/// # Errors
/// Fails as [`check_file`] does, and if the file cannot be read to its end.
pub fn read_file(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FileError> {
    check_file(path, max_bytes)?;
    let file = File::open(path).map_err(unreadable)?;
    let mut content = Vec::new();
    let read = file
        .take(max_bytes.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(FileError::Unreadable)?;
    if read as u64 > max_bytes {
        return Err(FileError::TooLarge(max_bytes));
    }
    Ok(content)
}

/// Makes sure that a file can be read to its end, in bounded memory. Blocks.
///
/// # Errors
/// Returns an error if the file is missing, too large, or not a regular file: opening a pipe would
/// wait for whoever writes to it.
pub fn check_file(path: &Path, max_bytes: u64) -> Result<(), FileError> {
    let file = fs::metadata(path).map_err(unreadable)?;
    if !file.is_file() {
        return Err(FileError::NotAFile);
    }
    if file.len() > max_bytes {
        return Err(FileError::TooLarge(max_bytes));
    }
    Ok(())
}

fn unreadable(error: io::Error) -> FileError {
    if error.kind() == io::ErrorKind::NotFound {
        FileError::Missing
    } else {
        FileError::Unreadable(error)
    }
}
