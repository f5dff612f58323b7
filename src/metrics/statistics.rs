//! Counts of this process for one archive.

use std::collections::BTreeMap;
use std::time::Duration;

use archive_store::{ErrorKind, Operation, RequestOutcome};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use super::table::{Counted, LabelledHistogram, labels};
use crate::report::ScanOutcome;

/// Counts of this process for one archive. Counting is atomic.
#[derive(Clone, Debug)]
pub struct Statistics {
    scans: BTreeMap<ScanOutcome, Counter>,
    errors: BTreeMap<ErrorKind, Counter>,
    requests: BTreeMap<(Operation, RequestOutcome), Counter>,
    durations: BTreeMap<ScanOutcome, Histogram>,
}

/// Buckets of the durations of scans, in seconds: from a small archive nearby to a large one on a
/// slow store.
const DURATIONS: [f64; 10] = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 1800.0];

impl Default for Statistics {
    /// Starts every count at zero, with every value of every label.
    fn default() -> Self {
        let mut requests = BTreeMap::new();
        for operation in Operation::ALL {
            for outcome in RequestOutcome::ALL {
                requests.insert((operation, outcome), Counter::default());
            }
        }
        let mut scans = BTreeMap::new();
        let mut durations = BTreeMap::new();
        for outcome in ScanOutcome::ALL {
            scans.insert(outcome, Counter::default());
            // A skipped scan takes no time.
            if outcome != ScanOutcome::Skipped {
                durations.insert(outcome, Histogram::new(DURATIONS));
            }
        }
        let errors = ErrorKind::ALL.map(|kind| (kind, Counter::default())).into();
        Self {
            scans,
            errors,
            requests,
            durations,
        }
    }
}

impl Statistics {
    /// Counts a scan that ended, or was skipped.
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

    /// Number of successful requests so far.
    #[must_use]
    pub fn succeeded(&self, operation: Operation) -> u64 {
        self.requests
            .get(&(operation, RequestOutcome::Success))
            .map(Counter::get)
            .unwrap_or_default()
    }

    /// Copies the counts as of this moment.
    ///
    /// Histograms cannot be copied: they are shared, and go on counting.
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
        let counts = self.scans.iter();
        counts
            .map(|(outcome, count)| (labels([outcome.as_label()]), count.get()))
            .collect()
    }

    pub(super) fn errors(&self) -> Vec<Counted<'_>> {
        let counts = self.errors.iter();
        counts
            .map(|(kind, count)| (labels([kind.as_label()]), count.get()))
            .collect()
    }

    pub(super) fn requests(&self) -> Vec<Counted<'_>> {
        let mut counts = Vec::new();
        for ((operation, outcome), count) in &self.requests {
            counts.push((
                labels([operation.as_label(), outcome.as_label()]),
                count.get(),
            ));
        }
        counts
    }

    pub(super) fn durations(&self) -> Vec<LabelledHistogram<'_>> {
        let mut histograms = Vec::new();
        for (outcome, histogram) in &self.durations {
            histograms.push((labels([outcome.as_label()]), histogram.clone()));
        }
        histograms
    }
}

/// Copies counters. A clone of a counter would be the same counter.
fn copy<K: Copy + Ord>(counters: &BTreeMap<K, Counter>) -> BTreeMap<K, Counter> {
    let mut copies = BTreeMap::new();
    for (key, counter) in counters {
        let copy = Counter::default();
        copy.inc_by(counter.get());
        copies.insert(*key, copy);
    }
    copies
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
