//! Resources that this process uses.

use std::sync::OnceLock;

use chrono::{DateTime, TimeDelta, Utc};
use procfs::process::{LimitValue, Process};
use procfs::{CurrentSI, KernelStats};

use crate::metrics::ProcessUsage;

/// Reads the usage from `/proc`. `None` if it cannot be read.
pub(super) fn usage() -> Option<ProcessUsage> {
    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    Some(ProcessUsage {
        cpu_seconds: in_seconds(stat.utime.saturating_add(stat.stime)).as_seconds_f64(),
        open_fds: process.fd_count().ok().map(|count| count as u64),
        max_fds: process
            .limits()
            .ok()
            .and_then(|limits| limit(limits.max_open_files.soft_limit)),
        virtual_memory_bytes: stat.vsize,
        resident_memory_bytes: stat.rss.saturating_mul(procfs::page_size()),
        started_at: STARTED_AT.get_or(|| started_at(stat.starttime, boot_time()?)),
    })
}

/// Start of this process.
static STARTED_AT: Start = Start(OnceLock::new());

/// Start of a process, computed once: the boot time that the system reports moves with its clock,
/// and a start that moves would look like a restart.
struct Start(OnceLock<DateTime<Utc>>);

impl Start {
    fn get_or(&self, find: impl FnOnce() -> Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        if let Some(known) = self.0.get() {
            return Some(*known);
        }
        let found = find()?;
        Some(*self.0.get_or_init(|| found))
    }
}

/// Returns when the system booted, in seconds since 1970.
fn boot_time() -> Option<i64> {
    i64::try_from(KernelStats::current().ok()?.btime).ok()
}

fn started_at(ticks_after_boot: u64, booted_at: i64) -> Option<DateTime<Utc>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_is_known_does_not_move_with_the_boot_time() {
        let start = Start(OnceLock::new());

        assert_eq!(start.get_or(|| None), None);
        let first = start.get_or(|| started_at(1000, 1_800_000_000));
        let second = start.get_or(|| started_at(1000, 1_800_000_001));

        assert!(first.is_some());
        assert_eq!(first, second);
    }
}
