//! Round: a life, and its archive before and after damage, restored and judged.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use fastrand::Rng;
use serde_json::Value;

use crate::truth::archive::Archive;
use crate::truth::case::Case;
use crate::truth::compare::differences;
use crate::truth::damage::damage;
use crate::truth::judge::judge;
use crate::truth::life::{Life, Remains};
use crate::truth::restore::Restorer;
use crate::truth::scratch::Scratch;

/// Number of restores after which an archive is not damaged again.
const ENOUGH_RESTORES: usize = 100;

/// Maximum number of damages to one archive.
const MOST_DAMAGES: usize = 3;

/// Time from the last upload to the judgement, in seconds.
const LATER: i64 = 3600;

/// Outcome of one round.
pub(crate) struct Round {
    pub(crate) seed: u64,
    pub(crate) restores: usize,
    pub(crate) differences: Vec<String>,
}

/// Runs one round as a seed decides: life, damage, restores and judgement. Prints the differences.
pub(crate) fn round(seed: u64) -> Round {
    println!("seed {seed}");
    let begun = Instant::now();
    let mut rng = Rng::with_seed(seed);
    let scratch = Scratch::make();
    let archive = Archive::make(&scratch);
    let remains = Life::live(rng.fork(), &scratch, &archive);
    let lived = begun.elapsed();
    let restorer = Restorer::new(&scratch, &archive);
    let mut round = Round {
        seed,
        restores: 0,
        differences: Vec::new(),
    };
    let mut story = remains.story.clone();
    let mut told = 0;
    for damages in 0..=MOST_DAMAGES {
        let case = case(seed, damages, &story, &remains, &restorer);
        round.restores += case.restores.len();
        let found = compared(&case);
        if !found.is_empty() {
            print_lines(&case.story[told..], &found);
            told = case.story.len();
        }
        round.differences.extend(found);
        if round.restores >= ENOUGH_RESTORES {
            break;
        }
        story.extend(damage(&archive, &mut rng));
    }
    print_outcome(&round, &remains, lived, begun.elapsed());
    round
}

/// Archive in its present state, with every backup restored to every target.
fn case(
    seed: u64,
    damages: usize,
    story: &[String],
    remains: &Remains,
    restorer: &Restorer<'_>,
) -> Case {
    let objects = restorer.archive.objects(remains.clock);
    let modified = objects
        .iter()
        .map(|object| object.modified)
        .max()
        .unwrap_or_default();
    let mut case = Case {
        seed,
        damages,
        story: story.to_vec(),
        now: modified / 1_000_000 + LATER,
        objects,
        backups: remains
            .backups
            .iter()
            .map(|backup| backup.taken.clone())
            .collect(),
        restores: Vec::new(),
    };
    case.restores = restorer.restore_all(&remains.backups, &case.targets());
    case
}

/// Judges a case and returns the differences; keeps the case if `KEEP` is set.
fn compared(case: &Case) -> Vec<String> {
    let verdict = judge(case);
    let found = differences(case, &verdict);
    if env::var_os("KEEP").is_some_and(|value| !value.is_empty()) {
        keep(case, &verdict);
    }
    found
}

fn print_lines(story: &[String], found: &[String]) {
    for line in story {
        println!("  {line}");
    }
    for line in found {
        println!("- {line}");
    }
}

fn keep(case: &Case, verdict: &Value) {
    let directory = kept_directory().join(case.seed.to_string());
    let file = |what: &str| directory.join(format!("{}-{what}.json", case.damages));
    let text = serde_json::to_string(case).expect("a case is made of plain values");
    fs::create_dir_all(&directory)
        .and_then(|()| fs::write(file("case"), text))
        .and_then(|()| fs::write(file("verdict"), verdict.to_string()))
        .expect("the build directory can be written");
}

/// Judges the kept cases of a seed again, without a life and without a restore.
pub(crate) fn again(seed: u64) -> Round {
    println!("seed {seed}");
    let mut round = Round {
        seed,
        restores: 0,
        differences: Vec::new(),
    };
    let mut told = 0;
    for damages in 0..=MOST_DAMAGES {
        let file = kept_directory().join(format!("{seed}/{damages}-case.json"));
        let Ok(text) = fs::read_to_string(file) else {
            break;
        };
        let case: Case = serde_json::from_str(&text).expect("a kept case is whole");
        round.restores += case.restores.len();
        let verdict = judge(&case);
        keep(&case, &verdict);
        let found = differences(&case, &verdict);
        if !found.is_empty() {
            print_lines(&case.story[told..], &found);
            told = case.story.len();
        }
        round.differences.extend(found);
    }
    let (restores, count) = (round.restores, round.differences.len());
    println!("seed {seed}: {restores} restores, {count} differences");
    round
}

/// Seeds of all kept cases.
pub(crate) fn kept_seeds() -> Vec<u64> {
    let entries = fs::read_dir(kept_directory())
        .into_iter()
        .flatten()
        .flatten();
    let mut seeds: Vec<u64> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    seeds.sort_unstable();
    seeds
}

/// Directory of the kept cases.
fn kept_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/truth")
}

fn print_outcome(round: &Round, remains: &Remains, lived: Duration, took: Duration) {
    let (seed, restores, count) = (round.seed, round.restores, round.differences.len());
    let backups = remains.backups.len();
    println!(
        "seed {seed}: {backups} backups, {restores} restores, {count} differences, \
         lived {lived:.1?}, took {took:.1?}"
    );
}
