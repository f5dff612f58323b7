//! Checks that the tools which look at manifests find errors: good manifests are broken, one change
//! at a time.

use serde::Deserialize;
use serde_json::Value;

use crate::deploy::{problems, project, read, rendered, rendered_example};

/// Change that breaks one document, as `broken-*.yaml` lists it.
#[derive(Deserialize)]
struct Broken {
    /// `Kind/name`.
    document: String,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    /// Location, as a JSON pointer.
    at: String,
    /// New value; if absent, the old value is removed.
    value: Option<Value>,
    /// Part of the expected message.
    said: String,
}

fn change(documents: &[Value], document: &str, change: &Change) -> Vec<Value> {
    let mut documents = documents.to_vec();
    let (kind, name) = document
        .split_once('/')
        .expect("a document is named `Kind/name`");
    let changed = documents
        .iter_mut()
        .find(|document| document["kind"] == kind && document["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("there is no {document}"));
    let (parent, field) = change.at.rsplit_once('/').expect("a pointer has a slash");
    let parent = changed
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("there is no {parent}"));
    let field = field.replace("~1", "/");
    if let Value::Array(items) = parent {
        items[field.parse::<usize>().expect("an index is a number")] =
            change.value.clone().expect("an item is replaced");
        return documents;
    }
    let fields = parent
        .as_object_mut()
        .unwrap_or_else(|| panic!("nothing can be {}", change.at));
    match change.value.clone() {
        Some(value) => fields.insert(field, value),
        None => Some(
            fields
                .remove(&field)
                .unwrap_or_else(|| panic!("no {}", change.at)),
        ),
    };
    documents
}

fn assert_refused(documents: &[Value], broken: &str) {
    let broken: Vec<Broken> = serde_saphyr::from_str(&read(broken)).expect("the list is YAML");
    let changes = broken.iter().flat_map(|broken| {
        broken
            .changes
            .iter()
            .map(|change| (broken.document.as_str(), change))
    });
    let changes: Vec<_> = changes.collect();
    let sets: Vec<_> = changes
        .iter()
        .map(|(document, at)| change(documents, document, at))
        .collect();

    let found = problems(sets.iter().map(Vec::as_slice));

    assert_eq!(found.len(), changes.len());
    for ((document, change), found) in changes.iter().zip(found) {
        let seen = found.iter().any(|problem| problem.contains(&change.said));
        assert!(
            seen,
            "{document} at {}, {:?}: {found:?}",
            change.at, change.value
        );
    }
}

#[test]
fn a_broken_overlay_is_refused() {
    let documents = rendered(&project("deploy/kubernetes/overlays/s3-keys"));
    assert_refused(&documents, "tests/kubernetes/deploy/broken-overlay.yaml");
}

#[test]
fn a_broken_example_is_refused() {
    assert_refused(
        &rendered_example(),
        "tests/kubernetes/deploy/broken-example.yaml",
    );
}
