//! The command line: what to do, and the few settings that have a flag.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, ValueEnum};
use cnpg_schedule::BackupSchedule;

use super::{build_info, logging};
use crate::config::{Config, ENVIRONMENT_PREFIX, Flag, Mistakes, ValueOrigin, parse_time_zone};

/// Where the configuration is looked for when nothing names it.
pub const DEFAULT_CONFIG_FILE: &str = "/etc/barman-cloud-exporter/config.yaml";

const AFTER_HELP: &str = "\
Example:
  barman-cloud-exporter check-config --config.file config.yaml
  barman-cloud-exporter check --config.file config.yaml
  barman-cloud-exporter report --config.file config.yaml --output markdown
  barman-cloud-exporter explain-schedule '0 2 * * *'
  barman-cloud-exporter --config.file config.yaml
  curl http://localhost:10432/metrics

The least that a configuration needs is an archive:
  archives:
    - name: production
      destinationPath: s3://bucket/prefix

Every setting is documented in config/barman-cloud-exporter.yaml, which comes with the program.
Flags override the environment, the environment overrides the file, the file overrides defaults:
BARMAN_CLOUD_EXPORTER__WEB__LISTEN_ADDRESS is `web.listenAddress`.

Exit codes:
  0  stopped by a signal; for check-config: the configuration is valid; for check: all is well
  1  the program could not start, or failed
  2  the command line or the configuration is wrong
  check-config --strict: 1 warnings, such as a schedule of five fields
  check has its own: 1 warnings, 2 something is critical, 3 it could not be told, also for a wrong
  configuration or a scan that failed while nothing critical is known
  report has its own: 0 every archive was scanned, whatever was found; 3 one could not be (the others
  are shown), also for a wrong configuration";

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(
    name = "barman-cloud-exporter",
    version = build_info::SUMMARY,
    about = "Tells Prometheus whether PostgreSQL backups in Barman Cloud's layout can be restored.",
    after_help = AFTER_HELP
)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    command: Option<Command>,

    /// The configuration, a YAML file. Default: /etc/barman-cloud-exporter/config.yaml, if it exists.
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

    /// Least severe message to log: error, warn, info, debug or trace. Overrides `log.level`.
    #[arg(long = "log.level", value_name = "LEVEL", global = true)]
    log_level: Option<String>,

    /// How to write the log. Overrides `log.format`.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        value_parser = PossibleValuesParser::new(["text", "json"]),
        global = true
    )]
    log_format: Option<String>,
}

/// What the program is asked to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Scan on schedule and serve metrics; what happens without a command, too.
    #[default]
    Serve,
    /// Check the configuration and say everything that is wrong with it. Opens no file that it
    /// names, and talks to nobody.
    CheckConfig {
        /// End with 1 where there are warnings.
        #[arg(long)]
        strict: bool,
    },
    /// Scan every archive and read every certificate once, and say what can be restored and what is
    /// not as it should be.
    Check {
        /// How to write the result.
        #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
        output: OutputFormat,

        /// Judge as of this moment instead of now, such as `2026-11-15T12:00:00Z`.
        #[arg(long, value_name = "TIME", value_parser = parse_moment)]
        at: Option<DateTime<Utc>>,
    },
    /// Scan every archive once, and say what is stored, what of it nobody needs, and what arrived
    /// lately.
    Report {
        /// How to write the result.
        #[arg(long, value_enum, default_value_t = ReportOutput::Text)]
        output: ReportOutput,

        /// Look back from this moment instead of now, such as `2026-11-15T12:00:00Z`.
        #[arg(long, value_name = "TIME", value_parser = parse_moment)]
        at: Option<DateTime<Utc>>,
    },
    /// Say what a backup schedule means to CloudNativePG, and when it comes next. Needs no
    /// configuration.
    ExplainSchedule {
        /// The `schedule` of a `ScheduledBackup`, in quotes, such as `0 0 2 * * *`.
        schedule: BackupSchedule,

        /// The time zone of the operator's pod, by its IANA name such as `Europe/Berlin`.
        #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = parse_time_zone)]
        time_zone: Tz,

        /// Begin at this moment instead of now, such as `2026-11-15T12:00:00Z`.
        #[arg(long, value_name = "TIME", value_parser = parse_moment)]
        at: Option<DateTime<Utc>>,
    },
}

