//! Every manifest is one that a cluster takes, and the exporter in it starts.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::{applicable, document, exporter, printed, problems, project, read, rendered};

#[test]
fn every_manifest_is_good() {
    let folders = applicable();
    let sets: Vec<_> = folders.iter().map(|folder| rendered(folder)).collect();

    let found = problems(sets.iter().map(Vec::as_slice));

    assert!(folders.len() >= 5, "{folders:?}");
    for (folder, found) in folders.iter().zip(found) {
        assert_eq!(found, <[String; 0]>::default(), "{}", folder.display());
    }
}

#[test]
fn every_configuration_is_one_that_the_exporter_takes() {
    for folder in applicable() {
        let documents = rendered(&folder);
        let config_map = document(&documents, "ConfigMap", "barman-cloud-exporter");
        let scratch = TempDir::new().expect("temporary directories can be made");
        let file = scratch.path().join("config.yaml");
        let config = config_map["data"]["config.yaml"].as_str().expect("it has a configuration");
        fs::write(&file, config).expect("a fresh directory can be written");

        let checked = printed(exporter().arg("check-config").arg("--config.file").arg(&file));

        assert!(!checked.to_lowercase().contains("warning"), "{}: {checked}", folder.display());
    }
}

#[test]
fn the_image_is_of_this_version() {
    for folder in applicable() {
        let documents = rendered(&folder);
        let deployment = document(&documents, "Deployment", "barman-cloud-exporter");
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let image = container["image"].as_str().expect("it has an image");
        let version = &deployment["metadata"]["labels"]["app.kubernetes.io/version"];

        assert_eq!(image.rsplit_once(':').map(|(_, tag)| tag), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
    }
}

/// `kubectl delete -k` must not take a namespace that holds a database.
#[test]
fn only_a_namespace_of_our_own_is_made_and_deleted() {
    let made = |overlay: &str| {
        let documents = rendered(&project("deploy/kubernetes/overlays").join(overlay));
        let namespaces = documents.iter().filter(|document| document["kind"] == "Namespace");
        namespaces.map(|document| document["metadata"]["name"].clone()).collect::<Vec<_>>()
    };

    assert_eq!(made("s3-keys"), ["barman-cloud-exporter"]);
    assert_eq!(made("aws-irsa"), ["barman-cloud-exporter"]);
    assert_eq!(made("cnpg-certificates"), <[Value; 0]>::default());
}

/// No key of a Secret gets into the pod that only needs its certificate.
#[test]
fn keys_of_certificates_stay_where_they_are() {
    let documents = rendered(&project("deploy/kubernetes/overlays/cnpg-certificates"));
    let deployment = document(&documents, "Deployment", "barman-cloud-exporter");
    let volumes = &deployment["spec"]["template"]["spec"]["volumes"];

    let sources = volumes[0]["projected"]["sources"].as_array().expect("it is projected");
    let items = sources.iter().filter_map(|source| source["secret"]["items"].as_array()).flatten();
    let keys: Vec<_> = items.map(|item| &item["key"]).collect();

    assert_eq!(sources.len(), 3);
    assert_eq!(keys, ["tls.crt", "tls.crt", "ca.crt"]);
}

/// What the README says to add where Prometheus is called otherwise, or lives elsewhere.
#[test]
fn the_patches_in_the_readme_do_what_it_says() {
    let documents = patched(0);

    let monitor = document(&documents, "PodMonitor", "barman-cloud-exporter");
    let policy = document(&documents, "NetworkPolicy", "barman-cloud-exporter");
    let from = &policy["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"];
    assert_eq!(monitor["metadata"]["labels"]["release"], "my-release");
    assert_eq!(from["kubernetes.io/metadata.name"], "my-namespace");
}

#[test]
fn a_second_overlay_can_do_without_alerts_and_dashboards() {
    let documents = patched(1);

    let count = |kind| documents.iter().filter(|document| document["kind"] == kind).count();
    assert_eq!((count("PrometheusRule"), count("ConfigMap"), count("Deployment")), (0, 1, 1));
}

/// The overlay with one of the README's blocks of patches.
fn patched(block: usize) -> Vec<Value> {
    let readme = read("README.md");
    let mut blocks = readme.split("```yaml\n- target:").skip(1);
    let patches = blocks.nth(block).expect("the README has patches");
    let (patches, _) = patches.split_once("```").expect("the block ends");
    let scratch = TempDir::new().expect("temporary directories can be made");
    let copied = ["deploy", "alerts", "dashboards"].map(project);
    printed(Command::new("cp").arg("-r").args(copied).arg(scratch.path()));
    let kustomization =
        format!("resources: [deploy/kubernetes/overlays/s3-keys]\npatches:\n- target:{patches}");
    let written = fs::write(scratch.path().join("kustomization.yaml"), kustomization);
    written.expect("a fresh directory can be written");

    rendered(scratch.path())
}
