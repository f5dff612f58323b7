//! The README tells what the code does.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use barman_cloud_exporter::metrics::{MetricReference, reference};

const BEGIN: &str = "<!-- metrics: generated from the code, see tests/readme.rs -->\n";
const END: &str = "<!-- end of metrics -->\n";

/// The reference of the metrics, as the README has it.
fn metric_tables() -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for section in reference() {
        write!(
            text,
            "\n**{}**\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n",
            section.title
        )?;
        for MetricReference { name, kind, labels, help } in &section.metrics {
            let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
            let help = help.replace('|', "\\|");
            writeln!(text, "| `{name}` | {kind} | {} | {help} |", labels.join(" "))?;
        }
    }
    writeln!(text)?;
    Ok(text)
}

/// Run with `UPDATE_README=1` to write the tables anew.
#[test]
fn the_metrics_in_the_readme_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("the README can be read");
    let (before, rest) = readme.split_once(BEGIN).expect("the README has a place for the metrics");
    let (tables, after) = rest.split_once(END).expect("the place for the metrics has an end");
    let expected = metric_tables().expect("a string can be written");

    if env::var_os("UPDATE_README").is_some() {
        fs::write(&path, [before, BEGIN, &expected, END, after].concat())
            .expect("the README can be written");
    } else {
        assert_eq!(tables, expected, "run `UPDATE_README=1 cargo test --test readme`");
    }
}

/// What the README says that a schedule means is what the program says.
#[test]
fn the_explained_schedule_in_the_readme_is_what_the_program_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(path).expect("the README can be read");
    let place = "<!-- schedule: what the program prints, see tests/readme.rs -->\n```text\n";
    let (_, rest) = readme.split_once(place).expect("the README has a place for the schedule");
    let (shown, _) = rest.split_once("```").expect("the place for the schedule has an end");

    let at = ["--at", "2026-11-24T20:00:00Z"];
    let printed = Command::new(env!("CARGO_BIN_EXE_barman-cloud-exporter"))
        .args(["explain-schedule", "0 2 * * *"])
        .args(at)
        .output()
        .expect("the program can be run");

    assert_eq!(shown, String::from_utf8_lossy(&printed.stdout));
}
