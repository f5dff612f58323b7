//! Generated parts of documents.

use std::sync::{Mutex, PoisonError};
use std::{env, fs};

use crate::documents::{project, read};

/// Guard of the documents: several tests may update one of them.
static DOCUMENTS: Mutex<()> = Mutex::new(());

/// Part of a document between two marks, which a test compares or writes.
pub(crate) struct GeneratedPart {
    /// Path of the document.
    pub(crate) document: &'static str,
    /// Name of the part in its marks.
    pub(crate) name: &'static str,
}

impl GeneratedPart {
    /// Asserts that the part is as expected; with `UPDATE_DOCS` in the environment, writes it instead.
    #[track_caller]
    pub(crate) fn check(&self, expected: &str) {
        let Self { document, name } = self;
        let begin = format!("<!-- generated: {name} -->\n");
        let end = format!("<!-- end of generated: {name} -->\n");
        let _guard = DOCUMENTS.lock().unwrap_or_else(PoisonError::into_inner);
        let text = read(document);
        let missing = format!("{document} has no generated part `{name}`");
        let (before, rest) = text.split_once(&begin).expect(&missing);
        let (found, after) = rest.split_once(&end).expect(&missing);

        if env::var_os("UPDATE_DOCS").is_none() {
            let command = "make generate";
            assert_eq!(
                found, expected,
                "{document} is out of date: run `{command}`"
            );
        } else if found != expected {
            let updated = [before, &begin, expected, &end, after].concat();
            fs::write(project(document), updated).expect("the document can be written");
        }
    }
}

/// Puts output of the program into a block of code.
pub(crate) fn code_block(output: &str) -> String {
    format!("```text\n{output}```\n")
}

/// Cell of a Markdown table: one line without the sign that divides cells.
pub(crate) fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
