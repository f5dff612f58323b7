//! Settings of the log.

use std::fmt;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

use super::section::Section;

/// Log of the program, on standard error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct LogConfig {
    /// Least severe message that is written: `error`, `warn`, `info`, `debug` or `trace`; `off` writes
    /// nothing. Directives set the level of parts of the program, as in `info,scan=debug`. Parts are
    /// `scan` (with `scan_result`, the outcome of each scan), `listing`, `storage`, `certificates`,
    /// `web`, `config` and `app`. Default: `info`.
    #[cfg_attr(test, schemars(with = "String"))]
    pub level: LogFilter,
    /// `text`: one line per message, for people. `json`: one object per line, for programs. Default:
    /// `text`.
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

/// Filter of messages: a level, or `tracing`'s filter directives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl LogFilter {
    /// Directives that `tracing_subscriber::EnvFilter` accepts.
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

/// Error for a text that is neither a level nor a list of directives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,scan=debug`"
)]
pub struct InvalidLogFilter;

impl FromStr for LogFilter {
    type Err = InvalidLogFilter;

    fn from_str(text: &str) -> Result<Self, InvalidLogFilter> {
        let text = text.trim();
        if !text.split(',').all(is_directive) || EnvFilter::try_new(text).is_err() {
            return Err(InvalidLogFilter);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Returns true if a text is a level, or a target with a level. To `tracing`, any other word is a
/// target: a misspelled level would pass.
fn is_directive(text: &str) -> bool {
    let directive = text.trim().to_ascii_lowercase();
    directive.contains('=') || LEVELS.contains(&directive.as_str())
}

/// Format of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub enum LogFormat {
    /// One line per message, for people.
    #[default]
    Text,
    /// One JSON object per line, for programs.
    Json,
}

/// Error for a text that names no format of the log.
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
        for text in [
            "error",
            "info",
            "TRACE",
            "info,hyper=debug",
            "info,scan=debug",
            "web=off",
        ] {
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
