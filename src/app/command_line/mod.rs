//! Command line: commands, and flags for a few settings.
//!
//! Flags override the configuration file and environment variables; they are passed on as settings
//! and checked by the same rules. Manual pages and completions are generated from the definition.

#[cfg(test)]
mod tests;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use cnpg_schedule::BackupSchedule;

use super::{build_info, logging};
use crate::config::{
    Bytes, Config, ENVIRONMENT_PREFIX, Flag, Mistakes, ValueOrigin, parse_time_zone,
};
use crate::evidence::Level;
use crate::verification::{BackupChoice, Selection, WalChoice};

/// Configuration file that is read if no other one is named.
pub const DEFAULT_CONFIG_FILE: &str = "/etc/barman-cloud-exporter/config.yaml";

const AFTER_HELP: &str = "\
Examples:
  barman-cloud-exporter check-config --config.file config.yaml
  barman-cloud-exporter check --config.file config.yaml
  barman-cloud-exporter report --config.file config.yaml --output markdown
  barman-cloud-exporter verify --config.file config.yaml --dry-run
  barman-cloud-exporter explain-schedule '0 2 * * *'
  barman-cloud-exporter --config.file config.yaml
  curl http://localhost:10432/metrics

A minimal configuration names one archive:
  archives:
    - name: production
      destinationPath: s3://bucket/prefix

The sample config/barman-cloud-exporter.yaml documents every setting. Flags override the environment,
the environment overrides the file, and the file overrides the defaults. The environment variable
BARMAN_CLOUD_EXPORTER__WEB__LISTEN_ADDRESS sets `web.listenAddress`.

Exit codes of serve, check-config and explain-schedule:
  0  stopped by a signal; the configuration is valid
  1  the program could not start, or failed; with check-config --strict: there are warnings
  2  the command line or the configuration is invalid

Exit codes of check:
  0  everything is well
  1  there are warnings
  2  something is critical
  3  unknown: the configuration is invalid, or a scan failed and nothing critical is known

Exit codes of verify:
  0  nothing wrong was found in what was read
  1  something is suspect, or was asked for and not read
  2  something is corrupt: two reads found the same
  3  unknown: the configuration is invalid, a scan or reads failed, or were interrupted

Exit codes of report:
  0  every archive was scanned, whatever was found
  3  an archive could not be scanned, or the configuration is invalid";

/// Command line of the program.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(
    name = "barman-cloud-exporter",
    version = build_info::SUMMARY,
    about = "Reports to Prometheus whether PostgreSQL backups in Barman Cloud's layout can be \
             restored.",
    after_help = AFTER_HELP
)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,

    /// Configuration file (YAML). Default: /etc/barman-cloud-exporter/config.yaml, if it exists.
    #[arg(
        long = "config.file",
        alias = "config",
        env = "BARMAN_CLOUD_EXPORTER_CONFIG_FILE",
        value_name = "FILE",
        global = true
    )]
    config_file: Option<PathBuf>,

    /// Address to listen on, such as `0.0.0.0:10432` or `:10432`. Overrides `web.listenAddress`.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", global = true)]
    listen_address: Option<String>,

    /// Minimum severity to log: error, warn, info, debug or trace; or levels for parts of the
    /// program, such as `info,scan=debug`. Overrides `log.level`.
    #[arg(long = "log.level", value_name = "LEVEL", global = true)]
    log_level: Option<String>,

    /// Format of the log. Overrides `log.format`.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        value_parser = PossibleValuesParser::new(["text", "json"]),
        global = true
    )]
    log_format: Option<String>,
}

