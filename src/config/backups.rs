//! Settings of the judgement of backups.

use std::time::Duration;

use super::section::Section;
#[cfg(test)]
use super::tests::schema::DurationText;

/// Judgement of backups.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct BackupsConfig {
    /// Longest duration of a backup: one that is still `STARTED` after this time counts as incomplete,
    /// because the process that wrote it has died. From one minute to 30 days. Default: `24h`.
    #[cfg_attr(test, schemars(with = "DurationText"))]
    pub max_running_time: Duration,
    /// Time for which a missing WAL segment may still be under way while later ones are present,
    /// because several are archived at once. After this time it is a gap. Up to one day. Default:
    /// `10m`.
    #[cfg_attr(test, schemars(with = "DurationText"))]
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
