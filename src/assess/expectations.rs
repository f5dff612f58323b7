//! Expectations of an operator for an archive.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use barman_archive::barman::{NestedNames, ServerPattern};
use barman_archive::postgres::TimelineId;
use barman_archive::retention::RetentionPolicy;
use chrono::{DateTime, TimeDelta, Utc};

use crate::evidence::Level;
use crate::report::ScheduleExpectation;

/// Expectations of an operator for an archive.
#[derive(Clone, Debug)]
pub struct Expectations {
    /// Servers that should exist; `None` expects every server that is found.
    pub servers: Option<BTreeSet<String>>,
    /// Patterns of the servers to ignore: these are neither judged nor orphans.
    pub ignored: Vec<ServerPattern>,
    /// Retention policies.
    pub retention: RetentionPolicies,
    /// Backup schedules, by server.
    pub schedules: BTreeMap<String, ScheduleExpectation>,
    /// Timeline that a server's database is on, by server, where an operator states it.
    pub living_timelines: BTreeMap<String, TimelineId>,
    /// Longest time for which a missing segment may still be on its way while later ones are
    /// present.
    pub gap_grace_period: TimeDelta,
    /// Age from which a backup that has not ended is considered dead.
    pub max_running_time: TimeDelta,
    /// Verification of contents.
    pub contents: ContentsExpectation,
}

impl Default for Expectations {
    /// Expectations of an operator who configured nothing.
    fn default() -> Self {
        Self {
            servers: None,
            ignored: Vec::new(),
            retention: RetentionPolicies::default(),
            schedules: BTreeMap::new(),
            living_timelines: BTreeMap::new(),
            gap_grace_period: TimeDelta::minutes(10),
            max_running_time: TimeDelta::hours(24),
            contents: ContentsExpectation::default(),
        }
    }
}

/// Verification of an archive's contents.
#[derive(Clone, Debug, Default)]
pub struct ContentsExpectation {
    /// Level for every server without its own.
    pub level: Level,
    /// Levels by server.
    pub levels: BTreeMap<String, Level>,
    /// Largest number of bytes that can ever be read at once; `None` without a limit.
    pub most_bytes: Option<u64>,
    /// Times at which reads may start.
    pub hours: AllowedHours,
}

/// Times at which something is allowed: always, or those of a function that returns the first one from a
/// moment on.
#[derive(Clone, Default)]
pub struct AllowedHours(Option<NextAllowed>);

type NextAllowed = Arc<dyn Fn(DateTime<Utc>) -> Option<DateTime<Utc>> + Send + Sync>;

impl AllowedHours {
    /// Creates times from a function that returns the first one from a moment on; `None` if there are
    /// none any more.
    pub fn of(
        next: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(next)))
    }

    /// Returns the first allowed time from a moment on; `None` if there are none any more.
    #[must_use]
    pub fn next_from(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.0 {
            Some(next) => next(at),
            None => Some(at),
        }
    }
}

impl fmt::Debug for AllowedHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "some" } else { "all" })
    }
}

impl ContentsExpectation {
    /// Returns the level of a server.
    #[must_use]
    pub fn level_of(&self, server: &str) -> Level {
        self.levels.get(server).copied().unwrap_or(self.level)
    }
}

impl Expectations {
    /// Returns whether a server is ignored.
    #[must_use]
    pub fn is_ignored(&self, server: &str) -> bool {
        self.ignored.iter().any(|pattern| pattern.matches(server))
    }

    /// Names of servers that contain a slash.
    #[must_use]
    pub fn nested_names(&self) -> NestedNames {
        NestedNames::among(self.servers.iter().flatten())
    }
}

/// The retention policies of an archive's servers.
#[derive(Clone, Debug, Default)]
pub struct RetentionPolicies {
    /// Policy of every server without its own.
    pub default: Option<RetentionPolicy>,
    /// Policies by server.
    pub by_server: BTreeMap<String, RetentionPolicy>,
    /// Minimum number of backups that Barman is configured to leave, for every server without its
    /// own setting.
    pub default_minimum: Option<u32>,
    /// Minimum number of backups that Barman is configured to leave, by server.
    pub minimum_by_server: BTreeMap<String, u32>,
}

impl RetentionPolicies {
    /// Returns the policy of a server.
    #[must_use]
    pub fn of(&self, server: &str) -> Option<RetentionPolicy> {
        self.by_server.get(server).copied().or(self.default)
    }

    /// Minimum number of a server's backups that Barman is configured to leave
    /// (`--minimum-redundancy`).
    #[must_use]
    pub fn minimum_of(&self, server: &str) -> Option<u32> {
        self.minimum_by_server
            .get(server)
            .copied()
            .or(self.default_minimum)
    }
}
