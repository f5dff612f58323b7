//! The form of the tables.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeMetric, GaugeValueEncoder, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use smallvec::SmallVec;
use tls_certificates::x509::CertificateStatus;

use super::{ArchiveView, BuildInfo, Page, ProcessUsage, Statistics};
use crate::report::{ArchiveStatus, Report, ServerReport};

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
    ArchiveBy(fn(&ArchiveStatus) -> Vec<Labelled<'_>>),
    /// Of each archive's last good report.
    Report(fn(&Report) -> Option<Number>),
    /// Of each archive's last good report, several with labels.
    ReportBy(fn(&Report) -> Vec<Labelled<'_>>),
    /// Of each server.
    Server(fn(&ServerReport, DateTime<Utc>) -> Option<Number>),
    /// Of each server, several with labels.
    ServerBy(fn(&ServerReport) -> Vec<Labelled<'_>>),
    /// Of each certificate.
    Certificate(fn(&CertificateStatus, DateTime<Utc>) -> Option<Number>),
    /// Of each certificate, at most one, with labels.
    CertificateInfo(fn(&CertificateStatus) -> Option<Labels<'_>>),
    /// Counted by this process for each archive.
    Counted(fn(&Statistics) -> Vec<Counted<'_>>),
    /// Distributions observed by this process for each archive.
    LabelledHistogram(fn(&Statistics) -> Vec<LabelledHistogram<'_>>),
    /// Of the program that runs.
    Build(fn(&BuildInfo) -> Labelled<'_>),
    /// Of the process, known when it can be asked.
    Process(fn(&ProcessUsage) -> Option<Number>),
    /// Of the process, never falling.
    ProcessCounter(fn(&ProcessUsage) -> Option<f64>),
}

/// A value with the values of its metric's labels.
pub(super) type Labelled<'a> = (Labels<'a>, Number);

/// Values of a metric's own labels.
pub(super) type Labels<'a> = SmallVec<[Cow<'a, str>; 2]>;

/// A count with the values of its metric's labels.
pub(super) type Counted<'a> = (Labels<'a>, u64);

/// A distribution with the values of its metric's labels.
pub(super) type LabelledHistogram<'a> = (Labels<'a>, Histogram);

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
pub(super) fn labels<const N: usize>(values: [&str; N]) -> Labels<'_> {
    values.into_iter().map(Cow::Borrowed).collect()
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
            | Self::LabelledHistogram(_) => &["archive"],
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
            Self::LabelledHistogram(_) => MetricType::Histogram,
        }
    }
}

/// One sample before it is written, with the values of its labels.
struct Sample<'p> {
    /// Values of the labels that all metrics of its kind have.
    common: SmallVec<[&'p str; 2]>,
    /// Values of the metric's own labels.
    own: Labels<'p>,
    value: Value,
}

