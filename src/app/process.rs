//! What this process uses.

use chrono::{DateTime, TimeDelta};
use procfs::process::{LimitValue, Process};
use procfs::{CurrentSI, KernelStats};

use crate::metrics::ProcessUsage;

/// Asks the system; `None` where it does not say.
pub(super) fn usage() -> Option<ProcessUsage> {
    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let ticks = procfs::ticks_per_second();
    let in_seconds = |count: u64| {
        TimeDelta::seconds(i64::try_from(count / ticks).unwrap_or(0))
            + TimeDelta::milliseconds(i64::try_from(count % ticks * 1000 / ticks).unwrap_or(0))
    };
    let booted_at = KernelStats::current().ok().map(|kernel| kernel.btime);
    let booted_at = booted_at.and_then(|seconds| i64::try_from(seconds).ok());
    Some(ProcessUsage {
        cpu_seconds: in_seconds(stat.utime.saturating_add(stat.stime)).as_seconds_f64(),
        open_fds: process.fd_count().ok().map(|count| count as u64),
        max_fds: process.limits().ok().and_then(|limits| limit(limits.max_open_files.soft_limit)),
        virtual_memory_bytes: stat.vsize,
        resident_memory_bytes: stat.rss.saturating_mul(procfs::page_size()),
        started_at: booted_at
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .map(|booted_at| booted_at + in_seconds(stat.starttime)),
    })
}

fn limit(value: LimitValue) -> Option<u64> {
    match value {
        LimitValue::Value(value) => Some(value),
        LimitValue::Unlimited => None,
    }
}
