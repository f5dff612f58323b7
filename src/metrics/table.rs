//! The form of the tables.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeMetric, GaugeValueEncoder, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use crate::report::{ArchiveStatus, Report, ServerReport};

use super::{BuildInfo, Page, ProcessUsage, Statistics};

/// One metric.
#[derive(Debug)]
pub(super) struct Metric {
    /// Its name without the prefix of the program, the unit and `_total`.
    pub(super) name: &'static str,
    /// What it means, in one sentence with a full stop.
    pub(super) help: &'static str,
    /// Its unit, which is appended to the name.
    pub(super) unit: Option<Unit>,
    /// Its labels besides `archive` and `server`.
    pub(super) labels: &'static [&'static str],
    /// Where its values come from.
    pub(super) values: Values,
}

/// The values of one metric. `None` and an empty list mean that nothing is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values {
    /// Of each archive, known between scans.
    Archive(fn(&ArchiveStatus, DateTime<Utc>) -> Option<Number>),
    /// Of each archive, several with labels.
    ArchiveBy(fn(&ArchiveStatus) -> Vec<Labelled>),
    /// Of each archive's last good report.
    Report(fn(&Report) -> Option<Number>),
    /// Of each archive's last good report, several with labels.
    ReportBy(fn(&Report) -> Vec<Labelled>),
    /// Of each server.
    Server(fn(&ServerReport, DateTime<Utc>) -> Option<Number>),
    /// Of each server, several with labels.
    ServerBy(fn(&ServerReport) -> Vec<Labelled>),
    /// Counted by this process for each archive.
    Counted(fn(&Statistics) -> Vec<Counted>),
    /// Distributions observed by this process for each archive.
    Observed(fn(&Statistics) -> Vec<Observed>),
    /// Of the program that runs.
    Build(fn(&BuildInfo) -> Labelled),
    /// Of the process, known when it can be asked.
    Process(fn(&ProcessUsage) -> Option<Number>),
    /// Of the process, never falling.
    ProcessCounter(fn(&ProcessUsage) -> Option<f64>),
}

/// A value with the values of its metric's labels.
pub(super) type Labelled = (Vec<String>, Number);

/// A count with the values of its metric's labels.
pub(super) type Counted = (Vec<String>, u64);

/// A distribution with the values of its metric's labels.
pub(super) type Observed = (Vec<String>, Histogram);

/// A value: whole where it is whole, so that counts and bytes are exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(u64),
    Real(f64),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self::Whole(value as u64)
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Whole(u64::from(value))
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<DateTime<Utc>> for Number {
    fn from(moment: DateTime<Utc>) -> Self {
        Self::from(moment - DateTime::UNIX_EPOCH)
    }
}

impl From<TimeDelta> for Number {
    fn from(duration: TimeDelta) -> Self {
        Self::Real(duration.as_seconds_f64())
    }
}

impl EncodeGaugeValue for Number {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => value.encode(encoder),
            Self::Real(value) => value.encode(encoder),
        }
    }
}

/// Time since a moment; not below zero, should the clocks disagree.
pub(super) fn age(moment: DateTime<Utc>, now: DateTime<Utc>) -> Number {
    Number::from((now - moment).max(TimeDelta::zero()))
}

/// Shorthand for the values of labels.
pub(super) fn labels<const N: usize>(values: [&str; N]) -> Vec<String> {
    values.map(str::to_owned).to_vec()
}

impl Values {
    /// Labels that all metrics of this kind have first.
    pub(super) const fn common_labels(self) -> &'static [&'static str] {
        match self {
            Self::Archive(_)
            | Self::ArchiveBy(_)
            | Self::Report(_)
            | Self::ReportBy(_)
            | Self::Counted(_)
            | Self::Observed(_) => &["archive"],
            Self::Server(_) | Self::ServerBy(_) => &["archive", "server"],
            Self::Build(_) | Self::Process(_) | Self::ProcessCounter(_) => &[],
        }
    }

    pub(super) const fn metric_type(self) -> MetricType {
        match self {
            Self::Archive(_)
            | Self::ArchiveBy(_)
            | Self::Report(_)
            | Self::ReportBy(_)
            | Self::Server(_)
            | Self::ServerBy(_)
            | Self::Build(_)
            | Self::Process(_) => MetricType::Gauge,
            Self::Counted(_) | Self::ProcessCounter(_) => MetricType::Counter,
            Self::Observed(_) => MetricType::Histogram,
        }
    }
}

/// One sample before it is written.
enum Sample {
    Gauge(Number),
    Counter(f64),
    Count(u64),
    Histogram(Histogram),
}