/// Value of a sample.
enum Value {
    Gauge(Number),
    Counter(f64),
    Count(u64),
    Histogram(Histogram),
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Self::Gauge(number)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<Histogram> for Value {
    fn from(distribution: Histogram) -> Self {
        Self::Histogram(distribution)
    }
}

/// Samples of one metric on a page.
type Samples<'p> = Vec<Sample<'p>>;

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
        let names = || self.values.common_labels().iter().chain(self.labels).copied();
        let mut labels: Vec<(&str, &str)> = Vec::new();
        for Sample { common, own, value } in &samples {
            labels.clear();
            let values = common.iter().copied().chain(own.iter().map(AsRef::as_ref));
            labels.extend(names().zip(values));
            if labels.is_empty() {
                return value.encode(metric);
            }
            value.encode(metric.encode_family(&labels.as_slice())?)?;
        }
        Ok(())
    }

    fn samples<'p>(&self, page: &'p Page) -> Samples<'p> {
        let now = page.now;
        let of_process = page.process.as_ref();
        match self.values {
            Values::Archive(value) => archives(page)
                .flat_map(|(archive, view)| gauge([archive], value(&view.status, now)))
                .collect(),
            Values::ArchiveBy(values) => archives(page)
                .flat_map(|(archive, view)| samples([archive], values(&view.status)))
                .collect(),
            Values::Report(value) => reports(page)
                .flat_map(|(archive, report)| gauge([archive], value(report)))
                .collect(),
            Values::ReportBy(values) => reports(page)
                .flat_map(|(archive, report)| samples([archive], values(report)))
                .collect(),
            Values::Server(value) => servers(page)
                .flat_map(|(archive, name, server)| gauge([archive, name], value(server, now)))
                .collect(),
            Values::ServerBy(values) => servers(page)
                .flat_map(|(archive, name, server)| samples([archive, name], values(server)))
                .collect(),
            Values::Certificate(value) => certificates(page)
                .flat_map(|(name, status)| gauge([name], value(status, now)))
                .collect(),
            Values::CertificateInfo(value) => certificates(page)
                .flat_map(|(name, status)| samples([name], info(value(status))))
                .collect(),
            Values::Counted(values) => archives(page)
                .flat_map(|(archive, view)| samples([archive], values(&view.statistics)))
                .collect(),
            Values::LabelledHistogram(values) => archives(page)
                .flat_map(|(archive, view)| samples([archive], values(&view.statistics)))
                .collect(),
            Values::Build(value) => samples([], [value(&page.build)]).collect(),
            Values::Process(value) => gauge([], of_process.and_then(value)).collect(),
            Values::ProcessCounter(value) => {
                let total = of_process.and_then(value);
                samples([], total.map(|total| (Labels::new(), Value::Counter(total)))).collect()
            }
        }
    }
}

impl Value {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let no_exemplar =
            None::<&prometheus_client::metrics::exemplar::Exemplar<Vec<(String, String)>, f64>>;
        match self {
            Self::Gauge(number) => encoder.encode_gauge(number),
            Self::Counter(value) => encoder.encode_counter(value, no_exemplar),
            Self::Count(count) => encoder.encode_counter(count, no_exemplar),
            Self::Histogram(histogram) => histogram.encode(encoder),
        }
    }
}

/// Returns the archives, with their names.
fn archives(page: &Page) -> impl Iterator<Item = (&str, &ArchiveView)> {
    page.archives.iter().map(|view| (view.status.name.as_str(), view))
}

/// Returns the last good reports, with the names of their archives.
fn reports(page: &Page) -> impl Iterator<Item = (&str, &Report)> {
    archives(page).filter_map(|(archive, view)| Some((archive, view.status.report.as_deref()?)))
}

/// Returns the servers of the last good reports, with their names and those of their archives.
fn servers(page: &Page) -> impl Iterator<Item = (&str, &str, &ServerReport)> {
    reports(page).flat_map(|(archive, report)| {
        report.servers.iter().map(move |(name, server)| (archive, name.as_str(), server))
    })
}

/// Returns the certificates, with their names.
fn certificates(page: &Page) -> impl Iterator<Item = (&str, &CertificateStatus)> {
    page.certificates.iter().map(|status| (status.name.as_str(), status))
}

fn info(labels: Option<Labels<'_>>) -> Option<Labelled<'_>> {
    Some((labels?, Number::Whole(1)))
}

fn gauge<const N: usize>(
    common: [&str; N],
    number: Option<Number>,
) -> impl Iterator<Item = Sample<'_>> {
    samples(common, number.map(|number| (Labels::new(), number)))
}

fn samples<'p, const N: usize, V: Into<Value>>(
    common: [&'p str; N],
    values: impl IntoIterator<Item = (Labels<'p>, V)>,
) -> impl Iterator<Item = Sample<'p>> {
    values.into_iter().map(move |(own, value)| Sample {
        common: common.into_iter().collect(),
        own,
        value: value.into(),
    })
}
