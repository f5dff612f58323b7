//! Choice of the WAL directories that are listed although nothing indicates a change.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

/// WAL directory that seems unchanged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unchanged<T> {
    /// Moment at which it was last listed.
    pub(super) listed_at: DateTime<Utc>,
    /// Name of the WAL directory.
    pub(super) wal_dir: T,
    /// Number of its objects: the cost of listing it.
    pub(super) objects: u64,
}

/// Share of the audit period during which a WAL directory is not audited again.
const NOT_BEFORE: f64 = 0.25;

/// Share of the audit period within which a WAL directory is audited again.
const NOT_AFTER: f64 = 0.9;

/// Returns the WAL directories to audit in this scan, so that each is audited once per period.
///
/// The scan audits as many objects as keep up with the deadline of every WAL directory: none right
/// after a full scan, and later about as many in every scan.
pub(super) fn due_for_audit<T: Ord + Clone>(
    mut unchanged: Vec<Unchanged<T>>,
    period: TimeDelta,
    since_last_scan: TimeDelta,
    now: DateTime<Utc>,
) -> BTreeSet<T> {
    unchanged.sort();
    let period = period.as_seconds_f64();
    let pause = since_last_scan.as_seconds_f64().max(1.0);
    let mut objects_due: u64 = 0;
    let mut objects_per_scan: f64 = 0.0;
    for wal_dir in &unchanged {
        let age = (now - wal_dir.listed_at).as_seconds_f64();
        if age < period * NOT_BEFORE {
            break;
        }
        objects_due = objects_due.saturating_add(wal_dir.objects.max(1));
        let scans_left = ((period * NOT_AFTER - age) / pause).floor().max(1.0);
        objects_per_scan = objects_per_scan.max(as_real(objects_due) / scans_left);
    }
    let mut audited = BTreeSet::new();
    let mut objects: u64 = 0;
    for wal_dir in unchanged {
        if as_real(objects) >= objects_per_scan {
            break;
        }
        objects = objects.saturating_add(wal_dir.objects.max(1));
        audited.insert(wal_dir.wal_dir);
    }
    audited
}

#[expect(clippy::cast_precision_loss, reason = "precise enough for a rate")]
const fn as_real(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    /// Scans every `pause` minutes; returns the number of WAL directories that each scan audits, and the
    /// greatest age of a listing.
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
            let audited = due_for_audit(
                known.collect(),
                TimeDelta::minutes(period),
                TimeDelta::minutes(pause),
                at(now),
            );
            for wal_dir in &audited {
                listed[*wal_dir] = now;
            }
            counts.push(audited.len());
            oldest = oldest.max(listed.iter().map(|minute| now - minute).max().unwrap_or(0));
        }
        (counts, oldest)
    }

    #[test]
    fn right_after_a_full_scan_nothing_is_audited() {
        let (counts, _) = simulate(4000, 5, 24 * 60, 60);

        assert!(counts.iter().all(|count| *count == 0), "{counts:?}");
    }

    #[test]
    fn audits_are_spread_over_the_scans() {
        let (counts, oldest) = simulate(4000, 5, 24 * 60, 3 * 288);

        let average = 4000.0 / 288.0;
        let most = counts.iter().max().unwrap();
        assert!(
            f64::from(u32::try_from(*most).unwrap()) < 2.0 * average,
            "{most}"
        );
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
