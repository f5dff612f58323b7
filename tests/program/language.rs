//! The language of doc comments and of test names, as far as a machine can judge it.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// Folders with sources.
const SOURCES: [&str; 5] = ["src", "crates", "tests", "benches", "examples"];

/// Words that open a question rather than a description.
const QUESTION_WORDS: [&str; 9] = [
    "What", "How", "Whether", "When", "Where", "Which", "Who", "Whose", "Why",
];

/// Largest share of a folder's doc comments that may open with such a word, in percent.
const MAX_PERCENT: usize = 5;

/// Length that the names of tests stay below, in characters.
const TEST_NAME_LIMIT: usize = 60;

/// A doc comment.
struct DocComment {
    /// File and line.
    place: String,
    /// First line, without the slashes.
    first_line: String,
}

impl DocComment {
    /// Returns whether the comment opens with a question word.
    fn opens_with_question(&self) -> bool {
        let first_word = self
            .first_line
            .split_whitespace()
            .next()
            .unwrap_or_default();
        QUESTION_WORDS.contains(&first_word)
    }
}

/// Returns the Rust files below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Returns the doc comments of a file.
fn doc_comments(path: &Path) -> Vec<DocComment> {
    let text = fs::read_to_string(path).expect("the file can be read");
    let mut found = Vec::new();
    let mut is_inside = false;
    for (line, number) in text.lines().map(str::trim_start).zip(1..) {
        let content = line
            .strip_prefix("//!")
            .or_else(|| line.strip_prefix("///"));
        if let Some(first_line) = content.filter(|_| !is_inside) {
            let place = format!("{}:{number}", path.display());
            found.push(DocComment {
                place,
                first_line: first_line.to_owned(),
            });
        }
        is_inside = content.is_some();
    }
    found
}

/// Returns the doc comments of all files below a folder.
fn doc_comments_below(folder: &Path) -> Vec<DocComment> {
    rust_files(folder)
        .iter()
        .flat_map(|file| doc_comments(file))
        .collect()
}

/// Returns the folders whose comments are measured each by itself: a crate is one.
fn top_folders(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for source in SOURCES {
        let folder = root.join(source);
        if source == "crates" {
            let crates = fs::read_dir(&folder).expect("the folder can be read");
            found.extend(crates.map(|entry| entry.expect("the entry can be read").path()));
        } else {
            found.push(folder);
        }
    }
    found
}

/// Describes the doc comments of a folder that open with a question word, if they are too many.
fn too_many_questions(folder: &Path) -> Option<String> {
    let comments = doc_comments_below(folder);
    let places: Vec<_> = comments
        .iter()
        .filter(|comment| comment.opens_with_question())
        .map(|comment| comment.place.as_str())
        .collect();
    let is_acceptable = places.len() * 100 <= comments.len() * MAX_PERCENT;
    (!is_acceptable).then(|| {
        format!(
            "{} of {} doc comments in {} open with a question word:\n{}",
            places.len(),
            comments.len(),
            folder.display(),
            places.join("\n")
        )
    })
}

#[test]
fn few_doc_comments_open_with_a_question_word() {
    let folders = top_folders(Path::new(env!("CARGO_MANIFEST_DIR")));

    assert!(folders.len() > SOURCES.len(), "no crates in {folders:?}");
    let counts = folders
        .iter()
        .map(|folder| doc_comments_below(folder).len());
    let all: usize = counts.sum();
    assert!(all > 1000, "only {all} doc comments were found");
    let problems: Vec<_> = folders
        .iter()
        .filter_map(|folder| too_many_questions(folder))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Returns the names of the tests of a file.
fn test_names(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("the file can be read");
    let mut found = Vec::new();
    let mut is_marked = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_marked = true;
        }
        let (signature, _) = line.split_once('(').unwrap_or_default();
        let words: Vec<_> = signature.split_whitespace().collect();
        if let [.., "fn", name] = words[..]
            && is_marked
        {
            found.push(name.to_owned());
            is_marked = false;
        }
    }
    found
}

#[test]
fn test_names_are_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = SOURCES
        .iter()
        .flat_map(|folder| rust_files(&root.join(folder)));

    let names: Vec<_> = files.flat_map(|file| test_names(&file)).collect();

    assert!(names.len() > 1000, "only {} tests were found", names.len());
    let long: Vec<_> = names
        .iter()
        .filter(|name| name.len() >= TEST_NAME_LIMIT)
        .collect();
    assert!(long.is_empty(), "too long: {long:#?}");
}
