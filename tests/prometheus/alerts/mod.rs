//! The alerts that are shipped: their form, what they do in Prometheus, and whether the program has
//! what they ask for.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may end so")]
#![expect(clippy::indexing_slicing, reason = "JSON without a field has none, and no panic either")]

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

/// A path below `alerts`.
fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts").join(path)
}

/// The file for users without the operator.
fn plain_rules() -> PathBuf {
    shipped("barman-cloud-exporter.rules.yaml")
}

/// Every rule, whatever its file.
fn all_rules() -> Vec<Rule> {
    rule_files().into_iter().flat_map(|file| file.rules).collect()
}

/// Every rule that alerts, with its name.
fn alerts() -> Vec<(String, Rule)> {
    let named = |rule: Rule| Some((rule.alert.clone()?, rule));
    all_rules().into_iter().filter_map(named).collect()
}