/// Commands of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Scan on schedule and serve metrics. Default if no command is given.
    #[default]
    Serve,
    /// Check the configuration and list every mistake. Opens no file that the configuration names,
    /// and connects to nothing.
    CheckConfig {
        /// Exit with code 1 if there are warnings.
        #[arg(long)]
        strict: bool,
    },
    /// Scan every archive and read every certificate once; show what can be restored, and problems.
    Check {
        /// Format of the result.
        #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
        output: OutputFormat,

        /// Judge as of this moment instead of now, such as `2026-11-15T12:00:00Z`.
        #[arg(long, value_name = "TIME", value_parser = parse_moment)]
        at: Option<DateTime<Utc>>,
    },
    /// Scan every archive once; show what is stored, how much of it can be deleted, and what
    /// arrived recently.
    Report {
        /// Format of the result.
        #[arg(long, value_enum, default_value_t = ReportOutput::Text)]
        output: ReportOutput,

        /// Look back from this moment instead of now, such as `2026-11-15T12:00:00Z`.
        #[arg(long, value_name = "TIME", value_parser = parse_moment)]
        at: Option<DateTime<Utc>>,
    },
    /// Scan once, then read WAL and base backups as asked, and show what was found in them. Needs no
    /// `verification` in the configuration: the command itself is the consent.
    Verify(VerifyArguments),
    /// Explain what a backup schedule means to CloudNativePG, and when it is due next. Needs no
    /// configuration.
    ExplainSchedule {
        /// The `schedule` of a `ScheduledBackup`, in quotes, such as `0 0 2 * * *`.
        schedule: BackupSchedule,

        /// IANA time zone of the operator's pod, such as `Europe/Berlin`.
        #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = parse_time_zone)]
        time_zone: Tz,

        /// Start at this moment instead of now, such as `2026-11-15T12:00:00Z`.
        #[arg(long, value_name = "TIME", value_parser = parse_moment)]
        at: Option<DateTime<Utc>>,
    },
}

/// Arguments of `verify`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct VerifyArguments {
    /// Read only this archive, by its configured name. Default: every archive.
    #[arg(long, value_name = "ARCHIVE")]
    pub archive: Option<String>,

    /// Read only this server. Default: every server.
    #[arg(long, value_name = "SERVER")]
    pub server: Option<String>,

    /// Backups whose data are read: `newest`, unless it was read before; `all` finished backups; or one
    /// by its id. Always with the WAL that makes them consistent.
    #[arg(long, value_name = "ID|newest|all", default_value = "newest")]
    pub backup: BackupChoice,

    /// WAL that is read: `new`, which begins with the newest backup and was not read before; `all` that
    /// some backup needs; or the segments from one name to another, such as
    /// `000000010000000000000017..00000001000000000000002A`.
    #[arg(long, value_name = "new|all|FROM..TO", default_value = "new")]
    pub wal: WalChoice,

    /// Depth of the reads: `edges` (first and last bytes of each object), `wal` (also WAL as a whole) or
    /// `full` (also the data of backups). Default: the configured level, or `full` if that is `off`.
    #[arg(long, value_enum)]
    pub level: Option<LevelChoice>,

    /// Maximum number of bytes of contents to read, such as `500MB`, `20GB` or `50GiB`. What is larger
    /// than what is left of it is not read. Default: no limit.
    #[arg(long, value_name = "BYTES")]
    pub max_bytes: Option<Bytes>,

    /// Only show what would be read, and what that costs.
    #[arg(long)]
    pub dry_run: bool,

    /// Format of the result.
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub output: OutputFormat,
}

impl VerifyArguments {
    /// Contents to read of a server.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection {
            backups: self.backup.clone(),
            wal: self.wal,
        }
    }
}

/// Depth of reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LevelChoice {
    /// First and last bytes of each object.
    Edges,
    /// Also WAL as a whole.
    Wal,
    /// Also the data of backups.
    Full,
}

impl From<LevelChoice> for Level {
    fn from(choice: LevelChoice) -> Self {
        match choice {
            LevelChoice::Edges => Self::Edges,
            LevelChoice::Wal => Self::Wal,
            LevelChoice::Full => Self::Full,
        }
    }
}

/// Format of a result on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people; coloured on a terminal, unless `NO_COLOR` is set.
    #[default]
    Text,
    /// For scripts.
    Json,
}

