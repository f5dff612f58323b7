//! What this process uses.

use std::sync::OnceLock;

use chrono::{DateTime, TimeDelta, Utc};
use procfs::process::{LimitValue, Process};
use procfs::{CurrentSI, KernelStats};

use crate::metrics::ProcessUsage;

/// Asks the system; `None` where it does not say.
pub(super) fn usage() -> Option<ProcessUsage> {
    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    Some(ProcessUsage {
        cpu_seconds: in_seconds(stat.utime.saturating_add(stat.stime)).as_seconds_f64(),
        open_fds: process.fd_count().ok().map(|count| count as u64),
        max_fds: process.limits().ok().and_then(|limits| limit(limits.max_open_files.soft_limit)),
        virtual_memory_bytes: stat.vsize,
        resident_memory_bytes: stat.rss.saturating_mul(procfs::page_size()),
        started_at: *STARTED_AT.get_or_init(|| started_at(stat.starttime)),
    })
}

/// Start of this process. Worked out once: the boot time that the system tells moves with its clock, and a start
/// that moves would look like a restart.
static STARTED_AT: OnceLock<Option<DateTime<Utc>>> = OnceLock::new();

fn started_at(ticks_after_boot: u64) -> Option<DateTime<Utc>> {
    let booted_at = i64::try_from(KernelStats::current().ok()?.btime).ok()?;
    Some(DateTime::from_timestamp(booted_at, 0)? + in_seconds(ticks_after_boot))
}

/// Converts a number of clock ticks.
fn in_seconds(count: u64) -> TimeDelta {
    let ticks = procfs::ticks_per_second();
    TimeDelta::seconds(i64::try_from(count / ticks).unwrap_or(0))
        + TimeDelta::milliseconds(i64::try_from(count % ticks * 1000 / ticks).unwrap_or(0))
}

fn limit(value: LimitValue) -> Option<u64> {
    match value {
        LimitValue::Value(value) => Some(value),
        LimitValue::Unlimited => None,
    }
}
