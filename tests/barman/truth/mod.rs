//! Truth about random lives: the program's report on an archive, compared with real restores.
//!
//! A seed decides what happens to a real PostgreSQL and then to its archive. Every backup is
//! restored to every target, and PostgreSQL is right. `make truth` runs as many rounds as
//! requested.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where it goes wrong, and says what it has seen"
)]

mod archive;
mod backup;
mod case;
mod clock;
mod compare;
mod damage;
mod judge;
mod life;
mod restore;
mod round;
mod scratch;
mod wal;

use std::env;
use std::time::Instant;

use crate::truth::round::{Round, again, kept_seeds, round};

/// Seeds that once found a mistake.
const FIXED: [u64; 3] = [1_141_770_325, 3_586_672_353, 3_869_952_451];

/// Default number of rounds with fresh seeds.
const FRESH: u64 = 3;

/// Runs rounds, some with fixed seeds and some with fresh ones, unless the environment asks for
/// others.
///
/// `ROUNDS=n` asks for n fresh seeds, `SEED=s` for one seed, `KEEP=1` keeps every case below
/// `target/truth`, and `AGAIN=1` judges the kept ones again, which needs no restore.
#[test]
fn random_lives_are_judged_as_they_restore() {
    let begun = Instant::now();
    let rounds = rounds();
    let restores: usize = rounds.iter().map(|round| round.restores).sum();
    let wrong: Vec<_> = rounds
        .iter()
        .filter(|round| !round.differences.is_empty())
        .collect();
    let count: usize = wrong.iter().map(|round| round.differences.len()).sum();
    let seeds: Vec<_> = wrong.iter().map(|round| round.seed).collect();
    let (rounds, took) = (rounds.len(), begun.elapsed());
    println!("{rounds} rounds, {restores} restores, {count} differences, {took:.0?}");
    assert!(restores > 0, "nothing was restored");
    assert_eq!(
        count, 0,
        "differences with the seeds {seeds:?}; run `make truth SEED=…` for each"
    );
}

fn rounds() -> Vec<Round> {
    let number = |name: &str| {
        let text = env::var(name).ok().filter(|text| !text.is_empty())?;
        Some(
            text.parse::<u64>()
                .unwrap_or_else(|_| panic!("`{name}` is not a number: {text}")),
        )
    };
    if number("AGAIN").is_some() {
        return kept_seeds().into_iter().map(again).collect();
    }
    let fresh = |count: u64| (0..count).map(|_| u64::from(fastrand::u32(..))).collect();
    let seeds = match (number("SEED"), number("ROUNDS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(count)) => fresh(count),
        (None, None) => [FIXED.to_vec(), fresh(FRESH)].concat(),
    };
    seeds.into_iter().map(round).collect()
}
