//! Metrics under "The exporter itself", and of its process.

use chrono::{DateTime, Utc};
use prometheus_client::registry::Unit;

use super::table::{Metric, Number, Values, labels};

/// The program that runs.
#[derive(Clone, Copy, Debug)]
pub struct BuildInfo {
    /// Its version.
    pub version: &'static str,
    /// The revision of its source.
    pub revision: &'static str,
    /// The compiler that made it.
    pub rustc: &'static str,
}

/// What the process uses, named as Prometheus' client libraries name it.
#[derive(Clone, Copy, Debug)]
pub struct ProcessUsage {
    /// User and system time, in seconds.
    pub cpu_seconds: f64,
    /// File descriptors in use; `None` where the system does not say.
    pub open_fds: Option<u64>,
    /// File descriptors allowed; `None` where the system does not say or sets no limit.
    pub max_fds: Option<u64>,
    /// Address space, in bytes.
    pub virtual_memory_bytes: u64,
    /// Memory in use, in bytes.
    pub resident_memory_bytes: u64,
    /// When it started; `None` where the system does not say.
    pub started_at: Option<DateTime<Utc>>,
}

pub(super) const METRICS: &[Metric] = &[Metric {
    name: "exporter_build_info",
    help: "The program that runs: version, revision of its source, compiler.",
    unit: None,
    labels: &["version", "revision", "rustc"],
    values: Values::Build(|build| {
        (labels([build.version, build.revision, build.rustc]), Number::Whole(1))
    }),
}];

pub(super) const PROCESS_METRICS: &[Metric] = &[
    Metric {
        name: "process_cpu",
        help: "Total user and system CPU time spent in seconds.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::ProcessCounter(|process| Some(process.cpu_seconds)),
    },
    Metric {
        name: "process_open_fds",
        help: "Number of open file descriptors.",
        unit: None,
        labels: &[],
        values: Values::Process(|process| Some(process.open_fds?.into())),
    },
    Metric {
        name: "process_max_fds",
        help: "Maximum number of open file descriptors.",
        unit: None,
        labels: &[],
        values: Values::Process(|process| Some(process.max_fds?.into())),
    },
    Metric {
        name: "process_virtual_memory",
        help: "Virtual memory size in bytes.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Process(|process| Some(process.virtual_memory_bytes.into())),
    },
    Metric {
        name: "process_resident_memory",
        help: "Resident memory size in bytes.",
        unit: Some(Unit::Bytes),
        labels: &[],
        values: Values::Process(|process| Some(process.resident_memory_bytes.into())),
    },
    Metric {
        name: "process_start_time",
        help: "Start time of the process since the Unix epoch in seconds.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Process(|process| Some(process.started_at?.into())),
    },
];
