//! Truth about damage: the verdict of `verify` on contents, compared with real restores.
//!
//! A seed decides how a real PostgreSQL and Barman make an archive, and what damages it, one object at a
//! time. Every damaged archive is read by `verify` and restored, and the restore is right. `make damage`
//! runs as many rounds as requested.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where it goes wrong, and says what it has seen"
)]

mod compare;
mod harm;
mod load;
mod restore;
mod round;
mod verdict;
mod world;

use std::env;
use std::time::Instant;

use crate::damage::compare::Tally;
use crate::damage::round::round;

/// Number of damages in a round, unless the environment asks for another.
const DAMAGES: u64 = 20;

/// The same in the round of the whole test command.
const FEW_DAMAGES: u64 = 8;

/// Runs one round with a fresh seed and few damages, unless the environment asks for others.
///
/// `ROUNDS=n` asks for n fresh seeds, `SEED=s` for one seed, and `DAMAGES=n` for n damages in each round.
#[test]
fn damaged_archives_are_judged_as_they_restore() {
    let begun = Instant::now();
    let (seeds, few) = match (number("SEED"), number("ROUNDS")) {
        (Some(seed), _) => (vec![seed], DAMAGES),
        (None, Some(count)) => ((0..count).map(|_| fresh()).collect(), DAMAGES),
        (None, None) => (vec![fresh()], FEW_DAMAGES),
    };
    let damages = number("DAMAGES").unwrap_or(few);

    let mut tally = Tally::default();
    for seed in seeds {
        tally.add(&round(seed, damages));
    }

    println!("{tally}in {:.0?}", begun.elapsed());
    assert!(
        tally.differences.is_empty(),
        "differences; run `make damage SEED=…` for each:\n{}",
        tally.differences.join("\n")
    );
    assert!(tally.is_meaningful(), "nothing was harmed: {tally}");
}

fn fresh() -> u64 {
    u64::from(fastrand::u32(..))
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("`{name}` is not a number: {text}")),
    )
}
