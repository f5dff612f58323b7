//! Alerts that are shipped, as their manifests define them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Subjects of the manifests, in the order in which people read about them.
const SUBJECTS: [&str; 9] = [
    "exporter",
    "scan",
    "backups",
    "recoverability",
    "contents",
    "storage",
    "certificates",
    "plugin",
    "thresholds",
];

/// Lines above the groups in a manifest.
const GROUPS: &str = "spec:\n  groups:\n";

/// Manifest with a `PrometheusRule`.
pub struct RuleFile {
    /// Subject, which its file is named after.
    pub subject: &'static str,
    /// Text of the manifest.
    pub text: String,
    /// Rules of all its groups.
    pub rules: Vec<Rule>,
}

/// Rule that records a series, or alerts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Series that it records.
    pub record: Option<String>,
    /// Alert that it defines.
    pub alert: Option<String>,
    /// Query of the rule.
    pub expr: String,
    /// Time for which the query must have a result before the alert fires.
    #[serde(rename = "for")]
    pub holds_for: Option<String>,
    /// Time for which the alert continues to fire without a result.
    pub keep_firing_for: Option<String>,
    /// Labels that it adds.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Texts for people.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Manifest {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

impl RuleFile {
    /// Groups alone, as Prometheus reads them below `groups:`.
    ///
    /// # Panics
    /// Panics if the manifest is not written as the others are.
    pub fn plain_groups(&self) -> String {
        let groups = self.text.split_once(GROUPS);
        let (_, groups) = groups.expect("a manifest ends with its groups");
        groups.lines().fold(String::new(), |plain, line| {
            plain + line.strip_prefix("  ").unwrap_or(line) + "\n"
        })
    }
}

/// Every manifest in `alerts/rules`.
///
/// # Panics
/// Panics if one is missing, superfluous or makes no sense.
pub fn rule_files() -> Vec<RuleFile> {
    let directory = alerts_path("rules");
    let entries = fs::read_dir(&directory).expect("there are rules");
    assert_eq!(
        entries.count(),
        SUBJECTS.len(),
        "a subject that nobody knows"
    );
    SUBJECTS
        .into_iter()
        .map(|subject| rule_file(subject, directory.join(subject)))
        .collect()
}

fn rule_file(subject: &'static str, path: PathBuf) -> RuleFile {
    let path = path.with_extension("yaml");
    let text = fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let manifest: Result<Manifest, _> = serde_saphyr::from_str(&text);
    let manifest = manifest.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rules = manifest
        .spec
        .groups
        .into_iter()
        .flat_map(|group| group.rules)
        .collect();
    RuleFile {
        subject,
        text,
        rules,
    }
}

/// Path of a file or folder below `alerts`.
pub fn alerts_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../alerts")
        .join(path)
}

/// Path of the file with all rules, for users without the operator.
pub fn plain_rules_path() -> PathBuf {
    alerts_path("barman-cloud-exporter.rules.yaml")
}

/// Returns all rules of all manifests.
pub fn all_rules() -> Vec<Rule> {
    let files = rule_files().into_iter();
    files.flat_map(|file| file.rules).collect()
}

/// Returns all rules that alert, with their names.
pub fn alert_rules() -> Vec<(String, Rule)> {
    let named = |rule: Rule| Some((rule.alert.clone()?, rule));
    all_rules().into_iter().filter_map(named).collect()
}

/// Line of the table "Alerts and findings" in `alerts/README.md`.
pub struct FindingRow {
    /// Code of the finding; `None` for alerts without one.
    pub finding: Option<String>,
    /// Names of the alerts.
    pub alerts: Vec<String>,
    /// Reason why there is no alert, or no finding.
    pub reason: String,
}

/// Returns the lines of the table.
///
/// # Panics
/// Panics if there is no such table.
pub fn finding_rows() -> Vec<FindingRow> {
    let readme = fs::read_to_string(alerts_path("README.md")).expect("the alerts have a README");
    let table = readme.split_once("\n## Alerts and findings\n");
    let (_, section) = table.expect("the README has the table");
    let lines = section.lines().take_while(|line| !line.starts_with("## "));
    let rows = lines.filter(|line| line.starts_with("| ")).skip(1);
    rows.map(finding_row).collect()
}

fn finding_row(line: &str) -> FindingRow {
    let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [finding, alerts, reason] = cells.try_into().expect("three cells");
    let names = alerts.split(", ").filter(|name| !name.is_empty());
    FindingRow {
        finding: (!finding.is_empty()).then(|| finding.trim_matches('`').to_owned()),
        alerts: names.map(str::to_owned).collect(),
        reason: reason.to_owned(),
    }
}
