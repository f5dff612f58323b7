//! Alerts that are shipped: their form, their behaviour in Prometheus, and the metrics of the
//! program that they use.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may end so")]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]

mod form;
mod judgement;
mod on_page;
mod promtool;
mod query;
mod script;
mod series;
mod situations;
mod table;

use std::path::{Path, PathBuf};

use test_support::{Rule, rule_files};

/// Path below `alerts`.
fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("alerts")
        .join(path)
}

/// File for users without the operator.
fn plain_rules() -> PathBuf {
    shipped("barman-cloud-exporter.rules.yaml")
}

/// All rules, of all files.
fn all_rules() -> Vec<Rule> {
    rule_files()
        .into_iter()
        .flat_map(|file| file.rules)
        .collect()
}

/// All rules that alert, with their names.
fn alerts() -> Vec<(String, Rule)> {
    let named = |rule: Rule| Some((rule.alert.clone()?, rule));
    all_rules().into_iter().filter_map(named).collect()
}
