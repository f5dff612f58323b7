//! Command lines, right and wrong.

mod documents;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

fn read(arguments: &str) -> Result<CommandLine, clap::Error> {
    CommandLine::read(
        ["barman-cloud-exporter"]
            .into_iter()
            .chain(arguments.split_whitespace()),
    )
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
    let flags = read("--web.listen-address :1 --log.format json")
        .unwrap()
        .flags();

    let keys: Vec<_> = flags
        .iter()
        .map(|flag| (flag.key, flag.value.as_str()))
        .collect();
    assert_eq!(keys, [("web.listenAddress", ":1"), ("log.format", "json")]);
}

#[test]
fn a_check_is_told_how_to_show_its_result_and_as_of_when() {
    let checks = read("check --output json --at 2026-11-15T12:00:00+01:00").unwrap();

    let at = Some("2026-11-15T11:00:00Z".parse().unwrap());
    assert_eq!(
        checks.command(),
        Command::Check {
            output: OutputFormat::Json,
            at
        }
    );
    let plain = Command::Check {
        output: OutputFormat::Text,
        at: None,
    };
    assert_eq!(read("check").unwrap().command(), plain);
    let wrong = read("check --at yesterday").unwrap_err().to_string();
    assert!(
        wrong.contains("'yesterday'") && wrong.contains("2026-11-15T12:00:00Z"),
        "{wrong}"
    );
}

#[test]
fn a_report_is_told_how_to_show_its_result_and_as_of_when() {
    let report = read("report --output markdown --at 2026-11-15T12:00:00Z").unwrap();

    let at = Some("2026-11-15T12:00:00Z".parse().unwrap());
    assert_eq!(
        report.command(),
        Command::Report {
            output: ReportOutput::Markdown,
            at
        }
    );
    let plain = Command::Report {
        output: ReportOutput::Text,
        at: None,
    };
    assert_eq!(read("report").unwrap().command(), plain);
    assert!(read("check --output markdown").is_err());
}

#[test]
fn a_check_logs_warnings_unless_told_otherwise() {
    let level = |arguments| {
        let flags = read(arguments).unwrap().flags();
        flags
            .into_iter()
            .find(|flag| flag.key == "log.level")
            .map(|flag| flag.value)
    };

    assert_eq!(level("check"), Some(logging::BESIDE_A_RESULT.to_owned()));
    assert_eq!(level("report"), Some(logging::BESIDE_A_RESULT.to_owned()));
    assert_eq!(level("check --log.level info"), Some("info".to_owned()));
    assert_eq!(level("serve"), None);
}

#[test]
fn usage_errors_end_with_code_2() {
    for arguments in [
        "--log.format xml",
        "--no-such-flag",
        "serve now",
        "--config.file",
    ] {
        assert_eq!(read(arguments).unwrap_err().exit_code(), 2, "{arguments}");
    }
}

#[test]
fn the_help_is_enough_to_begin_with() {
    let help = read("--help").unwrap_err().to_string();

    for needed in [
        DEFAULT_CONFIG_FILE,
        "destinationPath",
        "Exit codes",
        "check-config",
    ] {
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
