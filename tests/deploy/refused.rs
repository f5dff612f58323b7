//! What looks at the manifests sees what is wrong: each of these breaks a good one.

use serde_json::{Value, json};

use crate::{problems, project, rendered, rendered_example};

/// A good manifest that is broken, and what is said of it.
struct Broken {
    /// `Kind/name` of the document.
    document: &'static str,
    /// Where, as a JSON pointer.
    at: &'static str,
    /// What is put there; `Null` takes away what is there.
    value: Value,
    /// A part of what is said.
    said: &'static str,
}

fn broken(
    document: &'static str,
    at: &'static str,
    value: impl Into<Value>,
    said: &'static str,
) -> Broken {
    Broken { document, at, value: value.into(), said }
}

const EXPORTER: &str = "Deployment/barman-cloud-exporter";
const CONTAINER: &str = "/spec/template/spec/containers/0";

/// Of the overlay `s3-keys`.
fn broken_overlays() -> Vec<Broken> {
    let null = Value::Null;
    vec![
        broken(EXPORTER, "/spec/replica", 1, "Additional properties"),
        broken(EXPORTER, "/spec/replicas", "one", "is not of type"),
        broken(
            EXPORTER,
            "/spec/selector/matchLabels/app.kubernetes.io~1name",
            "other",
            "selects no pod",
        ),
        broken(EXPORTER, "/spec/template/spec/hostNetwork", true, "hostNetwork"),
        broken(
            EXPORTER,
            "/spec/template/spec/securityContext/runAsNonRoot",
            null.clone(),
            "runAsNonRoot",
        ),
        broken(EXPORTER, "/spec/template/spec/securityContext/runAsUser", 0, "runAsUser"),
        broken(
            EXPORTER,
            "/spec/template/spec/securityContext/seccompProfile",
            null.clone(),
            "seccompProfile",
        ),
        broken(
            EXPORTER,
            "/spec/template/spec/automountServiceAccountToken",
            true,
            "automountServiceAccountToken",
        ),
        broken(
            EXPORTER,
            "/spec/template/spec/serviceAccountName",
            "other",
            "ServiceAccount/other is not there",
        ),
        broken(
            EXPORTER,
            "/spec/template/spec/volumes/1",
            json!({"name": "config", "hostPath": {"path": "/"}}),
            "hostPath",
        ),
        broken(
            EXPORTER,
            "/spec/template/spec/volumes/1/configMap/name",
            "other",
            "ConfigMap/other is not there",
        ),
        broken(
            EXPORTER,
            "/spec/template/spec/volumes/0/name",
            "other",
            "volume s3-credentials is not there",
        ),
        broken(
            EXPORTER,
            "/spec/template/spec/volumes/0/secret/items/0/path",
            "id",
            "names /credentials/ACCESS_KEY_ID",
        ),
        broken(EXPORTER, "image", "exporter:latest", "is not pinned"),
        broken(EXPORTER, "image", "exporter", "is not pinned"),
        broken(EXPORTER, "resources", null.clone(), "resources.limits.memory"),
        broken(
            EXPORTER,
            "securityContext/allowPrivilegeEscalation",
            null.clone(),
            "allowPrivilegeEscalation",
        ),
        broken(EXPORTER, "securityContext/readOnlyRootFilesystem", false, "readOnlyRootFilesystem"),
        broken(EXPORTER, "securityContext/privileged", true, "privileged"),
        broken(
            EXPORTER,
            "securityContext/capabilities/drop",
            json!([]),
            "capabilities are not dropped",
        ),
        broken(
            EXPORTER,
            "securityContext/capabilities/add",
            json!(["SYS_ADMIN"]),
            "capabilities are added",
        ),
        broken(EXPORTER, "ports/0/hostPort", 80, "hostPort"),
        broken(
            "NetworkPolicy/barman-cloud-exporter",
            "/spec/podSelector/matchLabels/other",
            "label",
            "selects no pod",
        ),
        broken(
            "PodMonitor/barman-cloud-exporter",
            "/metadata/labels/release",
            null.clone(),
            "no label `release`",
        ),
        broken(
            "PodMonitor/barman-cloud-exporter",
            "/spec/podMetricsEndpoints/0/interval",
            "often",
            "interval",
        ),
        broken(
            "PodMonitor/barman-cloud-exporter",
            "/spec/podMetricsEndpoints/0/prot",
            "http",
            "prot",
        ),
        broken(
            "PodMonitor/barman-cloud-exporter",
            "/spec/podMetricsEndpoints/0/port",
            "metrics",
            "no pod has the port",
        ),
        broken(
            "PodMonitor/barman-cloud-exporter",
            "/spec/selector/matchLabels/other",
            "label",
            "selects no pod",
        ),
        broken("PodMonitor/barman-cloud-exporter", "/kind", "PodMonitors", "no schema"),
    ]
}

