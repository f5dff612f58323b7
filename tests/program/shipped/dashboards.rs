//! Form that dashboards have here, beyond Grafana's requirements.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Value, json};
use test_support::dashboard::{Board, boards, items, path, text};

/// Path in a link to a runbook, after the part that users replace with their own.
const RUNBOOKS: &str = "/alerts/runbooks";

/// Runbooks that belong to no panel, and why.
const ON_NO_PANEL: [(&str, &str); 4] = [
    (
        "BarmanCloudPluginBackupFailed",
        "no panel shows the metrics of CloudNativePG's plugin",
    ),
    (
        "BarmanCloudPluginBackupTooOld",
        "no panel shows the metrics of CloudNativePG's plugin",
    ),
    (
        "BarmanCloudPluginNothingRecoverable",
        "no panel shows the metrics of CloudNativePG's plugin",
    ),
    (
        "BarmanCloudThresholdMissing",
        "it is about the rules, not about backups",
    ),
];

/// Maximum size of annotations in Kubernetes, less the rest of a `ConfigMap`, in bytes.
const LARGEST_NOTE: usize = 255 * 1024;

/// Maximum length in Grafana.
const LONGEST_UID: usize = 40;

/// Grafana writes its keys in order when it exports a dashboard, so that does not change more than
/// was changed. `make generate` writes it so.
#[test]
fn dashboards_are_written_as_grafana_exports_them() {
    for Board { file, text, json } in boards() {
        let written = serde_json::to_string_pretty(&json).unwrap() + "\n";
        if env::var_os("UPDATE_DASHBOARDS").is_some() {
            fs::write(path(file), written).unwrap();
        } else {
            assert!(text == written, "{file}: run `make generate`");
        }
    }
}

#[test]
fn dashboards_are_distinct_and_refresh_no_faster_than_scans() {
    let boards = boards();

    for board in &boards {
        let json = &board.json;
        assert!(json["id"].is_null(), "Grafana gives the id");
        assert!(text(&json["uid"]).len() <= LONGEST_UID);
        assert_eq!(json["schemaVersion"], 42, "the last one of this model");
        assert_eq!(json["refresh"], "5m", "the interval of scans");
        assert!(items(&json["tags"]).contains(&json!("barman-cloud-exporter")));
        assert!(!text(&json["description"]).is_empty());
    }
    assert_eq!(uids(&boards).len(), boards.len());
}

#[test]
fn panels_have_their_own_ids_and_places() {
    for board in boards() {
        let mut ids = BTreeSet::new();
        let mut cells = BTreeMap::new();
        for panel in board.panels() {
            let title = &panel["title"];
            assert!(
                ids.insert(panel["id"].as_u64().unwrap()),
                "{}: {title}",
                board.file
            );
            for cell in cells_of(&panel["gridPos"]) {
                assert!(cell.0 < 24, "{}: {title} is too wide", board.file);
                let other = cells.insert(cell, title);
                assert!(other.is_none(), "{}: {title} covers {other:?}", board.file);
            }
        }
    }
}

#[test]
fn every_panel_explains_itself() {
    for board in boards() {
        for panel in board.charts() {
            let (defaults, title) = (&panel["fieldConfig"]["defaults"], &panel["title"]);
            let complaint = format!("{}: {title}", board.file);
            assert!(
                text(&panel["description"]).ends_with('.'),
                "{complaint}: no description"
            );
            assert!(
                !text(&defaults["noValue"]).is_empty(),
                "{complaint}: no words for no data"
            );
            assert!(!text(&defaults["unit"]).is_empty(), "{complaint}: no unit");
            assert!(
                !items(&defaults["thresholds"]["steps"]).is_empty(),
                "{complaint}: thresholds"
            );
            for target in items(&panel["targets"]) {
                let is_named = !text(&target["legendFormat"]).is_empty();
                assert!(
                    is_named || target["format"] == "table",
                    "{complaint}: no legend"
                );
            }
        }
    }
}

#[test]
fn every_column_of_numbers_has_a_unit() {
    for board in boards() {
        for panel in board.charts().filter(|panel| panel["type"] == "table") {
            for column in columns(panel) {
                let has_unit = |setting: &Value| setting["id"] == "unit";
                let units = items(&panel["fieldConfig"]["overrides"])
                    .iter()
                    .filter(|column_override| {
                        column_override["matcher"] == json!({ "id": "byName", "options": column })
                    })
                    .filter(|column_override| {
                        items(&column_override["properties"]).iter().any(has_unit)
                    });
                assert_eq!(
                    units.count(),
                    1,
                    "{}: {}, {column}",
                    board.file,
                    panel["title"]
                );
            }
        }
    }
}

