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
    /// How long a missing WAL segment may be on its way while later ones are there already, because
    /// several are archived at once. After this long it is a gap. Up to one day. Default: `10m`.
    pub gap_grace_period: Duration,
}

impl Default for BackupsConfig {
    fn default() -> Self {
        Self {
            max_running_time: Duration::from_hours(24),
            gap_grace_period: Duration::from_mins(10),
        }
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
            gap_grace_period: section
                .duration("gapGracePeriod", Duration::ZERO..=Duration::from_hours(24))
                .unwrap_or(default.gap_grace_period),
        };
        section.finish();
        config
    }
}
