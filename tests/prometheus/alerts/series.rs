//! Notation of series in `promtool`.

use test_support::promql::{Selector, selectors};

/// Minutes for which Prometheus takes the last sample for the present one.
const LOOK_BACK: u32 = 5;

/// Series that a script gives to Prometheus.
pub(crate) struct Series {
    /// Metric and labels.
    pub(crate) name: Selector,
    interval: u32,
    samples: Vec<Sample>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sample {
    Value(f64),
    /// Stale marker: the target no longer exposes the series.
    Stale,
    Missing,
}

impl Series {
    /// Series with a sample in every `interval` minutes.
    pub(crate) fn new(name: &str, interval: u32, notation: &str) -> Self {
        let name = selectors(name).into_iter().next();
        let samples = notation.split_whitespace().flat_map(expanded).collect();
        Self {
            name: name.expect("a series has a name"),
            interval,
            samples,
        }
    }

    /// Value that Prometheus uses at a minute.
    pub(crate) fn at(&self, minute: u32) -> Option<f64> {
        let past = (0..=minute / self.interval)
            .rev()
            .map(|index| (index, index * self.interval));
        let recent = past.take_while(|(_, at)| minute - at < LOOK_BACK);
        let sample = |(index, _): (u32, u32)| self.samples.get(usize::try_from(index).ok()?);
        let mut known = recent
            .filter_map(sample)
            .filter(|sample| **sample != Sample::Missing);
        match known.next()? {
            Sample::Value(value) => Some(*value),
            Sample::Stale | Sample::Missing => None,
        }
    }

    /// Returns whether the series has the metric and every requested label.
    pub(crate) fn is_of(&self, asked: &Selector) -> bool {
        let has = |(label, value): &(String, String)| self.name.value(label) == value;
        self.name.metric == asked.metric && asked.matchers.iter().all(has)
    }
}

/// Word of the notation: `5`, `_`, `stale`, `5x2` (three times), `_x2` (twice), `0+60x2` (0 60
/// 120).
fn expanded(word: &str) -> Vec<Sample> {
    let (first, times) = word.split_once('x').unwrap_or((word, ""));
    let times = if times.is_empty() {
        0
    } else {
        times.parse().expect("a number of times")
    };
    match first {
        "stale" => vec![Sample::Stale],
        "_" => vec![Sample::Missing; usize::max(times, 1)],
        _ => {
            let (mut value, step) = stepping(first);
            let mut values = vec![Sample::Value(value)];
            for _ in 0..times {
                value += step;
                values.push(Sample::Value(value));
            }
            values
        }
    }
}

/// Number, and the amount that is added to it each time.
fn stepping(text: &str) -> (f64, f64) {
    let is_sign = |at: &usize| {
        let (before, after) = text.split_at(*at);
        after.starts_with(['+', '-']) && !before.is_empty() && !before.ends_with(['e', 'E'])
    };
    let number = |text: &str| text.parse().expect("a number");
    match (0..text.len()).find(is_sign).map(|at| text.split_at(at)) {
        Some((first, step)) => (number(first), number(step)),
        None => (number(text), 0.0),
    }
}

#[test]
fn the_notation_of_series_is_read_as_promtool_reads_it() {
    let values = |notation: &str| -> Vec<_> {
        let samples = notation.split_whitespace().flat_map(expanded);
        samples.collect()
    };
    let numbers = |numbers: &[f64]| -> Vec<_> {
        numbers
            .iter()
            .map(|number| Sample::Value(*number))
            .collect()
    };

    assert_eq!(values("-3 1e3x1"), numbers(&[-3.0, 1000.0, 1000.0]));
    assert_eq!(values("0+60x2"), numbers(&[0.0, 60.0, 120.0]));
    assert_eq!(values("-1-2x1"), numbers(&[-1.0, -3.0]));
    assert_eq!(values("1+5e-01x1"), numbers(&[1.0, 1.5]));
    assert_eq!(
        values("stale _ _x2"),
        [&[Sample::Stale][..], &[Sample::Missing; 3]].concat()
    );
}

#[test]
fn a_series_is_there_until_it_is_stale_or_long_ago() {
    let there = |notation: &str, minute| Series::new("up", 1, notation).at(minute).is_some();

    assert!(there("1x3", 3));
    assert!(there("1x3", 7));
    assert!(!there("1x3", 8));
    assert!(!there("1x3 stale", 4));
    assert!(!there("1x3 stale _x4", 7));
    assert!(there("1x3 stale _x4 1", 9));
    assert!(there("1 _x4", 4));
    assert!(!there("_x4", 4));
}
