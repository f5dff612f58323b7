//! Dashboard as it is in the repository.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// All dashboards, by the names of their files.
pub(crate) fn boards() -> Vec<Board> {
    ["backups.json", "backup-server.json"]
        .map(Board::read)
        .into()
}

pub(crate) struct Board {
    pub(crate) file: &'static str,
    pub(crate) text: String,
    pub(crate) json: Value,
}

/// Query of a panel.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) panel: String,
    pub(crate) id: String,
    pub(crate) expression: String,
    pub(crate) is_instant: bool,
}

impl Board {
    pub(crate) fn read(file: &'static str) -> Self {
        let text = fs::read_to_string(path(file)).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        Self { file, text, json }
    }

    /// Panels and the rows between them, in their order.
    pub(crate) fn panels(&self) -> &[Value] {
        items(&self.json["panels"])
    }

    /// Panels that show something: all but the rows.
    pub(crate) fn charts(&self) -> impl Iterator<Item = &Value> {
        self.panels().iter().filter(|panel| panel["type"] != "row")
    }

    pub(crate) fn variables(&self) -> &[Value] {
        items(&self.json["templating"]["list"])
    }

    pub(crate) fn queries(&self) -> Vec<Query> {
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
    pub(crate) fn query(&self, panel: &str) -> Query {
        let query = self
            .queries()
            .into_iter()
            .find(|query| query.panel == panel);
        query.unwrap_or_else(|| panic!("{} has no panel `{panel}`", self.file))
    }
}

impl Query {
    /// Expression with the values that Grafana puts in place of its variables.
    pub(crate) fn filled(&self, archive: &str, server: &str) -> String {
        fill(&self.expression, archive, server)
    }
}

/// Replaces Grafana's variables, and the past that no test has.
///
/// # Panics
/// Panics if one is left that Grafana would not know either.
pub(crate) fn fill(expression: &str, archive: &str, server: &str) -> String {
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

pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("dashboards")
        .join(file)
}
