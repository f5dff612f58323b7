//! Comparison of a page of metrics with the expected one.

use std::collections::{BTreeMap, BTreeSet};

use crate::exposition::{Sample, Samples};

/// Values by the text of their series, `name{label="value"}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series(BTreeMap<String, f64>);

impl Series {
    /// Series of these families on a page.
    pub fn of(samples: &Samples, families: &[&str]) -> Self {
        let compared = samples
            .iter()
            .filter(|sample| families.contains(&sample.name.as_str()));
        Self(
            compared
                .map(|sample| (sample.series(), sample.value))
                .collect(),
        )
    }

    /// Adds one.
    ///
    /// # Panics
    /// Panics if it is there already.
    #[track_caller]
    pub fn add(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels = labels
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let sample = Sample {
            name: name.to_owned(),
            labels: labels.collect(),
            value,
        };
        let before = self.0.insert(sample.series(), value);
        assert!(before.is_none(), "expected twice: {}", sample.series());
    }

    /// Lines about series that are missing, superfluous or of another value.
    ///
    /// Half a millisecond does not count: Barman writes microseconds, of which one conversion
    /// more or less may cost the last.
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let every: BTreeSet<_> = self.0.keys().chain(found.0.keys()).collect();
        let line = |series: &String| {
            let (expected, found) = (self.0.get(series), found.0.get(series));
            let pair = expected.zip(found);
            let is_equal = pair.is_some_and(|(expected, found)| (expected - found).abs() < 0.000_5);
            (!is_equal).then(|| format!("{series}: expected {expected:?}, found {found:?}"))
        };
        every.into_iter().filter_map(line).collect()
    }
}
