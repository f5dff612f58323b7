//! Settings of the log.

use std::fmt;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

use super::section::Section;

/// What the program says about itself on standard error, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// The least severe message that is written: `error`, `warn`, `info`, `debug` or `trace`; or
    /// directives for parts of the program, such as `info,barman_cloud_exporter::scan=debug`.
    /// Default: `info`.
    pub level: LogFilter,
    /// `text`, one line per message for people; or `json`, one object per line. Default: `text`.
    pub format: LogFormat,
}

impl LogConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let config = Self {
            level: section.text("level", str::parse).unwrap_or_default(),
            format: section.text("format", str::parse).unwrap_or_default(),
        };
        section.finish();
        config
    }
}

/// Which messages are written: a level, or `tracing`'s filter directives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl LogFilter {
    /// The directives, for `tracing_subscriber::EnvFilter`, which accepts them.
    #[must_use]
    pub fn directives(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is neither a level nor a list of directives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,hyper=debug`"
)]
pub struct InvalidLogFilter;

impl FromStr for LogFilter {
    type Err = InvalidLogFilter;

    fn from_str(text: &str) -> Result<Self, InvalidLogFilter> {
        let text = text.trim();
        // To `tracing`, a lone word that is no level is a target: a typing mistake would pass.
        let is_meant = |directive: &str| {
            let directive = directive.trim().to_ascii_lowercase();
            directive.contains('=') || LEVELS.contains(&directive.as_str())
        };
        let is_valid = text.split(',').all(is_meant) && EnvFilter::try_new(text).is_ok();
        is_valid.then(|| Self(text.to_owned())).ok_or(InvalidLogFilter)
    }
}

/// How a message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One line per message, for people.
    #[default]
    Text,
    /// One JSON object per line, for programs.
    Json,
}

/// A text names no format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `text` or `json`")]
pub struct InvalidLogFormat;

impl FromStr for LogFormat {
    type Err = InvalidLogFormat;

    fn from_str(text: &str) -> Result<Self, InvalidLogFormat> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(InvalidLogFormat),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_accepted() {
        for text in
            ["error", "info", "TRACE", "info,hyper=debug", "barman_cloud_exporter::scan=debug"]
        {
            assert!(text.parse::<LogFilter>().is_ok(), "{text}");
        }
    }

    #[test]
    fn a_misspelled_level_is_rejected() {
        for text in ["inof", "", "info,", "hyper=loud", "warn debug"] {
            assert_eq!(text.parse::<LogFilter>(), Err(InvalidLogFilter), "{text}");
        }
    }
}
