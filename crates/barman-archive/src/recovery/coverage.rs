//! Part of a retention window that can really be restored.
//!
//! `docs/specification.md`, 10.3.

use chrono::{DateTime, TimeDelta, Utc};

/// Moments in `from..=to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first moment.
    pub from: DateTime<Utc>,
    /// The last moment.
    pub to: DateTime<Utc>,
}

/// Part of a retention window that can really be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Length of the window.
    pub window: TimeDelta,
    /// Time within the window that can be restored.
    pub covered: TimeDelta,
}

impl Coverage {
    /// Measures the part of the window ending at `now` that lies in any of these spans.
    #[must_use]
    pub fn of(spans: &[Span], window: TimeDelta, now: DateTime<Utc>) -> Self {
        let begins_at = now
            .checked_sub_signed(window)
            .unwrap_or(DateTime::<Utc>::MIN_UTC);
        let mut spans: Vec<Span> = spans
            .iter()
            .map(|span| Span {
                from: span.from.max(begins_at),
                to: span.to.min(now),
            })
            .filter(|span| span.from < span.to)
            .collect();
        spans.sort_unstable();
        let mut covered = TimeDelta::zero();
        let mut covered_to = begins_at;
        for span in spans {
            if span.to > covered_to {
                covered += span.to - span.from.max(covered_to);
                covered_to = span.to;
            }
        }
        Self { window, covered }
    }

    /// Returns the time within the window that cannot be restored.
    #[must_use]
    pub fn shortfall(&self) -> TimeDelta {
        self.window - self.covered
    }

    /// Returns the share that can be restored, from 0 to 1; a window without length is covered.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        if self.window <= TimeDelta::zero() {
            return 1.0;
        }
        self.covered.as_seconds_f64() / self.window.as_seconds_f64()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(1_000_000 + hour)
    }

    fn coverage(spans: &[(i64, i64)], window: i64, now: i64) -> TimeDelta {
        let spans: Vec<_> = spans
            .iter()
            .map(|(from, to)| Span {
                from: at(*from),
                to: at(*to),
            })
            .collect();
        Coverage::of(&spans, TimeDelta::hours(window), at(now)).covered
    }

    #[test]
    fn overlaps_count_once_and_holes_not_at_all() {
        assert_eq!(
            coverage(&[(0, 30), (20, 50), (60, 200)], 100, 100),
            TimeDelta::hours(90)
        );
    }

    #[test]
    fn a_young_archive_covers_only_its_own_age() {
        assert_eq!(coverage(&[(90, 100)], 100, 100), TimeDelta::hours(10));
        assert_eq!(
            Coverage::of(&[], TimeDelta::hours(4), at(0)).shortfall(),
            TimeDelta::hours(4)
        );
    }

    proptest! {
        #[test]
        fn it_is_what_counting_hour_by_hour_yields(
            spans in prop::collection::vec((0_i64..60, 0_i64..60), 0..8), window in 0_i64..60,
        ) {
            let now = 50;
            let is_in = |hour: i64| spans.iter().any(|(from, to)| *from <= hour && hour < *to);
            let naive: i64 = ((now - window)..now).map(|hour| i64::from(is_in(hour))).sum();
            prop_assert_eq!(coverage(&spans, window, now), TimeDelta::hours(naive));
        }
    }
}
