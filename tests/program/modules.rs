//! Dependencies that are allowed between the modules of the source, words that pure modules must not
//! use, and the document that the sources cite.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use barman_cloud_exporter::app::logging::TARGETS;

/// Pure modules, each of which uses only those before it.
const PURE: [&str; 7] = [
    "evidence", "report", "assess", "health", "output", "pages", "metrics",
];

/// Modules that do I/O, and `config`, which reads its file.
const OTHERS: [&str; 6] = [
    "certificates",
    "scan",
    "verification",
    "web",
    "config",
    "app",
];

/// Crates that cannot do I/O, and the packages that none of them may depend on, however far down.
const PURE_CRATES: [&str; 4] = [
    "archive-contents",
    "barman-archive",
    "cnpg-schedule",
    "error-causes",
];
/// Their sources, and what else outside the program is as pure as it can be: `x509` needs OpenSSL.
const PURE_SOURCES: [&str; 5] = [
    "crates/archive-contents/src",
    "crates/barman-archive/src",
    "crates/cnpg-schedule/src",
    "crates/error-causes/src",
    "crates/tls-certificates/src/x509",
];
const PACKAGES_WITH_IO: [&str; 6] = ["tokio", "hyper", "reqwest", "openssl", "tracing", "aws-"];

/// Files and folders of tests alone.
const TESTS: [&str; 2] = ["tests.rs", "tests"];

/// Words that have no place in a pure module: I/O, clocks, logs, async.
const IMPURE: [&str; 13] = [
    "fs::",
    "env::",
    "std::net",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "tokio",
    "tracing",
    "async ",
    ".await",
    "Utc::now",
    "SystemTime",
    "Instant::now",
];

/// Lines of a module's code with their positions, without comments and tests.
fn code(module: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root
        .join(if module.contains('/') { "" } else { "src" })
        .join(module);
    let lines: Vec<_> = files(&folder)
        .iter()
        .flat_map(|file| code_lines(file))
        .collect();
    assert!(!lines.is_empty(), "`{module}` has no code");
    lines
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the module is a folder");
    let paths = entries.map(|entry| entry.expect("the entry can be read").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn code_lines(file: &Path) -> Vec<(String, String)> {
    let inside = file
        .strip_prefix(env!("CARGO_MANIFEST_DIR"))
        .expect("the file is in the project");
    let is_test = |part: &OsStr| TESTS.iter().any(|name| part == *name);
    if inside.components().any(|part| is_test(part.as_os_str())) {
        return vec![];
    }
    let text = fs::read_to_string(file).expect("the file can be read");
    let mut code = Vec::new();
    let mut is_of_test = false;
    for (line, number) in text.lines().zip(1..) {
        if is_of_test && line.starts_with("mod ") && line.ends_with('{') {
            // Tests end their file.
            break;
        }
        let is_comment = line.trim_start().starts_with("//");
        if !is_comment && !is_of_test {
            code.push((format!("{}:{number}", file.display()), line.to_owned()));
        }
        is_of_test = line == "#[cfg(test)]";
    }
    code
}

/// Returns true if a line has a word that is not the end of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        !word.starts_with(is_name) || !before.is_some_and(is_name)
    })
}

fn assert_absent(module: &str, words: impl IntoIterator<Item = String>) {
    let lines = code(module);
    for word in words {
        let found = lines.iter().find(|(_, line)| has_word(line, &word));
        assert_eq!(found, None, "`{module}` must not name `{word}`");
    }
}

#[test]
fn pure_modules_do_no_io_and_read_no_clock() {
    for module in PURE.iter().chain(&PURE_SOURCES) {
        assert_absent(module, IMPURE.map(str::to_owned));
    }
}

#[test]
fn uses_between_the_modules_go_one_way() {
    for (index, module) in PURE.iter().enumerate() {
        let later = PURE.iter().skip(index + 1).chain(&OTHERS);
        assert_absent(module, later.map(|other| format!("crate::{other}")));
    }
    assert_absent(
        "metrics",
        ["output", "pages"].map(|module| format!("crate::{module}")),
    );
    assert_absent(
        "scan",
        ["web", "config", "app", "metrics"].map(|module| format!("crate::{module}")),
    );
    assert_absent(
        "certificates",
        ["scan", "web", "config", "app", "metrics"].map(|module| format!("crate::{module}")),
    );
    assert_absent(
        "web",
        [
            "certificates",
            "scan",
            "config",
            "app",
            "report",
            "health",
            "output",
            "pages",
        ]
        .map(|module| format!("crate::{module}")),
    );
    // What an operator writes is parsed into the types of the pure modules, where the rule stands.
    assert_absent(
        "config",
        ["certificates", "scan", "web", "app"].map(|module| format!("crate::{module}")),
    );
}

