//! The README tells what the code does.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use barman_cloud_exporter::metrics::{MetricReference, reference};
use test_support::rule_files;

const BEGIN: &str = "<!-- metrics: generated from the code, see tests/readme.rs -->\n";
const END: &str = "<!-- end of metrics -->\n";
const ALERTS_BEGIN: &str =
    "<!-- alerts: generated from the rules and runbooks, see tests/readme.rs -->\n";
const ALERTS_END: &str = "<!-- end of alerts -->\n";

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

/// The alerts, as the README has them, with the first sentence of their runbooks.
fn alert_table() -> Result<String, std::fmt::Error> {
    let mut text = "\n| alert | severity | meaning |\n|---|---|---|\n".to_owned();
    let mut seen = BTreeSet::new();
    let rules: Vec<_> = rule_files().into_iter().flat_map(|file| file.rules).collect();
    for name in rules.iter().filter_map(|rule| rule.alert.as_ref()) {
        if !seen.insert(name) {
            continue;
        }
        let of_alert = rules.iter().filter(|rule| rule.alert.as_ref() == Some(name));
        let severities: Vec<_> =
            of_alert.filter_map(|rule| rule.labels.get("severity")).map(String::as_str).collect();
        let page = format!("alerts/runbooks/{name}.md");
        let meaning = first_sentence(&page).replace('|', "\\|");
        writeln!(text, "| [{name}]({page}) | {} | {meaning} |", severities.join(", "))?;
    }
    writeln!(text)?;
    Ok(text)
}

/// The first sentence below the first heading of a runbook.
fn first_sentence(page: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let page = fs::read_to_string(path).expect("every alert has a runbook");
    let lines = page.lines().skip_while(|line| !line.starts_with("## ")).skip(2);
    let paragraph: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let paragraph = paragraph.join(" ");
    let sentence = paragraph.split_once(". ").map_or(paragraph.as_str(), |(first, _)| first);
    format!("{}.", sentence.trim_end_matches('.'))
}

/// The README with what is expected between two marks; without `UPDATE_README`, it has to stand there.
fn check_or_update(readme: &str, begin: &str, end: &str, expected: &str) -> String {
    let (before, rest) = readme.split_once(begin).expect("the README has a place for it");
    let (found, after) = rest.split_once(end).expect("the place has an end");
    if env::var_os("UPDATE_README").is_none() {
        assert_eq!(found, expected, "run `UPDATE_README=1 cargo test --test program readme`");
    }
    [before, begin, expected, end, after].concat()
}

/// Run with `UPDATE_README=1` to write the tables anew.
#[test]
fn the_tables_in_the_readme_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("the README can be read");
    let metrics = metric_tables().expect("a string can be written");
    let alerts = alert_table().expect("a string can be written");

    let with_metrics = check_or_update(&readme, BEGIN, END, &metrics);
    let expected = check_or_update(&with_metrics, ALERTS_BEGIN, ALERTS_END, &alerts);

    if expected != readme {
        fs::write(&path, expected).expect("the README can be written");
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