/// Format of a report on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportOutput {
    /// For people; coloured on a terminal, unless `NO_COLOR` is set.
    #[default]
    Text,
    /// For scripts.
    Json,
    /// For web pages, with tables as on GitHub.
    Markdown,
}

impl CommandLine {
    /// Reads the command line of this process.
    ///
    /// Ends the process after `--help` and `--version` (code 0) and after usage errors (code 2).
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::parse()
    }

    /// Reads a command line whose first element is the name of the program.
    ///
    /// # Errors
    /// If it is wrong; and for `--help` and `--version`, with the text to print.
    pub fn read(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }

    /// Command to execute.
    #[must_use]
    pub fn command(&self) -> Command {
        self.command.clone().unwrap_or_default()
    }

    /// Configuration file: the one that is named, otherwise the default one if it exists.
    #[must_use]
    pub fn config_file(&self) -> Option<PathBuf> {
        if let Some(named) = &self.config_file {
            return Some(named.clone());
        }
        let default = Path::new(DEFAULT_CONFIG_FILE);
        // If its existence cannot be checked, reading it reports the reason.
        let exists = default.try_exists().unwrap_or(true);
        exists.then(|| default.to_owned())
    }

    /// Settings that flags override.
    ///
    /// Commands that print a result log only oddities that the result does not show, unless
    /// `--log.level` is given.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        let log_level = self.log_level.clone().or_else(|| self.default_log_level());
        let values = [
            (
                "--web.listen-address",
                "web.listenAddress",
                self.listen_address.clone(),
            ),
            ("--log.level", "log.level", log_level),
            ("--log.format", "log.format", self.log_format.clone()),
        ];
        let mut flags = Vec::new();
        for (name, key, value) in values {
            if let Some(value) = value {
                flags.push(Flag { name, key, value });
            }
        }
        flags
    }

    /// Log level of the command; `None` for that of the configuration.
    fn default_log_level(&self) -> Option<String> {
        match self.command() {
            Command::Check { .. } | Command::Report { .. } | Command::Verify(_) => {
                Some(logging::BESIDE_A_RESULT.to_owned())
            }
            Command::Serve | Command::CheckConfig { .. } | Command::ExplainSchedule { .. } => None,
        }
    }

    /// Reads the configuration: the file, overridden by this process's environment and the flags.
    ///
    /// # Errors
    /// If it has mistakes, or if there is no configuration at all.
    pub fn load_config(&self) -> Result<Config, NoConfig> {
        let file = self.config_file();
        let loaded = Config::load(file.as_deref(), env::vars_os(), &self.flags());
        loaded.map_err(|mistakes| {
            if file.is_none() && names_no_archive(&mistakes) {
                NoConfig::NotFound
            } else {
                NoConfig::Wrong(mistakes)
            }
        })
    }
}

/// Returns whether the only mistake is that no source of settings names an archive.
fn names_no_archive(mistakes: &Mistakes) -> bool {
    match mistakes.iter().as_slice() {
        [only] => only.key == "archives" && only.origin == ValueOrigin::Unknown,
        _ => false,
    }
}

/// Error for a start without a valid configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoConfig {
    /// There is no file, and the environment names no archive.
    #[error(
        "No configuration was found: `{DEFAULT_CONFIG_FILE}` does not exist, and no other file was \
         named. Name a file with `--config.file` or `BARMAN_CLOUD_EXPORTER_CONFIG_FILE`, or set \
         `{ENVIRONMENT_PREFIX}ARCHIVES`; see --help for a minimal configuration"
    )]
    NotFound,
    /// The configuration has mistakes.
    #[error("The configuration is invalid:\n{0}")]
    Wrong(Mistakes),
}

/// Reads a moment as of which something is judged.
fn parse_moment(text: &str) -> Result<DateTime<Utc>, &'static str> {
    text.parse().map_err(|_| {
        "expected a date and a time with their time zone, such as `2026-11-15T12:00:00Z` or \
         `2026-11-15T13:00:00+01:00`"
    })
}
