//! Which directories are listed again though nothing says that they changed.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

/// A WAL directory that is taken for unchanged, by what a caller knows it by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unchanged<T> {
    /// When it was last listed.
    pub(super) listed_at: DateTime<Utc>,
    /// Which one it is.
    pub(super) wal_dir: T,
    /// How many objects it has: what listing it costs.
    pub(super) objects: u64,
}

/// A WAL directory is let alone for this share of the period, and listed again within the other.
const LET_ALONE: f64 = 0.25;
const LISTED_WITHIN: f64 = 0.9;

/// The WAL directories whose turn it is, so that each is listed again within a period.
///
/// As many as keep the pace that is needed until the one whose time is up next, the one after it,
/// and so on: right after a full scan none, and then about as much in every scan.
pub(super) fn whose_turn_it_is<T: Ord + Clone>(
    mut unchanged: Vec<Unchanged<T>>,
    period: TimeDelta,
    since_last_scan: TimeDelta,
    now: DateTime<Utc>,
) -> BTreeSet<T> {
    unchanged.sort();
    let share = |share: f64| period.as_seconds_f64() * share;
    let pause = since_last_scan.as_seconds_f64().max(1.0);
    let mut due: u64 = 0;
    let mut wanted: f64 = 0.0;
    for wal_dir in &unchanged {
        let age = (now - wal_dir.listed_at).as_seconds_f64();
        if age < share(LET_ALONE) {
            break;
        }
        due = due.saturating_add(wal_dir.objects.max(1));
        let scans_left = ((share(LISTED_WITHIN) - age) / pause).floor().max(1.0);
        wanted = wanted.max(as_real(due) / scans_left);
    }
    let mut taken = 0;
    let turn = unchanged.into_iter().take_while(|wal_dir| {
        let is_taken = as_real(taken) < wanted;
        taken = taken.saturating_add(wal_dir.objects.max(1));
        is_taken
    });
    turn.map(|wal_dir| wal_dir.wal_dir).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a pace")]
fn as_real(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    /// Scans every `pause` minutes; how many WAL directories each lists again, and the oldest listing ever.
    fn simulate(wal_dirs: usize, pause: i64, period: i64, scans: i64) -> (Vec<usize>, i64) {
        let mut listed: Vec<i64> = vec![0; wal_dirs];
        let mut counts = Vec::new();
        let mut oldest = 0;
        for scan in 1..=scans {
            let now = scan * pause;
            let known = listed.iter().enumerate();
            let known = known.map(|(wal_dir, minute)| Unchanged {
                listed_at: at(*minute),
                wal_dir,
                objects: 256,
            });
            let turn = whose_turn_it_is(
                known.collect(),
                TimeDelta::minutes(period),
                TimeDelta::minutes(pause),
                at(now),
            );
            for wal_dir in &turn {
                listed[*wal_dir] = now;
            }
            counts.push(turn.len());
            oldest = oldest.max(listed.iter().map(|minute| now - minute).max().unwrap_or(0));
        }
        (counts, oldest)
    }

    #[test]
    fn right_after_a_full_scan_nobody_has_a_turn() {
        let (counts, _) = simulate(4000, 5, 24 * 60, 60);

        assert!(counts.iter().all(|count| *count == 0), "{counts:?}");
    }

    #[test]
    fn the_turns_are_spread_over_the_scans() {
        let (counts, oldest) = simulate(4000, 5, 24 * 60, 3 * 288);

        let average = 4000.0 / 288.0;
        let most = counts.iter().max().unwrap();
        assert!(f64::from(u32::try_from(*most).unwrap()) < 2.0 * average, "{most}");
        assert!(oldest <= 24 * 60, "{oldest}");
        let last_day: usize = counts[2 * 288..].iter().sum();
        assert!(last_day < 4000 * 3 / 2, "a day lists {last_day}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn each_is_listed_again_within_the_period(
            wal_dirs in 1_usize..200, pause in 1_i64..60, more in 10_i64..40,
        ) {
            let period = pause * more;
            let (_, oldest) = simulate(wal_dirs, pause, period, 4 * more);
            prop_assert!(oldest <= period, "{} of {}", oldest, period);
        }
    }
}
