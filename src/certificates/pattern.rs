//! Files by pattern.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, glob_with};

use super::ReadError;

/// The most files that one pattern stands for.
pub(super) const MAX_MATCHES: usize = 100;

/// What a pattern stands for: files, and what went wrong on the way.
#[derive(Debug)]
pub(super) struct Matches {
    pub(super) files: Vec<PathBuf>,
    pub(super) error: Option<ReadError>,
}

/// Whether a path stands for several, and is no plain path.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| b"*?[".contains(byte))
}

/// The files that match a pattern now, in the order of their names.
///
/// Names that begin with a dot match only where the pattern has one too: that is where Kubernetes
/// keeps the versions of what it mounts.
pub(super) fn matches(pattern: &Path) -> Matches {
    let options = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let mut found = Matches { files: Vec::new(), error: None };
    let Ok(paths) = glob_with(&pattern.to_string_lossy(), options) else {
        found.error = Some(ReadError::NoMatch);
        return found;
    };
    for path in paths {
        match path {
            Ok(path) if path.is_dir() => {}
            Ok(_) if found.files.len() == MAX_MATCHES => {
                found.error = Some(ReadError::TooManyMatches(MAX_MATCHES));
                break;
            }
            Ok(path) => found.files.push(path),
            Err(error) => {
                let path = error.path().to_owned();
                found.error = Some(ReadError::Directory(path, error.into()));
            }
        }
    }
    if found.files.is_empty() && found.error.is_none() {
        found.error = Some(ReadError::NoMatch);
    }
    found
}

/// The name of a file among those of a pattern: its path below the directories that the pattern
/// names outright.
pub(super) fn name_below(pattern: &Path, file: &Path) -> String {
    let fixed = pattern.parent().into_iter().flat_map(Path::components);
    let fixed = fixed.take_while(|part| !is_pattern(Path::new(part.as_os_str())));
    let below = file.components().skip(fixed.count()).collect::<PathBuf>();
    match below.to_str() {
        Some(text) => text.replace(char::is_control, "\u{fffd}"),
        None => below.as_os_str().as_encoded_bytes().escape_ascii().to_string(),
    }
}
