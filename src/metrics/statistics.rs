//! What this process counts while it scans one archive.

use std::collections::BTreeMap;
use std::time::Duration;

use archive_store::{ErrorKind, Operation, RequestOutcome};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use super::table::{Counted, LabelledHistogram, labels};
use crate::report::ScanOutcome;

/// What this process counted while it scanned one archive. Counting is atomic.
#[derive(Clone, Debug)]
pub struct Statistics {
    scans: BTreeMap<ScanOutcome, Counter>,
    errors: BTreeMap<ErrorKind, Counter>,
    requests: BTreeMap<(Operation, RequestOutcome), Counter>,
    durations: BTreeMap<ScanOutcome, Histogram>,
}

/// Bounds of the durations of scans, in seconds: from a small archive nearby to a large one on a
/// slow store.
const DURATIONS: [f64; 10] = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 1800.0];

impl Default for Statistics {
    /// Every value of every closed set, at zero.
    fn default() -> Self {
        let outcomes = Operation::ALL
            .into_iter()
            .flat_map(|operation| RequestOutcome::ALL.map(|outcome| (operation, outcome)));
        // A skipped scan takes no time.
        let timed = ScanOutcome::ALL.into_iter().filter(|outcome| *outcome != ScanOutcome::Skipped);
        Self {
            scans: ScanOutcome::ALL.into_iter().map(|label| (label, Counter::default())).collect(),
            errors: ErrorKind::ALL.into_iter().map(|label| (label, Counter::default())).collect(),
            requests: outcomes.map(|label| (label, Counter::default())).collect(),
            durations: timed.map(|outcome| (outcome, Histogram::new(DURATIONS))).collect(),
        }
    }
}

impl Statistics {
    /// Counts a scan that ended, or did not begin.
    pub fn scan_ended(&self, outcome: ScanOutcome, duration: Duration) {
        self.scans.get(&outcome).map(Counter::inc);
        if let Some(durations) = self.durations.get(&outcome) {
            durations.observe(duration.as_secs_f64());
        }
    }

    /// Counts the error that ended a scan.
    pub fn scan_failed(&self, kind: ErrorKind) {
        self.errors.get(&kind).map(Counter::inc);
    }

    /// Counts a request.
    pub fn request_sent(&self, operation: Operation, outcome: RequestOutcome) {
        self.requests.get(&(operation, outcome)).map(Counter::inc);
    }

    /// How many requests were answered so far with what they asked for.
    #[must_use]
    pub fn succeeded(&self, operation: Operation) -> u64 {
        self.requests
            .get(&(operation, RequestOutcome::Success))
            .map(Counter::get)
            .unwrap_or_default()
    }

    /// The counts of this moment, which do not go on.
    ///
    /// The distributions are shared and do: they cannot be copied.
    #[must_use]
    pub fn frozen(&self) -> Self {
        Self {
            scans: copy(&self.scans),
            errors: copy(&self.errors),
            requests: copy(&self.requests),
            durations: self.durations.clone(),
        }
    }

    pub(super) fn scans(&self) -> Vec<Counted<'_>> {
        let label = |outcome: &ScanOutcome| labels([outcome.as_label()]);
        self.scans.iter().map(|(outcome, count)| (label(outcome), count.get())).collect()
    }

    pub(super) fn errors(&self) -> Vec<Counted<'_>> {
        let label = |kind: &ErrorKind| labels([kind.as_label()]);
        self.errors.iter().map(|(kind, count)| (label(kind), count.get())).collect()
    }

    pub(super) fn requests(&self) -> Vec<Counted<'_>> {
        let both = |(operation, outcome): &(Operation, RequestOutcome)| {
            labels([operation.as_label(), outcome.as_label()])
        };
        self.requests.iter().map(|(request, count)| (both(request), count.get())).collect()
    }

    pub(super) fn durations(&self) -> Vec<LabelledHistogram<'_>> {
        let label = |outcome: &ScanOutcome| labels([outcome.as_label()]);
        self.durations
            .iter()
            .map(|(outcome, histogram)| (label(outcome), histogram.clone()))
            .collect()
    }
}

/// Counters with the same counts. A clone of a counter would be the same counter.
fn copy<K: Copy + Ord>(counters: &BTreeMap<K, Counter>) -> BTreeMap<K, Counter> {
    let copy = |counter: &Counter| {
        let copy = Counter::default();
        copy.inc_by(counter.get());
        copy
    };
    counters.iter().map(|(key, counter)| (*key, copy(counter))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_frozen_does_not_go_on() {
        let statistics = Statistics::default();
        statistics.scan_failed(ErrorKind::Auth);
        let before = statistics.frozen();

        statistics.scan_failed(ErrorKind::Auth);

        assert!(before.errors().contains(&(labels(["auth"]), 1)));
        assert!(statistics.errors().contains(&(labels(["auth"]), 2)));
    }
}
