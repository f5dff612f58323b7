//! Manifests that a cluster accepts, and with which the exporter starts.

use std::collections::BTreeSet;
use std::fs;

use barman_cloud_exporter::metrics::reference;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deploy::{
    applicable, document, exporter, printed, problems, project, read, rendered, rendered_example,
};

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
        let config = config_map["data"]["config.yaml"]
            .as_str()
            .expect("it has a configuration");
        fs::write(&file, config).expect("a fresh directory can be written");

        let checked = printed(
            exporter()
                .arg("check-config")
                .arg("--config.file")
                .arg(&file),
        );

        assert!(
            !checked.to_lowercase().contains("warning"),
            "{}: {checked}",
            folder.display()
        );
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

        assert_eq!(
            image.rsplit_once(':').map(|(_, tag)| tag),
            Some(env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
    }
}

/// `kubectl delete -k` must not take a namespace that holds a database.
#[test]
fn only_a_namespace_of_our_own_is_made_and_deleted() {
    let made = |overlay: &str| {
        let documents = rendered(&project("deploy/kubernetes/overlays").join(overlay));
        let namespaces = documents
            .iter()
            .filter(|document| document["kind"] == "Namespace");
        namespaces
            .map(|document| document["metadata"]["name"].clone())
            .collect::<Vec<_>>()
    };

    assert_eq!(made("s3-keys"), ["barman-cloud-exporter"]);
    assert_eq!(made("aws-irsa"), ["barman-cloud-exporter"]);
    assert_eq!(made("cnpg-certificates"), <[Value; 0]>::default());
}

/// Keys of a Secret stay out of the pod, which only needs its certificate.
#[test]
fn keys_of_certificates_stay_where_they_are() {
    let documents = rendered(&project("deploy/kubernetes/overlays/cnpg-certificates"));
    let deployment = document(&documents, "Deployment", "barman-cloud-exporter");
    let volumes = &deployment["spec"]["template"]["spec"]["volumes"];

    let sources = volumes[0]["projected"]["sources"]
        .as_array()
        .expect("it is projected");
    let items = sources
        .iter()
        .filter_map(|source| source["secret"]["items"].as_array())
        .flatten();
    let keys: Vec<_> = items.map(|item| &item["key"]).collect();

    assert_eq!(sources.len(), 3);
    assert_eq!(keys, ["tls.crt", "tls.crt", "ca.crt"]);
}

/// Destinations that a network policy allows to pods: addresses, or nothing for anywhere, and
/// ports.
pub(crate) fn ways_out(documents: &[Value]) -> Vec<(Value, Value)> {
    let policy = document(documents, "NetworkPolicy", "barman-cloud-exporter");
    let rules = policy["spec"]["egress"].as_array().expect("it has rules");
    let of_rule = |rule: &Value| {
        (
            rule["to"][0]["ipBlock"]["cidr"].clone(),
            rule["ports"][0]["port"].clone(),
        )
    };
    rules.iter().map(of_rule).collect()
}

/// Pods cannot use the node's own role; the role of EKS Pod Identity belongs to the pod.
#[test]
fn only_the_overlay_for_aws_lets_pod_identity_through() {
    let to_addresses = |overlay: &str| {
        let ways = ways_out(&rendered(
            &project("deploy/kubernetes/overlays").join(overlay),
        ));
        ways.into_iter()
            .filter(|(to, _)| !to.is_null())
            .collect::<Vec<_>>()
    };

    assert_eq!(
        to_addresses("aws-irsa"),
        [(json!("169.254.170.23/32"), json!(80))]
    );
    assert_eq!(to_addresses("s3-keys"), []);
    assert_eq!(to_addresses("cnpg-certificates"), []);
}

/// Labels that the operator adds to targets would replace those of metrics.
#[test]
fn labels_of_metrics_arrive_under_their_names() {
    let documents = rendered(&project("deploy/kubernetes/overlays/s3-keys"));
    let monitor = document(&documents, "PodMonitor", "barman-cloud-exporter");
    let relabelings = &monitor["spec"]["podMetricsEndpoints"][0]["relabelings"];
    let relabelings = relabelings.as_array().expect("the monitor relabels");
    let dropped = relabelings
        .iter()
        .filter(|relabeling| relabeling["action"] == "labeldrop");
    let dropped: Vec<_> = dropped
        .filter_map(|relabeling| relabeling["regex"].as_str())
        .collect();

    let metrics = reference().into_iter().flat_map(|section| section.metrics);
    let own: BTreeSet<_> = metrics.flat_map(|metric| metric.labels).collect();
    let of_targets = [
        "container",
        "endpoint",
        "instance",
        "job",
        "namespace",
        "pod",
    ];
    let taken: Vec<_> = of_targets
        .into_iter()
        .filter(|label| own.contains(label))
        .collect();

    assert_eq!(dropped, taken);
}

/// The namespace of a database accepts the pod for the commands in runbooks, which contains Barman
/// as it runs there.
#[test]
fn the_tools_of_the_runbooks_run_beside_the_database() {
    let pod: Value =
        serde_saphyr::from_str(&read("alerts/archive-tools.yaml")).expect("the file is YAML");
    let example = rendered_example();
    let clean_up = document(&example, "CronJob", "clean-up");
    let clean_up = &clean_up["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];

    assert_eq!(pod["spec"]["containers"][0]["image"], clean_up["image"]);
    assert_eq!(problems([[pod].as_slice()]), [<[String; 0]>::default()]);
}
