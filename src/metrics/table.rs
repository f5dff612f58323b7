//! Tables of metrics.

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

use super::{BuildInfo, Page, ProcessUsage, Statistics};
use crate::report::{ArchiveStatus, Report, ServerReport};

/// One metric.
#[derive(Debug)]
pub(super) struct Metric {
    /// Name without the prefix of the program, the unit and `_total`.
    pub(super) name: &'static str,
    /// Meaning of the metric, in one sentence with a full stop.
    pub(super) help: &'static str,
    /// Unit, which is appended to the name.
    pub(super) unit: Option<Unit>,
    /// Labels besides `archive`, `server` and `certificate`.
    pub(super) labels: &'static [&'static str],
    /// Source of its values.
    pub(super) values: Values,
}

/// Function for the values of one metric. `None` and an empty list mean that nothing is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values {
    /// One value for each archive, also before the first scan.
    Archive(fn(&ArchiveStatus, DateTime<Utc>) -> Option<Number>),
    /// Values with labels for each archive.
    ArchiveBy(fn(&ArchiveStatus) -> Vec<Labelled<'_>>),
    /// One count of this process for each archive.
    ArchiveCounter(fn(&ArchiveStatus) -> Option<u64>),
    /// One value for each archive's last good report.
    Report(fn(&Report) -> Option<Number>),
    /// Values with labels for each archive's last good report.
    ReportBy(fn(&Report) -> Vec<Labelled<'_>>),
    /// One value for each server.
    Server(fn(&ServerReport, DateTime<Utc>) -> Option<Number>),
    /// Values with labels for each server.
    ServerBy(fn(&ServerReport) -> Vec<Labelled<'_>>),
    /// One value for each certificate.
    Certificate(fn(&CertificateStatus, DateTime<Utc>) -> Option<Number>),
    /// Labels of an information metric for each certificate.
    CertificateInfo(fn(&CertificateStatus) -> Option<Labels<'_>>),
    /// Counts of this process for each archive.
    Counted(fn(&Statistics) -> Vec<Counted<'_>>),
    /// Histograms of this process for each archive.
    LabelledHistogram(fn(&Statistics) -> Vec<LabelledHistogram<'_>>),
    /// Value for the running program.
    Build(fn(&BuildInfo) -> Labelled<'_>),
    /// One value for the process, if the system reports it.
    Process(fn(&ProcessUsage) -> Option<Number>),
    /// One count of the process, if the system reports it.
    ProcessCounter(fn(&ProcessUsage) -> Option<f64>),
}

/// Value with the values of its metric's labels.
pub(super) type Labelled<'a> = (Labels<'a>, Number);

/// Values of a metric's own labels.
pub(super) type Labels<'a> = SmallVec<[Cow<'a, str>; 2]>;

/// Count with the values of its metric's labels.
pub(super) type Counted<'a> = (Labels<'a>, u64);

/// Histogram with the values of its metric's labels.
pub(super) type LabelledHistogram<'a> = (Labels<'a>, Histogram);

/// Value of a gauge: integers stay integers, so that counts and bytes are exact.
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

/// Time since a moment; zero if the moment is in the future.
pub(super) fn age(moment: DateTime<Utc>, now: DateTime<Utc>) -> Number {
    Number::from((now - moment).max(TimeDelta::zero()))
}

/// Borrows the values of labels.
pub(super) fn labels<const N: usize>(values: [&str; N]) -> Labels<'_> {
    values.into_iter().map(Cow::Borrowed).collect()
}

impl Values {
    /// Labels that all metrics of this kind start with.
    pub(super) const fn common_labels(self) -> &'static [&'static str] {
        match self {
            Self::Archive(_)
            | Self::ArchiveBy(_)
            | Self::ArchiveCounter(_)
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
            Self::ArchiveCounter(_) | Self::Counted(_) | Self::ProcessCounter(_) => {
                MetricType::Counter
            }
            Self::LabelledHistogram(_) => MetricType::Histogram,
        }
    }
}

/// Sample before it is written, with the values of its labels.
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
#[derive(Default)]
struct Samples<'p>(Vec<Sample<'p>>);

