//! Settings of an archive's verification.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;

use super::Budget;
use crate::evidence::Level;

/// Settings of an archive's verification.
#[derive(Clone, Debug)]
pub struct VerificationSettings {
    /// Level for every server without its own.
    pub level: Level,
    /// Levels by server.
    pub levels: BTreeMap<String, Level>,
    /// Bytes that may be read in a day; `None` without a limit.
    pub daily_bytes: Option<u64>,
    /// Age from which evidence is renewed; `None` for never.
    pub reverify_after: Option<TimeDelta>,
    /// Maximum number of objects that are read at once.
    pub parallel: usize,
    /// Times at which reads may start; `None` for any time.
    pub hours: Option<ReadingHours>,
}

/// Times at which reads may start.
#[derive(Clone, Debug)]
pub struct ReadingHours {
    /// Cron expression with the seconds that are included.
    pub cron: Cron,
    /// Time zone of the expression.
    pub zone: Tz,
}

impl ReadingHours {
    /// Returns whether a read may start at a moment.
    #[must_use]
    pub fn include(&self, now: DateTime<Utc>) -> bool {
        let local = now.with_timezone(&self.zone);
        self.cron.is_time_matching(&local).unwrap_or(false)
    }
}

impl VerificationSettings {
    /// Returns the level of a server.
    #[must_use]
    pub fn level_of(&self, server: &str) -> Level {
        self.levels.get(server).copied().unwrap_or(self.level)
    }

    /// Returns the settings of a command that a person runs: at this level, or at those that are
    /// configured, or at the highest one where none is; without limits of a daemon.
    #[must_use]
    pub fn of_command(self, level: Option<Level>) -> Self {
        let or_full = |configured: Level| {
            let is_off = configured == Level::Off;
            level.unwrap_or(if is_off { Level::Full } else { configured })
        };
        let levels = self.levels.into_iter();
        Self {
            level: or_full(self.level),
            levels: levels
                .map(|(server, level)| (server, or_full(level)))
                .collect(),
            daily_bytes: None,
            reverify_after: None,
            parallel: self.parallel,
            hours: None,
        }
    }

    /// Returns whether anything is to be verified.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.level > Level::Off || self.levels.values().any(|level| *level > Level::Off)
    }

    /// Returns the budget, before anything was carried over.
    #[must_use]
    pub const fn budget(&self, now: DateTime<Utc>) -> Budget {
        match self.daily_bytes {
            Some(bytes) => Budget::daily(bytes, now),
            None => Budget::unlimited(now),
        }
    }
}
