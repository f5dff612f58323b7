//! Dashboards that are shipped, as they are in the repository.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// All dashboards, by the names of their files.
pub fn boards() -> Vec<Board> {
    ["backups.json", "backup-server.json"]
        .map(Board::read)
        .into()
}

/// Dashboard.
pub struct Board {
    /// Name of the file.
    pub file: &'static str,
    /// Content of the file.
    pub text: String,
    /// The same, parsed.
    pub json: Value,
}

/// Query of a panel.
#[derive(Clone, Debug)]
pub struct Query {
    /// Title of the panel.
    pub panel: String,
    /// Letter that names the query within the panel.
    pub id: String,
    /// `PromQL`, with the variables of Grafana.
    pub expression: String,
    /// True for a value at one moment, false for a graph.
    pub is_instant: bool,
}

impl Board {
    /// Reads a dashboard.
    ///
    /// # Panics
    /// Panics if the file is missing or is not JSON.
    pub fn read(file: &'static str) -> Self {
        let text = fs::read_to_string(path(file)).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        Self { file, text, json }
    }

    /// Panels and the rows between them, in their order.
    pub fn panels(&self) -> &[Value] {
        items(&self.json["panels"])
    }

    /// Panels that show something: all but the rows.
    pub fn charts(&self) -> impl Iterator<Item = &Value> {
        self.panels().iter().filter(|panel| panel["type"] != "row")
    }

    /// Variables that people choose from.
    pub fn variables(&self) -> &[Value] {
        items(&self.json["templating"]["list"])
    }

    /// Queries of all panels.
    pub fn queries(&self) -> Vec<Query> {
        let queries = self.charts().flat_map(|panel| {
            items(&panel["targets"]).iter().map(|target| Query {
                panel: text(&panel["title"]),
                id: text(&target["refId"]),
                expression: text(&target["expr"]),
                is_instant: target["instant"] == true,
            })
        });
        queries.collect()
    }

    /// Only query of the panel with this title, or its first one.
    ///
    /// # Panics
    /// Panics without such a panel.
    pub fn query(&self, panel: &str) -> Query {
        let query = self
            .queries()
            .into_iter()
            .find(|query| query.panel == panel);
        query.unwrap_or_else(|| panic!("{} has no panel `{panel}`", self.file))
    }
}

impl Query {
    /// Expression with the values that Grafana puts in place of its variables.
    pub fn filled(&self, archive: &str, server: &str) -> String {
        fill(&self.expression, archive, server)
    }
}

/// Replaces Grafana's variables, and the past that no test has.
///
/// # Panics
/// Panics if one is left that Grafana would not know either.
pub fn fill(expression: &str, archive: &str, server: &str) -> String {
    let escaped = server.replace('-', r"\-").replace('.', r"\.");
    let values = [
        ("${server:regex}", escaped.as_str()),
        ("offset $__rate_interval", "offset 1s"),
        ("$__rate_interval", "1m"),
        ("offset 1d", "offset 1s"),
        ("$archive", archive),
        ("$server", server),
    ];
    let filled = values
        .iter()
        .fold(expression.to_owned(), |filled, (variable, value)| {
            filled.replace(variable, value)
        });
    // `$1` is a group of `label_replace`.
    assert!(
        !filled.replace("$1", "").contains('$'),
        "an unknown variable in `{expression}`"
    );
    filled
}

/// Elements of an array; none if it is not one.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Text of a value; empty if it is not one.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Path of a dashboard.
pub fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../dashboards")
        .join(file)
}
