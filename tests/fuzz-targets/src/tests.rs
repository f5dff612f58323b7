//! Replay of the corpus, and completeness of the targets.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::{TARGETS, Target};

/// Largest file of the corpus, in bytes.
const LARGEST_FILE: u64 = 64 * 1024;

/// Largest size of all corpora together, in bytes.
const LARGEST_CORPUS: u64 = 1536 * 1024;

/// Folder of the fuzzer.
fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// Names of the entries of a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// Runs every file of a target's corpus, and returns the names of those that break a law.
fn replay(target: Target) -> Vec<String> {
    let folder = fuzz().join("corpus").join(target.name);
    let files = names(&folder);
    assert!(!files.is_empty(), "`{}` has no corpus", target.name);
    let breaks_law = |file: &String| {
        let bytes = fs::read(folder.join(file)).unwrap();
        catch_unwind(|| (target.run)(&bytes)).is_err()
    };
    files.into_iter().filter(breaks_law).collect()
}

#[test]
fn the_corpus_breaks_no_law() {
    let replays = TARGETS.iter().map(|target| {
        let replay = thread::spawn(|| replay(*target));
        (target.name, replay)
    });
    let replays: Vec<_> = replays.collect();

    let broken: Vec<_> = replays
        .into_iter()
        .map(|(name, replay)| (name, replay.join().unwrap()))
        .filter(|(_, files)| !files.is_empty())
        .collect();

    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn every_target_has_its_program_and_its_corpus() {
    let targets: BTreeSet<_> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let programs = targets.iter().map(|name| format!("{name}.rs")).collect();

    assert_eq!(targets.len(), TARGETS.len());
    assert_eq!(names(&fuzz().join("corpus")), targets);
    assert_eq!(names(&fuzz().join("fuzz_targets")), programs);
    for name in &targets {
        let path = format!("fuzz_targets/{name}.rs");
        let program = fs::read_to_string(fuzz().join(&path)).unwrap();
        assert!(
            program.contains(&format!("fuzz_targets::{name}(bytes)")),
            "{path}"
        );
        assert!(
            manifest.contains(&format!("name = \"{name}\"\npath = \"{path}\"")),
            "{path}"
        );
    }
}

#[test]
fn the_corpus_is_small() {
    let mut total = 0;
    for target in TARGETS {
        let folder = fuzz().join("corpus").join(target.name);
        for file in names(&folder) {
            let size = fs::metadata(folder.join(&file)).unwrap().len();
            assert!(
                size <= LARGEST_FILE,
                "{}/{file} has {size} bytes",
                target.name
            );
            total += size;
        }
    }
    assert!(total <= LARGEST_CORPUS, "{total} bytes");
}
