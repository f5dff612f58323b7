//! Shell completions and manual pages, generated from the command line.
//!
//! `make generate` writes them below `deploy/`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use clap::CommandFactory;
use clap_complete::Shell;
use tempfile::TempDir;

use super::super::CommandLine;
use crate::app::build_info;

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Fish, Shell::Zsh];

/// Returns the definition of the command line, with a version that does not change with each commit.
fn definition() -> clap::Command {
    <CommandLine as CommandFactory>::command().version(build_info::VERSION)
}

/// Compares the files in a directory with those in the repository, or writes them there.
#[track_caller]
fn assert_committed(generated: &TempDir, committed: &Path) {
    let update = env::var_os("UPDATE_CLI_DOCS").is_some();
    if update {
        drop(fs::remove_dir_all(committed));
        fs::create_dir_all(committed).unwrap();
    }
    let files = names(generated.path());
    for name in &files {
        let text = fs::read(generated.path().join(name)).unwrap();
        if update {
            fs::write(committed.join(name), &text).unwrap();
        }
        assert!(
            fs::read(committed.join(name)).ok() == Some(text),
            "{} is out of date: run `make generate`",
            committed.join(name).display()
        );
    }
    assert_eq!(names(committed), files);
}

fn names(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into())
        .collect();
    names.sort();
    names
}

#[test]
fn the_committed_completions_are_those_of_the_command_line() {
    let directory = TempDir::new().unwrap();
    for shell in SHELLS {
        let mut definition = definition();
        let name = definition.get_name().to_owned();
        clap_complete::generate_to(shell, &mut definition, name, directory.path()).unwrap();
    }

    assert_committed(&directory, Path::new("deploy/completions"));
}

#[test]
fn the_committed_manual_pages_are_those_of_the_command_line() {
    let directory = TempDir::new().unwrap();
    clap_mangen::generate_to(definition(), directory.path()).unwrap();

    assert_committed(&directory, Path::new("deploy/man"));
}
