//! Patches and kustomizations that `docs/kubernetes.md` shows do what it says.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deploy::manifests::ways_out;
use crate::deploy::{document, printed, problems, project, read, rendered};

/// Document with the patches.
const DOCUMENT: &str = "docs/kubernetes.md";

#[test]
fn another_prometheus_can_be_named() {
    let documents = patched("my-release");

    let monitor = document(&documents, "PodMonitor", "barman-cloud-exporter");
    let policy = document(&documents, "NetworkPolicy", "barman-cloud-exporter");
    let from = &policy["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"];
    assert_eq!(monitor["metadata"]["labels"]["release"], "my-release");
    assert_eq!(from["kubernetes.io/metadata.name"], "my-namespace");
}

#[test]
fn a_second_overlay_can_do_without_alerts_and_dashboards() {
    let documents = patched("$patch");

    let count = |kind| {
        documents
            .iter()
            .filter(|document| document["kind"] == kind)
            .count()
    };
    assert_eq!(
        (
            count("PrometheusRule"),
            count("ConfigMap"),
            count("Deployment")
        ),
        (0, 1, 1)
    );
}

#[test]
fn other_ports_and_a_nodes_credentials_can_be_allowed() {
    let documents = patched("169.254.170.23/32");

    let ways = ways_out(&documents);

    assert!(ways.contains(&(Value::Null, json!(9000))), "{ways:?}");
    assert!(
        ways.contains(&(json!("169.254.170.23/32"), json!(80))),
        "{ways:?}"
    );
    assert_eq!(problems([documents.as_slice()]), [<[String; 0]>::default()]);
}

/// `rules` of the thresholds is a list, in which the patch goes by number.
#[test]
fn the_limit_for_wal_is_that_of_all_servers() {
    let documents = patched("wal_age_seconds");

    let rules = document(
        &documents,
        "PrometheusRule",
        "barman-cloud-exporter-thresholds",
    );
    let rules = rules["spec"]["groups"][0]["rules"]
        .as_array()
        .expect("there are rules");
    let limits = rules
        .iter()
        .filter(|rule| rule["labels"]["name"] == "wal_age_seconds");
    let limits: Vec<_> = limits.map(|rule| &rule["expr"]).collect();
    assert_eq!(limits, ["vector(30 * 60)"]);
}

/// Copies of everything that overlays refer to, and a kustomization on top.
fn rendered_on_top(kustomization: &str) -> Vec<Value> {
    let scratch = TempDir::new().expect("temporary directories can be made");
    let copied = ["deploy", "alerts", "dashboards"].map(project);
    printed(
        Command::new("cp")
            .arg("-r")
            .args(copied)
            .arg(scratch.path()),
    );
    let config = project("deploy/kubernetes/overlays/aws-irsa/config.yaml");
    fs::copy(config, scratch.path().join("config.yaml")).expect("the file can be copied");
    let written = fs::write(scratch.path().join("kustomization.yaml"), kustomization);
    written.expect("a fresh directory can be written");

    rendered(scratch.path())
}

/// Returns the overlay with the document's block of patches that has these words.
fn patched(words: &str) -> Vec<Value> {
    let shown = read(DOCUMENT);
    let blocks = shown.split("```yaml\n- target:").skip(1);
    let mut blocks = blocks
        .filter_map(|block| block.split_once("```"))
        .map(|(block, _)| block);
    let patches = blocks
        .find(|block| block.contains(words))
        .expect("the document has the patches");
    let overlay = "resources: [deploy/kubernetes/overlays/s3-keys]";
    rendered_on_top(&format!("{overlay}\npatches:\n- target:{patches}"))
}

/// The overlay refers to a local copy instead of a repository that does not exist yet.
#[test]
fn a_kustomization_of_ones_own_on_top_is_good() {
    let shown = read(DOCUMENT);
    let mut blocks = shown
        .split("```yaml\n")
        .skip(1)
        .filter_map(|block| block.split_once("```"));
    let is_it = |(block, _): &(&str, &str)| block.contains("kind: Kustomization");
    let (shown, _) = blocks
        .find(is_it)
        .expect("the document shows a kustomization");
    let (address, _) = shown
        .split_once("//deploy")
        .expect("the overlay has an address");
    let (_, address) = address.rsplit_once("- ").expect("it is an item");
    let kustomization = shown
        .replace(&format!("{address}//"), "")
        .replace("?ref=v0.1.0", "");

    let documents = rendered_on_top(&kustomization);

    let own = read("deploy/kubernetes/overlays/aws-irsa/config.yaml");
    let config_map = document(&documents, "ConfigMap", "barman-cloud-exporter");
    let deployment = document(&documents, "Deployment", "barman-cloud-exporter");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let image = container["image"].as_str().expect("it has an image");
    assert_eq!(config_map["data"]["config.yaml"], own.as_str());
    assert!(image.starts_with("registry.example.com/ops/"), "{image}");
    assert_eq!(problems([documents.as_slice()]), [<[String; 0]>::default()]);
}