impl<'p> Samples<'p> {
    /// Adds a sample without labels of its own, if its value is known.
    fn number(&mut self, common: &[&'p str], number: Option<Number>) {
        if let Some(number) = number {
            self.labelled(common, Labels::new(), number);
        }
    }

    /// Adds samples with labels of their own.
    fn all<V: Into<Value>>(&mut self, common: &[&'p str], values: Vec<(Labels<'p>, V)>) {
        for (own, value) in values {
            self.labelled(common, own, value);
        }
    }

    fn labelled(&mut self, common: &[&'p str], own: Labels<'p>, value: impl Into<Value>) {
        self.0.push(Sample {
            common: common.into(),
            own,
            value: value.into(),
        });
    }
}

impl Metric {
    /// Writes the metric with all its samples; nothing at all if there are none.
    pub(super) fn encode(&self, page: &Page, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let samples = self.samples(page).0;
        if samples.is_empty() {
            return Ok(());
        }
        let (help, unit) = (self.help, self.unit.as_ref());
        let kind = self.values.metric_type();
        let mut metric = encoder.encode_descriptor(self.name, help, unit, kind)?;
        let names = [self.values.common_labels(), self.labels].concat();
        let mut labels: Vec<(&str, &str)> = Vec::new();
        for Sample { common, own, value } in &samples {
            labels.clear();
            let values = common.iter().copied().chain(own.iter().map(AsRef::as_ref));
            labels.extend(names.iter().copied().zip(values));
            if labels.is_empty() {
                return value.encode(metric);
            }
            value.encode(metric.encode_family(&labels.as_slice())?)?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of value")]
    fn samples<'p>(&self, page: &'p Page) -> Samples<'p> {
        let now = page.now;
        let mut samples = Samples::default();
        match self.values {
            Values::Archive(value) => {
                for view in &page.archives {
                    samples.number(&[view.name()], value(&view.status, now));
                }
            }
            Values::ArchiveBy(values) => {
                for view in &page.archives {
                    samples.all(&[view.name()], values(&view.status));
                }
            }
            Values::ArchiveCounter(value) => {
                for view in &page.archives {
                    if let Some(count) = value(&view.status) {
                        samples.labelled(&[view.name()], Labels::new(), count);
                    }
                }
            }
            Values::Report(value) => {
                for (archive, report) in reports(page) {
                    samples.number(&[archive], value(report));
                }
            }
            Values::ReportBy(values) => {
                for (archive, report) in reports(page) {
                    samples.all(&[archive], values(report));
                }
            }
            Values::Server(value) => {
                for (archive, name, server) in servers(page) {
                    samples.number(&[archive, name], value(server, now));
                }
            }
            Values::ServerBy(values) => {
                for (archive, name, server) in servers(page) {
                    samples.all(&[archive, name], values(server));
                }
            }
            Values::Certificate(value) => {
                for status in &page.certificates {
                    samples.number(&[&status.name], value(status, now));
                }
            }
            Values::CertificateInfo(labels) => {
                for status in &page.certificates {
                    if let Some(labels) = labels(status) {
                        samples.labelled(&[&status.name], labels, Number::Whole(1));
                    }
                }
            }
            Values::Counted(values) => {
                for view in &page.archives {
                    samples.all(&[view.name()], values(&view.statistics));
                }
            }
            Values::LabelledHistogram(values) => {
                for view in &page.archives {
                    samples.all(&[view.name()], values(&view.statistics));
                }
            }
            Values::Build(value) => samples.all(&[], vec![value(&page.build)]),
            Values::Process(value) => {
                samples.number(&[], page.process.as_ref().and_then(value));
            }
            Values::ProcessCounter(value) => {
                if let Some(total) = page.process.as_ref().and_then(value) {
                    samples.labelled(&[], Labels::new(), Value::Counter(total));
                }
            }
        }
        samples
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

/// Returns the last good reports, with the names of their archives.
fn reports(page: &Page) -> Vec<(&str, &Report)> {
    let mut reports = Vec::new();
    for view in &page.archives {
        if let Some(report) = &view.status.report {
            reports.push((view.name(), report.as_ref()));
        }
    }
    reports
}

/// Returns the servers of the last good reports, with the names of their archives and their own.
fn servers(page: &Page) -> impl Iterator<Item = (&str, &str, &ServerReport)> {
    reports(page).into_iter().flat_map(|(archive, report)| {
        report
            .servers
            .iter()
            .map(move |(name, server)| (archive, name.as_str(), server))
    })
}
