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
use crate::x509::CertificateStatus;

use super::{ArchiveView, BuildInfo, Page, ProcessUsage, Statistics};

/// One metric.
#[derive(Debug)]
pub(super) struct Metric {
    /// Its name without the prefix of the program, the unit and `_total`.
    pub(super) name: &'static str,
    /// What it means, in one sentence with a full stop.
    pub(super) help: &'static str,
    /// Its unit, which is appended to the name.
    pub(super) unit: Option<Unit>,
    /// Its labels besides `archive`, `server` and `certificate`.
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
    /// Of each certificate.
    Certificate(fn(&CertificateStatus, DateTime<Utc>) -> Option<Number>),
    /// Of each certificate, at most one, with labels.
    CertificateInfo(fn(&CertificateStatus) -> Option<Vec<String>>),
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
            Self::Certificate(_) | Self::CertificateInfo(_) => &["certificate"],
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
            | Self::Certificate(_)
            | Self::CertificateInfo(_)
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

    fn samples(&self, page: &Page) -> Samples {
        let now = page.now;
        match self.values {
            Values::Archive(value) => per_archive(page, |view| gauge(value(&view.status, now))),
            Values::ArchiveBy(values) => per_archive(page, |view| gauges(values(&view.status))),
            Values::Report(value) => per_archive(page, |view| gauge(report(view).and_then(value))),
            Values::ReportBy(values) => {
                per_archive(page, |view| gauges(report(view).map(values).unwrap_or_default()))
            }
            Values::Server(value) => per_server(page, |server| gauge(value(server, now))),
            Values::ServerBy(values) => per_server(page, |server| gauges(values(server))),
            Values::Certificate(value) => per_certificate(page, |one| gauge(value(one, now))),
            Values::CertificateInfo(value) => per_certificate(page, |one| {
                gauges(value(one).map(|labels| (labels, Number::Whole(1))).into_iter().collect())
            }),
            Values::Counted(values) => per_archive(page, |view| {
                let counts = values(&view.statistics).into_iter();
                counts.map(|(labels, count)| (labels, Sample::Count(count))).collect()
            }),
            Values::Observed(values) => per_archive(page, |view| {
                let observed = values(&view.statistics).into_iter();
                observed.map(|(labels, one)| (labels, Sample::Histogram(one))).collect()
            }),
            Values::Build(value) => gauges(vec![value(&page.build)]),
            Values::Process(value) => gauge(page.process.as_ref().and_then(value)),
            Values::ProcessCounter(value) => {
                let total = page.process.as_ref().and_then(value);
                total.map(|total| (vec![], Sample::Counter(total))).into_iter().collect()
            }
        }
    }
}

/// Samples with the values of their labels.
type Samples = Vec<(Vec<String>, Sample)>;

fn report(view: &ArchiveView) -> Option<&Report> {
    view.status.report.as_deref()
}

fn gauge(number: Option<Number>) -> Samples {
    number.map(|number| (vec![], Sample::Gauge(number))).into_iter().collect()
}

fn gauges(values: Vec<Labelled>) -> Samples {
    values.into_iter().map(|(labels, number)| (labels, Sample::Gauge(number))).collect()
}

fn per_archive(page: &Page, samples: impl Fn(&ArchiveView) -> Samples) -> Samples {
    let archives = page.archives.iter();
    archives.flat_map(|view| labelled_first(&view.status.name, samples(view))).collect()
}

fn per_server(page: &Page, samples: impl Fn(&ServerReport) -> Samples) -> Samples {
    per_archive(page, |view| {
        let servers = report(view).into_iter().flat_map(|report| &report.servers);
        servers.flat_map(|(name, server)| labelled_first(name, samples(server))).collect()
    })
}

fn per_certificate(page: &Page, samples: impl Fn(&CertificateStatus) -> Samples) -> Samples {
    page.certificates.iter().flat_map(|one| labelled_first(&one.name, samples(one))).collect()
}

/// The samples with one more label before the others.
fn labelled_first(label: &str, samples: Samples) -> Samples {
    let with_label = |labels| std::iter::once(label.to_owned()).chain(labels).collect();
    samples.into_iter().map(|(labels, sample)| (with_label(labels), sample)).collect()
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