/// Of the example.
fn broken_examples() -> Vec<Broken> {
    vec![
        // A field of the in-tree configuration's neighbours, in the wrong place.
        broken(
            "ObjectStore/kilobase",
            "/spec/configuration/retentionPolicy",
            "30d",
            "retentionPolicy",
        ),
        broken("ObjectStore/kilobase", "/spec/retentionPolicy", "30 days", "30 days"),
        broken(
            "ObjectStore/kilobase",
            "/spec/configuration/destinationPath",
            Value::Null,
            "destinationPath",
        ),
        broken("ObjectStore/kilobase", "/spec/configuration/data/compression", "zstd", "zstd"),
        broken("Cluster/kilobase-postgres", "/spec/plugins/0/isWalArchiver", true, "isWalArchiver"),
        broken(
            "ScheduledBackup/kilobase-postgres-daily",
            "/spec/schedule",
            Value::Null,
            "schedule",
        ),
        broken("ScheduledBackup/kilobase-postgres-daily", "/spec/method", "barman", "barman"),
        broken(
            "Backup/kilobase-postgres-initial",
            "/spec/cluster",
            "kilobase-postgres",
            "is not of type",
        ),
        broken(
            "Backup/kilobase-postgres-initial",
            "/apiVersion",
            "postgresql.cnpg.io/v2",
            "was expected",
        ),
        broken(
            "CronJob/check",
            "/spec/jobTemplate/spec/template/spec/restartPolice",
            "Never",
            "restartPolice",
        ),
        broken(
            "CronJob/check",
            "/spec/jobTemplate/spec/template/spec/volumes/0/name",
            "other",
            "volume ca is not there",
        ),
        broken(
            "CronJob/clean-up",
            "/spec/jobTemplate/spec/template/spec/securityContext",
            Value::Null,
            "seccompProfile",
        ),
    ]
}

fn break_one(documents: &[Value], broken: &Broken) -> Vec<Value> {
    let mut documents = documents.to_vec();
    let (kind, name) = broken.document.split_once('/').expect("a document is named `Kind/name`");
    let document = documents
        .iter_mut()
        .find(|document| document["kind"] == kind && document["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("there is no {}", broken.document));
    // What has no slash in front is a field of the container.
    let pointer = match broken.at.strip_prefix('/') {
        Some(_) => broken.at.to_owned(),
        None => format!("{CONTAINER}/{}", broken.at),
    };
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("there is no {parent}"));
    let field = field.replace("~1", "/");
    match parent {
        Value::Object(fields) if broken.value.is_null() => {
            fields.remove(&field).unwrap_or_else(|| panic!("there is no {pointer}"));
        }
        Value::Object(fields) => {
            fields.insert(field, broken.value.clone());
        }
        Value::Array(items) => {
            items[field.parse::<usize>().expect("an index is a number")] = broken.value.clone();
        }
        _ => panic!("{pointer} is in no object or array"),
    }
    documents
}

fn assert_refused(documents: &[Value], all: &[Broken]) {
    let sets: Vec<_> = all.iter().map(|broken| break_one(documents, broken)).collect();
    let found = problems(sets.iter().map(Vec::as_slice));
    assert_eq!(found.len(), all.len());
    for (broken, found) in all.iter().zip(found) {
        let seen = found.iter().any(|problem| problem.contains(broken.said));
        assert!(seen, "{} with {} at {}: {found:?}", broken.document, broken.value, broken.at);
    }
}

#[test]
fn broken_overlays_are_refused() {
    let documents = rendered(&project("deploy/kubernetes/overlays/s3-keys"));
    assert_refused(&documents, &broken_overlays());
}

#[test]
fn a_broken_example_is_refused() {
    assert_refused(&rendered_example(), &broken_examples());
}
