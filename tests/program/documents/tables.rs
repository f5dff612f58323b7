//! Tables of metrics, alerts and settings.

use std::collections::{BTreeMap, BTreeSet};

use barman_cloud_exporter::metrics::reference;
use test_support::{Rule, rule_files};

use crate::documents::generated::{GeneratedPart, cell};
use crate::documents::read;
use crate::documents::settings::{Setting, settings};

#[test]
fn the_metrics_are_those_of_the_code() {
    let part = GeneratedPart {
        document: "docs/metrics.md",
        name: "metrics",
    };

    part.check(&metric_tables());
}

/// Returns one table for each section of the metrics.
fn metric_tables() -> String {
    let mut lines = Vec::new();
    for section in reference() {
        lines.push(format!("\n### {}\n", section.title));
        lines.push("| Metric | Type | Labels | Meaning |".to_owned());
        lines.push("|---|---|---|---|".to_owned());
        for metric in &section.metrics {
            let labels: Vec<_> = metric
                .labels
                .iter()
                .map(|label| format!("`{label}`"))
                .collect();
            let labels = labels.join(" ");
            let help = cell(metric.help);
            lines.push(format!(
                "| `{}` | {} | {labels} | {help} |",
                metric.name, metric.kind
            ));
        }
    }
    lines.join("\n") + "\n\n"
}

#[test]
fn the_alerts_are_those_of_the_rules() {
    let part = GeneratedPart {
        document: "docs/alerts.md",
        name: "alerts",
    };

    part.check(&alert_table());
}

/// Returns the alerts in the order of the rules, with the first sentence of their runbooks.
fn alert_table() -> String {
    let mut lines = vec![
        "\n| Alert | Severity | Meaning |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    let rules: Vec<Rule> = rule_files()
        .into_iter()
        .flat_map(|file| file.rules)
        .collect();
    let severities = severities(&rules);
    let mut listed = BTreeSet::new();
    for name in rules.iter().filter_map(|rule| rule.alert.as_deref()) {
        if !listed.insert(name) {
            // An alert of two severities is two rules.
            continue;
        }
        let runbook = format!("alerts/runbooks/{name}.md");
        let meaning = cell(&first_sentence(&read(&runbook)));
        let severities = severities
            .get(name)
            .expect("the alert has a rule")
            .join(", ");
        lines.push(format!(
            "| [{name}](../{runbook}) | {severities} | {meaning} |"
        ));
    }
    lines.join("\n") + "\n\n"
}

/// Returns the severities of each alert, in the order of its rules.
fn severities(rules: &[Rule]) -> BTreeMap<&str, Vec<&str>> {
    let mut severities: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rule in rules {
        if let (Some(alert), Some(severity)) = (&rule.alert, rule.labels.get("severity")) {
            severities.entry(alert).or_default().push(severity);
        }
    }
    severities
}

/// Returns the first sentence below the first heading of a runbook.
fn first_sentence(runbook: &str) -> String {
    let (_, below) = runbook
        .split_once("\n## What it means\n\n")
        .expect("a runbook has a meaning");
    let (paragraph, _) = below
        .split_once("\n\n")
        .expect("the meaning is a paragraph");
    let paragraph = paragraph.replace('\n', " ");
    let (sentence, _) = paragraph.split_once(". ").unwrap_or((&paragraph, ""));
    format!("{}.", sentence.trim_end_matches('.'))
}

#[test]
fn the_settings_are_those_of_the_sample() {
    let part = GeneratedPart {
        document: "docs/configuration.md",
        name: "settings",
    };
    let sample = read("config/barman-cloud-exporter.yaml");

    part.check(&settings_table(&settings(&sample)));
}

/// Returns a table of settings with their values and meanings.
fn settings_table(settings: &[Setting]) -> String {
    let mut lines = vec![
        "\n| Setting | Sample | Meaning |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    for setting in settings {
        let Setting {
            key,
            sample,
            meaning,
        } = setting;
        let outside_code: String = meaning.split('`').step_by(2).collect();
        assert!(
            !outside_code.contains('*'),
            "Markdown reads an asterisk in: {meaning}"
        );
        let sample = if sample.is_empty() {
            String::new()
        } else {
            format!("`{sample}`")
        };
        lines.push(format!(
            "| `{key}` | {} | {} |",
            cell(&sample),
            cell(meaning)
        ));
    }
    lines.join("\n") + "\n\n"
}