impl Metric {
    /// Writes the metric with all its samples; nothing at all if there are none.
    pub(super) fn encode(&self, page: &Page, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let samples = self.samples(page);
        if samples.is_empty() {
            return Ok(());
        }
        let (help, unit) = (self.help, self.unit.as_ref());
        let kind = self.values.metric_type();
        let mut metric = encoder.encode_descriptor(self.name, help, unit, kind)?;
        let names: Vec<_> = self.values.common_labels().iter().chain(self.labels).collect();
        for (values, sample) in samples {
            if names.is_empty() {
                return encode_sample(sample, metric);
            }
            let labels: Vec<_> = names.iter().copied().copied().zip(values).collect();
            encode_sample(sample, metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn samples(&self, page: &Page) -> Vec<(Vec<String>, Sample)> {
        match self.values {
            Values::Build(value) => {
                let (labels, number) = value(&page.build);
                vec![(labels, Sample::Gauge(number))]
            }
            Values::Process(value) => {
                let number = page.process.as_ref().and_then(value);
                number.map(|number| (vec![], Sample::Gauge(number))).into_iter().collect()
            }
            Values::ProcessCounter(value) => {
                let number = page.process.as_ref().and_then(value);
                number.map(|number| (vec![], Sample::Counter(number))).into_iter().collect()
            }
            Values::Archive(_)
            | Values::ArchiveBy(_)
            | Values::Report(_)
            | Values::ReportBy(_)
            | Values::Server(_)
            | Values::ServerBy(_)
            | Values::Counted(_)
            | Values::Observed(_) => self.archive_samples(page),
        }
    }

    fn archive_samples(&self, page: &Page) -> Vec<(Vec<String>, Sample)> {
        let mut all = Vec::new();
        for archive in &page.archives {
            let name = &archive.status.name;
            let mut add = |labels: Vec<String>, sample| {
                all.push((std::iter::once(name.clone()).chain(labels).collect(), sample));
            };
            match self.values {
                Values::Counted(values) => {
                    let counts = values(&archive.statistics).into_iter();
                    counts.for_each(|(labels, count)| add(labels, Sample::Count(count)));
                }
                Values::Observed(values) => {
                    let observed = values(&archive.statistics).into_iter();
                    observed.for_each(|(labels, one)| add(labels, Sample::Histogram(one)));
                }
                Values::Archive(_)
                | Values::ArchiveBy(_)
                | Values::Report(_)
                | Values::ReportBy(_)
                | Values::Server(_)
                | Values::ServerBy(_)
                | Values::Build(_)
                | Values::Process(_)
                | Values::ProcessCounter(_) => {
                    let gauges = self.gauges(&archive.status, page.now).into_iter();
                    gauges.for_each(|(labels, number)| add(labels, Sample::Gauge(number)));
                }
            }
        }
        all
    }

    /// Samples of one archive, without the label `archive`.
    fn gauges(&self, status: &ArchiveStatus, now: DateTime<Utc>) -> Vec<Labelled> {
        let unlabelled = |number: Option<Number>| number.map(|number| (vec![], number));
        let report = status.report.as_deref();
        let servers = report.into_iter().flat_map(|report| &report.servers);
        match self.values {
            Values::Archive(value) => unlabelled(value(status, now)).into_iter().collect(),
            Values::ArchiveBy(values) => values(status),
            Values::Report(value) => unlabelled(report.and_then(value)).into_iter().collect(),
            Values::ReportBy(values) => report.map(values).unwrap_or_default(),
            Values::Server(value) => servers
                .filter_map(|(name, server)| Some((vec![name.clone()], value(server, now)?)))
                .collect(),
            Values::ServerBy(values) => servers
                .flat_map(|(name, server)| {
                    let with_name = |labels| std::iter::once(name.clone()).chain(labels).collect();
                    values(server).into_iter().map(move |(labels, one)| (with_name(labels), one))
                })
                .collect(),
            Values::Counted(_)
            | Values::Observed(_)
            | Values::Build(_)
            | Values::Process(_)
            | Values::ProcessCounter(_) => vec![],
        }
    }
}

fn encode_sample(sample: Sample, mut encoder: MetricEncoder<'_>) -> fmt::Result {
    let no_exemplar =
        None::<&prometheus_client::metrics::exemplar::Exemplar<Vec<(String, String)>, f64>>;
    match sample {
        Sample::Gauge(number) => encoder.encode_gauge(&number),
        Sample::Counter(value) => encoder.encode_counter(&value, no_exemplar),
        Sample::Count(count) => encoder.encode_counter(&count, no_exemplar),
        Sample::Histogram(histogram) => histogram.encode(encoder),
    }
}
