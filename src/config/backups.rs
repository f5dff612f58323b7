//! Settings of how backups are judged.

use std::time::Duration;

use super::section::Section;

/// How backups are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupsConfig {
    /// How long a backup may run: one that is still `STARTED` after this long counts as
    /// incomplete, because whoever wrote it is dead, and no longer as running. From one minute to
    /// 30 days. Default: `24h`.
    pub max_running_time: Duration,
}

impl Default for BackupsConfig {
    fn default() -> Self {
        Self { max_running_time: Duration::from_hours(24) }
    }
}

impl BackupsConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let range = Duration::from_mins(1)..=Duration::from_hours(24 * 30);
        let default = Self::default();
        let config = Self {
            max_running_time: section
                .duration("maxRunningTime", range)
                .unwrap_or(default.max_running_time),
        };
        section.finish();
        config
    }
}
