//! Metrics under "The exporter itself", and of its process.

use chrono::{DateTime, Utc};
use prometheus_client::registry::Unit;

use super::table::{Metric, Number, Values, labels};

/// Running program.
#[derive(Clone, Copy, Debug)]
pub struct BuildInfo {
    /// Version of the program.
    pub version: &'static str,
    /// Revision of its source.
    pub revision: &'static str,
    /// Compiler that built it.
    pub rustc: &'static str,
}

/// Resources that the process uses, named as in Prometheus' client libraries.
#[derive(Clone, Copy, Debug)]
pub struct ProcessUsage {
    /// User and system time, in seconds.
    pub cpu_seconds: f64,
    /// File descriptors in use; `None` if the system does not report them.
    pub open_fds: Option<u64>,
    /// Maximum number of file descriptors; `None` if the system does not report or limit it.
    pub max_fds: Option<u64>,
    /// Address space, in bytes.
    pub virtual_memory_bytes: u64,
    /// Memory in use, in bytes.
    pub resident_memory_bytes: u64,
    /// Start of the process; `None` if the system does not report it.
    pub started_at: Option<DateTime<Utc>>,
}

pub(super) const METRICS: &[Metric] = &[Metric {
    name: "exporter_build_info",
    help: "Version of the program, revision of its source, and compiler.",
    unit: None,
    labels: &["version", "revision", "rustc"],
    values: Values::Build(|build| {
        (
            labels([build.version, build.revision, build.rustc]),
            Number::Whole(1),
        )
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
