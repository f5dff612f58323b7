//! Form of the alerts: complete, with a description of their subject.

use std::collections::BTreeSet;
use std::{env, fs};

use test_support::promql::selectors;
use test_support::{
    Rule, RuleFile, alert_rules, alerts_path, all_rules, plain_rules_path, rule_files,
};

/// Prefix of every link to a runbook; `alerts/README.md` explains to users how to replace it.
const RUNBOOKS: &str = "https://barman-cloud-exporter.example/alerts/runbooks/";

/// Headings of a runbook, in their order.
const HEADINGS: [&str; 3] = ["## What it means", "## How to see it", "## What to do"];

/// `make generate` writes the file.
#[test]
fn the_plain_file_holds_the_groups_of_the_manifests() {
    let groups: Vec<_> = rule_files().iter().map(RuleFile::plain_groups).collect();
    let origin =
        "# Made from the manifests in rules/ by a test: change those, and see README.md.\n";
    let expected = format!("{origin}groups:\n{}", groups.join("\n"));

    if env::var_os("UPDATE_ALERTS").is_some() {
        fs::write(plain_rules_path(), expected).unwrap();
    } else {
        let found = fs::read_to_string(plain_rules_path()).unwrap();
        assert_eq!(found, expected, "run `make generate`");
    }
}

#[test]
fn every_alert_has_severity_subject_and_instructions() {
    for (name, rule) in alert_rules() {
        let severity = rule.labels.get("severity").map(String::as_str);
        assert!(
            ["critical", "warning", "info"]
                .map(Some)
                .contains(&severity),
            "{name}"
        );
        assert_eq!(rule.labels.len(), 1, "{name}");
        assert!(name.starts_with("BarmanCloud"), "{name}");
        let minutes = rule
            .holds_for
            .as_deref()
            .is_some_and(|time| time.ends_with(['m', 'h']));
        assert!(minutes, "{name} fires at once");
        assert_eq!(rule.annotations.len(), 3, "{name}");
        assert_eq!(
            rule.annotations["runbook_url"],
            format!("{RUNBOOKS}{name}.md")
        );
        let about = selectors(&rule.expr).swap_remove(0).grouped_by;
        for label in about.iter().filter(|label| *label != "namespace") {
            let is_named =
                |text: &str| rule.annotations[text].contains(&format!("$labels.{label}"));
            // Some uploads belong to no server.
            let in_summary = is_named("summary") || name == "BarmanCloudUnfinishedUploads";
            assert!(
                is_named("description") && in_summary,
                "{name} does not name the {label}"
            );
        }
    }
}

#[test]
fn every_alert_on_a_server_says_when_scans_fail() {
    let on_servers = |rule: &Rule| rule.expr.contains("(archive, server)");

    let silent = without(on_servers, "Scans of the archive are failing");

    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn every_certificate_alert_says_when_it_cannot_be_read() {
    let on_certificates = |rule: &Rule| {
        let about = selectors(&rule.expr).swap_remove(0).metric;
        about.starts_with("barman_cloud_certificate_") && !about.ends_with("_read_success")
    };

    let silent = without(on_certificates, "It cannot be read at present");

    assert!(silent.is_empty(), "{silent:?}");
}

/// Alerts whose description does not have the words.
fn without(is_concerned: fn(&Rule) -> bool, words: &str) -> Vec<String> {
    let concerned = alert_rules()
        .into_iter()
        .filter(|(_, rule)| is_concerned(rule));
    let silent = concerned.filter(|(_, rule)| !rule.annotations["description"].contains(words));
    silent.map(|(name, _)| name).collect()
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let names: BTreeSet<_> = alert_rules()
        .into_iter()
        .map(|(name, _)| format!("{name}.md"))
        .collect();
    let entries = fs::read_dir(alerts_path("runbooks")).unwrap();
    let pages: BTreeSet<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, pages);

    for page in pages {
        let text = fs::read_to_string(alerts_path("runbooks").join(&page)).unwrap();
        let title = format!("# {}", page.trim_end_matches(".md"));
        assert_eq!(text.lines().next(), Some(title.as_str()));
        let headings: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(headings, HEADINGS, "{page}");
        let known = |word: &str| names.contains(&format!("{word}.md"));
        let words = text.split(|character: char| !character.is_alphanumeric());
        let strangers: Vec<_> = words
            .filter(|word| word.starts_with("BarmanCloud") && !known(word))
            .collect();
        assert!(strangers.is_empty(), "{page} speaks of {strangers:?}");
    }
}

/// The person whom an alert wakes knows neither the location of the programs nor the accounts that
/// may access the store.
#[test]
fn every_command_in_a_runbook_can_be_run_or_says_where() {
    let readme = fs::read_to_string(alerts_path("README.md")).unwrap();
    assert!(readme.contains("\n## Where to run the commands\n"));

    for entry in fs::read_dir(alerts_path("runbooks")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().map(str::trim_start).collect();
        let begins = |words: &str| lines.iter().any(|line| line.starts_with(words));
        assert!(!begins("barman-cloud-exporter "), "{path:?}: in which pod?");
        let of_the_store = begins("aws ")
            || text.contains("barman-cloud-wal-")
            || text.contains("barman-cloud-backup-");
        let says_where = text.contains("[archive-tools](../README.md#where-to-run-the-commands)");
        assert!(!of_the_store || says_where, "{path:?}: with which keys?");
        let of_the_exporter = text.contains("-n barman-cloud-exporter ");
        let may_differ = text.contains("may run in a namespace");
        assert!(
            !of_the_exporter || may_differ,
            "{path:?}: in any namespace?"
        );
    }
}

/// A missing threshold silences alerts, so one alert checks that all exist.
#[test]
fn every_threshold_is_used_and_its_absence_noticed() {
    let key = |name: &str, severity: &str| (name.to_owned(), severity.to_owned());
    let recorded: BTreeSet<_> = all_rules()
        .iter()
        .filter(|rule| rule.record.as_deref() == Some("barman_cloud:threshold"))
        .map(|rule| {
            key(
                &rule.labels["name"],
                rule.labels.get("severity").map_or("", String::as_str),
            )
        })
        .collect();
    let compared = |of_the_watcher: bool| -> BTreeSet<_> {
        let of =
            |(name, _): &(String, _)| (name == "BarmanCloudThresholdMissing") == of_the_watcher;
        let alerts = alert_rules().into_iter().filter(of).map(|(_, rule)| rule);
        // A threshold may be worked out by a rule of its own.
        let others = all_rules()
            .into_iter()
            .filter(|rule| rule.record.is_some() && !of_the_watcher);
        let selectors = alerts.chain(others).flat_map(|rule| selectors(&rule.expr));
        let thresholds = selectors.filter(|selector| selector.metric == "barman_cloud:threshold");
        thresholds
            .map(|selector| key(selector.value("name"), selector.value("severity")))
            .collect()
    };

    assert_eq!(compared(true), recorded);
    assert_eq!(compared(false), recorded);
}