#[test]
fn the_data_source_is_the_variable_everywhere() {
    let variable = json!({ "type": "prometheus", "uid": "${datasource}" });

    for board in boards() {
        let first = &board.variables()[0];
        assert_eq!(
            (&first["name"], &first["type"]),
            (&json!("datasource"), &json!("datasource"))
        );
        let targets = board.charts().flat_map(|panel| items(&panel["targets"]));
        for user in board.charts().chain(targets).chain(&board.variables()[1..]) {
            assert_eq!(user["datasource"], variable, "{}: {user}", board.file);
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let boards = boards();
    let uids = uids(&boards);
    let mut places = BTreeSet::new();

    for board in &boards {
        for url in urls(&board.json) {
            if let Some(rest) = url.strip_prefix("/d/") {
                let uid = rest.split('/').next().unwrap_or_default();
                assert!(uids.contains(uid), "{}: no dashboard {url}", board.file);
            } else {
                let runbook = url.split_once(RUNBOOKS);
                let (place, page) = runbook.unwrap_or_else(|| panic!("a link to elsewhere: {url}"));
                assert!(is_runbook(page), "{}: no page {url}", board.file);
                places.insert(place.to_owned());
            }
        }
    }
    assert_eq!(places.len(), 1, "all runbooks are in one place: {places:?}");
}

#[test]
fn every_runbook_is_linked_from_a_panel_about_its_subject() {
    let boards = boards();
    let panels = boards.iter().flat_map(Board::charts);
    let linked: BTreeSet<_> = panels.flat_map(|panel| urls(&panel["links"])).collect();
    let is_linked = |page: &str| {
        linked
            .iter()
            .any(|url| url.ends_with(&format!("/{page}.md")))
    };

    let runbooks = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/runbooks"));
    let paths = runbooks.unwrap().map(|entry| entry.unwrap().path());
    let pages = paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let missing: BTreeSet<_> = pages.filter(|page| !is_linked(page)).collect();

    assert_eq!(missing, ON_NO_PANEL.map(|(page, _)| page.to_owned()).into());
}

#[test]
fn every_dashboard_has_its_config_map() {
    let kustomization = fs::read_to_string(path("kustomization.yaml")).unwrap();
    let kustomization: Value = serde_saphyr::from_str(&kustomization).unwrap();

    let generators = items(&kustomization["configMapGenerator"]).iter();
    let files: BTreeSet<_> = generators
        .flat_map(|generator| items(&generator["files"]))
        .map(text)
        .collect();

    let entries = fs::read_dir(path(""))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let there = entries.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(files, there.map(name).collect());
    assert_eq!(
        files,
        boards().iter().map(|board| board.file.to_owned()).collect()
    );
    assert_eq!(
        kustomization["generatorOptions"]["labels"]["grafana_dashboard"],
        "1"
    );
}

/// `kubectl apply` notes down what it applied, as JSON in JSON.
#[test]
fn every_dashboard_can_be_applied() {
    for Board { file, text, .. } in boards() {
        let noted = serde_json::to_string(&text).unwrap();
        assert!(
            noted.len() < LARGEST_NOTE,
            "{file} is too large: {}",
            noted.len()
        );
    }
}

fn uids(boards: &[Board]) -> BTreeSet<String> {
    boards
        .iter()
        .map(|board| text(&board.json["uid"]))
        .collect()
}

/// Cells of the grid that a panel covers.
fn cells_of(place: &Value) -> impl Iterator<Item = (u64, u64)> {
    let number = |name: &str| place[name].as_u64().unwrap();
    let (x, y, width, height) = (number("x"), number("y"), number("w"), number("h"));
    (x..x + width).flat_map(move |column| (y..y + height).map(move |row| (column, row)))
}

/// Names of a table's columns that hold what its queries return.
fn columns(panel: &Value) -> Vec<String> {
    let options = &panel["transformations"][1]["options"];
    let names = options["renameByName"].as_object().unwrap();
    let is_shown = |name: &str| options["excludeByName"][name] != true;
    let values = names
        .iter()
        .filter(|(name, _)| name.starts_with("Value") && is_shown(name));
    values.map(|(_, column)| text(column)).collect()
}

/// Every `url` in a value.
fn urls(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(urls).collect(),
        Value::Object(fields) => {
            let below = fields.values().flat_map(urls);
            below.chain(fields.get("url").map(text)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Returns whether such a page exists.
fn is_runbook(page: &str) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/runbooks");
    folder.join(page.trim_start_matches('/')).exists()
}