/// A rule returns evidence; `output` makes a sentence of it.
#[test]
fn rules_write_no_sentences() {
    assert_absent("health", ["format!", "write!"].map(str::to_owned));
}

#[test]
fn only_the_store_of_s3_names_the_sdk() {
    for module in PURE.iter().chain(&OTHERS) {
        // A list of noisy log targets is not a use.
        let outside = code(module)
            .into_iter()
            .filter(|(place, _)| !place.contains("app/logging.rs"));
        let found = outside.into_iter().find(|(_, line)| line.contains("aws_"));
        assert_eq!(found, None, "only `archive-store-s3` may name the AWS SDK");
    }
}

#[test]
fn pure_crates_depend_on_nothing_that_does_io() {
    for package in PURE_CRATES {
        let tree = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--offline",
                "--edges",
                "normal",
                "--prefix",
                "none",
                "--package",
                package,
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo can be run");
        assert!(
            tree.status.success(),
            "{}",
            String::from_utf8_lossy(&tree.stderr)
        );
        let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
        assert!(tree.starts_with(package), "{tree}");
        for line in tree.lines() {
            let found = PACKAGES_WITH_IO.iter().find(|name| line.starts_with(*name));
            assert_eq!(found, None, "`{package}` depends on {line}");
        }
    }
}

#[test]
fn every_cited_section_of_the_specification_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let specification = fs::read_to_string(root.join("docs/specification.md"));
    let specification = specification.expect("the specification can be read");
    let sections = sections(&specification);
    let mut citations = 0;

    for file in ["benches", "crates", "examples", "src", "tests"]
        .iter()
        .flat_map(|folder| files(&root.join(folder)))
    {
        let text = fs::read_to_string(&file).expect("the file can be read");
        for line in text
            .lines()
            .filter(|line| line.trim_start().starts_with("//"))
        {
            let Some((_, cited)) = line.split_once("`docs/specification.md`, ") else {
                continue;
            };
            for number in cited
                .trim_end_matches('.')
                .split([' ', ','])
                .filter(|word| is_section(word))
            {
                assert!(
                    sections.contains(&number),
                    "{}: no section {number}",
                    file.display()
                );
                citations += 1;
            }
        }
    }

    assert!(citations > 25, "only {citations} citations were found");
}

/// Numbers of the chapters and sections of a document.
fn sections(document: &str) -> Vec<&str> {
    let headings = document.lines().filter(|line| line.starts_with("##"));
    let numbers =
        headings.filter_map(|line| line.trim_start_matches('#').split_whitespace().next());
    numbers.map(|number| number.trim_end_matches('.')).collect()
}

fn is_section(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_digit())
}

/// Sources of the program's events.
const SOURCES_OF_EVENTS: [&str; 9] = [
    "app",
    "certificates",
    "config",
    "scan",
    "verification",
    "web",
    "crates/archive-listing/src",
    "crates/archive-store/src",
    "crates/archive-store-s3/src",
];

/// Macros that log an event.
const EVENT_MACROS: [&str; 5] = ["trace!(", "debug!(", "info!(", "warn!(", "error!("];

#[test]
fn every_event_has_a_target_that_operators_know() {
    for source in SOURCES_OF_EVENTS {
        let lines: Vec<_> = code(source).into_iter().map(|(_, line)| line).collect();
        let text = lines.join("\n");
        for arguments in EVENT_MACROS.iter().flat_map(|name| calls(&text, name)) {
            let target = arguments.trim_start().strip_prefix("target: \"");
            let target = target.and_then(|rest| Some(rest.split_once('"')?.0));
            let is_known = target.is_some_and(|target| TARGETS.contains(&target));
            let start: String = arguments.chars().take(80).collect();
            assert!(
                is_known,
                "an event of `{source}` has no known target: {start}"
            );
        }
    }
}

/// Returns the text after each call of a macro.
fn calls<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(name).filter_map(|(start, name)| {
        let before = text.get(..start)?.chars().next_back();
        let is_longer_name = before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
        if is_longer_name {
            None
        } else {
            text.get(start + name.len()..)
        }
    })
}