/// How a result is written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people; in colours on a terminal, unless `NO_COLOR` is set.
    #[default]
    Text,
    /// For scripts.
    Json,
}

/// How a report is written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportOutput {
    /// For people; in colours on a terminal, unless `NO_COLOR` is set.
    #[default]
    Text,
    /// For scripts.
    Json,
    /// For pages: tables as GitHub has them.
    Markdown,
}

impl CommandLine {
    /// Reads the command line of this process.
    ///
    /// Ends the process after `--help` and `--version` (code 0) and usage errors (code 2).
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::parse()
    }

    /// Reads a command line whose first element is the name of the program.
    ///
    /// # Errors
    /// When it is wrong; and for `--help` and `--version`, with the text to print.
    pub fn read(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }

    /// What to do.
    #[must_use]
    pub fn command(&self) -> Command {
        self.command.clone().unwrap_or_default()
    }

    /// The configuration file: the one that was named, or the usual one if it exists.
    #[must_use]
    pub fn config_file(&self) -> Option<PathBuf> {
        let usual = Path::new(DEFAULT_CONFIG_FILE);
        // What cannot be looked at exists, as far as one can tell; reading it will say what is up.
        let exists = || usual.try_exists().unwrap_or(true);
        self.config_file.clone().or_else(|| exists().then(|| usual.to_owned()))
    }

    /// The settings that flags override.
    ///
    /// Who asks for a result wants that, and of the log what is odd and not in the result.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        let quiet = match self.command() {
            Command::Check { .. } | Command::Report { .. } => {
                Some(logging::BESIDE_A_RESULT.to_owned())
            }
            Command::Serve | Command::CheckConfig { .. } | Command::ExplainSchedule { .. } => None,
        };
        let log_level = self.log_level.clone().or(quiet);
        [
            ("--web.listen-address", "web.listenAddress", &self.listen_address),
            ("--log.level", "log.level", &log_level),
            ("--log.format", "log.format", &self.log_format),
        ]
        .into_iter()
        .filter_map(|(name, key, value)| Some(Flag { name, key, value: value.clone()? }))
        .collect()
    }

    /// Reads the configuration: the file, overridden by this process's environment and the flags.
    ///
    /// # Errors
    /// Every mistake there is, or that there is no configuration at all.
    pub fn load_config(&self) -> Result<Config, NoConfig> {
        let file = self.config_file();
        let loaded = Config::load(file.as_deref(), env::vars_os(), &self.flags());
        loaded.map_err(|mistakes| match mistakes.iter().as_slice() {
            [only]
                if file.is_none()
                    && only.key == "archives"
                    && only.origin == ValueOrigin::Unknown =>
            {
                NoConfig::NotFound
            }
            _ => NoConfig::Wrong(mistakes),
        })
    }
}

/// Why there is no configuration to go by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoConfig {
    /// There is no file, and the environment names no archive.
    #[error(
        "No configuration was found: `{DEFAULT_CONFIG_FILE}` does not exist, and no other file was \
         named. Name one with `--config.file` or `BARMAN_CLOUD_EXPORTER_CONFIG_FILE`, or give the \
         archives in `{ENVIRONMENT_PREFIX}ARCHIVES`; see --help for the least that it needs"
    )]
    NotFound,
    /// There are mistakes in it.
    #[error("The configuration is wrong:\n{0}")]
    Wrong(Mistakes),
}

