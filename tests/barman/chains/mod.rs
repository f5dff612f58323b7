//! Certificate chains as the exporter judges them, compared with the clients themselves: psql, and
//! boto3 for object storages.

#![expect(clippy::unwrap_used, reason = "a test may end so")]
#![expect(
    clippy::print_stdout,
    reason = "what was compared, and the seed, are worth knowing"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]

mod boto;
mod cases;
mod certificate;
mod der;
mod postgresql;
mod server;

use std::time::Duration;

use cases::Case;

/// Time for all certificates to be read, and all stores to be scanned, once.
const TIME: Duration = Duration::from_mins(2);

/// Number of chains that are drawn at random, besides those that were thought of, unless
/// `CHAINS_DRAWN` says otherwise.
const DRAWN: u64 = 40;

/// Returns those that were thought of, and some at random: from the seed `CHAINS_SEED`, or a new one.
fn chains() -> Vec<Case> {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|number| number.parse().ok())
    };
    let seed = number("CHAINS_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("CHAINS_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let drawn = (0..number("CHAINS_DRAWN").unwrap_or(DRAWN))
        .map(|number| cases::drawn(&mut random, number));
    cases::all().into_iter().chain(drawn).collect()
}
