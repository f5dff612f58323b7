//! Files by pattern.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{fs, io};

use glob::{MatchOptions, Pattern};

use super::ReadError;

/// Maximum number of files that one pattern stands for.
const MAX_MATCHES: usize = 100;

/// Rules of matching. Names that start with a dot match only if the pattern has the dot as well:
/// Kubernetes keeps the versions of mounted files under such names.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Files that match a pattern, and the error of the search, if any.
#[derive(Debug, Default)]
pub(super) struct Matches {
    pub(super) files: Vec<PathBuf>,
    pub(super) error: Option<ReadError>,
}

/// Returns true if a path is a pattern, and not a plain path.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .any(|byte| b"*?[".contains(byte))
}

/// Returns the files that match a pattern now, in the order of their names.
///
/// The crate `glob` only matches names here. Its search panics at a name that is not UTF-8, and skips
/// directories that it cannot read.
pub(super) fn matches(pattern: &Path) -> Matches {
    let mut found = Matches::default();
    let parts: Vec<_> = pattern.iter().collect();
    found.follow(PathBuf::new(), &parts);
    if found.files.is_empty() && found.error.is_none() {
        found.error = Some(ReadError::NoMatch);
    }
    found
}

impl Matches {
    /// Adds the files below a path that match the rest of a pattern.
    fn follow(&mut self, path: PathBuf, parts: &[&OsStr]) {
        let Some((part, rest)) = parts.split_first() else {
            return self.take(path);
        };
        if !is_pattern(Path::new(part)) {
            return self.follow(path.join(part), rest);
        }
        match names(&path, part) {
            Ok(names) => {
                for name in names {
                    if matches!(self.error, Some(ReadError::TooManyMatches(_))) {
                        break;
                    }
                    self.follow(path.join(name), rest);
                }
            }
            Err(error) => self.error = Some(ReadError::Directory(path, error)),
        }
    }

    fn take(&mut self, path: PathBuf) {
        let is_absent = fs::symlink_metadata(&path).is_err_and(|error| is_absence(&error));
        if is_absent || path.is_dir() {
            return;
        }
        if self.files.len() < MAX_MATCHES {
            self.files.push(path);
        } else {
            self.error = Some(ReadError::TooManyMatches(MAX_MATCHES));
        }
    }
}

/// Returns the names in a directory that match a part of a pattern, in order; none if the directory
/// does not exist.
fn names(directory: &Path, part: &OsStr) -> io::Result<Vec<OsString>> {
    let Ok(part) = Pattern::new(&part.to_string_lossy()) else {
        return Ok(Vec::new());
    };
    // An empty path is the current directory.
    let here = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let entries = match fs::read_dir(here) {
        Err(error) if is_absence(&error) => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.retain(|name| part.matches_with(&name.to_string_lossy(), OPTIONS));
    names.sort();
    Ok(names)
}

/// Returns true if a file does not exist, rather than cannot be seen.
fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Returns the name of a file among those of a pattern: its path below the fixed directories of the
/// pattern. It is unique.
pub(super) fn name_below(pattern: &Path, file: &Path) -> String {
    let fixed = pattern.parent().into_iter().flat_map(Path::components);
    let fixed = fixed.take_while(|part| !is_pattern(Path::new(part.as_os_str())));
    escaped(
        file.components()
            .skip(fixed.count())
            .collect::<PathBuf>()
            .as_os_str(),
    )
}

/// Returns a path as a text without control characters, different for each path.
fn escaped(path: &OsStr) -> String {
    let mut text = String::new();
    for chunk in path.as_encoded_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter.is_control() || letter == '\\' {
                text.extend(letter.escape_default());
            } else {
                text.push(letter);
            }
        }
        text.extend(chunk.invalid().escape_ascii().map(char::from));
    }
    text
}