/// Reads a moment as of which something is judged.
fn parse_moment(text: &str) -> Result<DateTime<Utc>, &'static str> {
    text.parse().map_err(|_| {
        "expected a date and a time with their time zone, such as `2026-11-15T12:00:00Z` or \
         `2026-11-15T13:00:00+01:00`"
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn read(arguments: &str) -> Result<CommandLine, clap::Error> {
        CommandLine::read(["barman-cloud-exporter"].into_iter().chain(arguments.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        <CommandLine as CommandFactory>::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        assert_eq!(read("").unwrap().command(), Command::Serve);
        assert_eq!(read("serve").unwrap().command(), Command::Serve);
        let check_config = read("check-config").unwrap().command();
        assert_eq!(check_config, Command::CheckConfig { strict: false });
    }

    #[test]
    fn flags_stand_before_or_after_the_command() {
        let before = read("--config.file a.yaml --log.level debug check-config").unwrap();
        let after = read("check-config --config a.yaml --log.level=debug").unwrap();

        assert_eq!(before, after);
        assert_eq!(before.config_file(), Some("a.yaml".into()));
    }

    #[test]
    fn flags_name_the_setting_that_they_override() {
        let flags = read("--web.listen-address :1 --log.format json").unwrap().flags();

        let keys: Vec<_> = flags.iter().map(|flag| (flag.key, flag.value.as_str())).collect();
        assert_eq!(keys, [("web.listenAddress", ":1"), ("log.format", "json")]);
    }

    #[test]
    fn a_check_is_told_how_to_show_its_result_and_as_of_when() {
        let checks = read("check --output json --at 2026-11-15T12:00:00+01:00").unwrap();

        let at = Some("2026-11-15T11:00:00Z".parse().unwrap());
        assert_eq!(checks.command(), Command::Check { output: OutputFormat::Json, at });
        let plain = Command::Check { output: OutputFormat::Text, at: None };
        assert_eq!(read("check").unwrap().command(), plain);
        let wrong = read("check --at yesterday").unwrap_err().to_string();
        assert!(wrong.contains("'yesterday'") && wrong.contains("2026-11-15T12:00:00Z"), "{wrong}");
    }

    #[test]
    fn a_report_is_told_how_to_show_its_result_and_as_of_when() {
        let report = read("report --output markdown --at 2026-11-15T12:00:00Z").unwrap();

        let at = Some("2026-11-15T12:00:00Z".parse().unwrap());
        assert_eq!(report.command(), Command::Report { output: ReportOutput::Markdown, at });
        let plain = Command::Report { output: ReportOutput::Text, at: None };
        assert_eq!(read("report").unwrap().command(), plain);
        assert!(read("check --output markdown").is_err());
    }

    #[test]
    fn a_check_logs_warnings_unless_told_otherwise() {
        let level = |arguments| {
            let flags = read(arguments).unwrap().flags();
            flags.into_iter().find(|flag| flag.key == "log.level").map(|flag| flag.value)
        };

        assert_eq!(level("check"), Some(logging::BESIDE_A_RESULT.to_owned()));
        assert_eq!(level("report"), Some(logging::BESIDE_A_RESULT.to_owned()));
        assert_eq!(level("check --log.level info"), Some("info".to_owned()));
        assert_eq!(level("serve"), None);
    }

    #[test]
    fn usage_errors_end_with_code_2() {
        for arguments in ["--log.format xml", "--no-such-flag", "serve now", "--config.file"] {
            assert_eq!(read(arguments).unwrap_err().exit_code(), 2, "{arguments}");
        }
    }

    #[test]
    fn the_help_is_enough_to_begin_with() {
        let help = read("--help").unwrap_err().to_string();

        for needed in [DEFAULT_CONFIG_FILE, "destinationPath", "Exit codes", "check-config"] {
            assert!(help.contains(needed), "{help}");
        }
        println!("{help}");
    }

    #[test]
    fn the_version_names_revision_and_compiler() {
        let shown = read("--version").unwrap_err();

        assert_eq!(shown.kind(), ErrorKind::DisplayVersion);
        let expected = format!(
            "barman-cloud-exporter {} (revision {}, rustc {})\n",
            build_info::VERSION,
            build_info::REVISION,
            build_info::RUSTC
        );
        assert_eq!(shown.to_string(), expected);
    }
}
