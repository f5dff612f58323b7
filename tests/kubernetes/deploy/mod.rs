//! Files that are shipped to run the exporter: manifests, image, unit, and a worked example.
//!
//! No cluster is there. Manifests are rendered by kubectl, and looked at by `manifests.py`: schemas
//! of Kubernetes and of the operators, the Pod Security Standard `restricted`, and what they refer to.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]

mod files;
mod kilobase;
mod manifests;
mod patches;
mod refused;
mod static_program;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// File or folder of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Program that `tests/install.sh` has installed.
fn tool(name: &str) -> Command {
    let program = project("target/test-tools/venv/bin").join(name);
    assert!(
        program.exists(),
        "{name} is missing: run `tests/install.sh`"
    );
    Command::new(program)
}

fn exporter() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_barman-cloud-exporter"));
    command.env_clear();
    command
}

fn output(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}

/// Output of a program that has to succeed.
fn printed(command: &mut Command) -> String {
    let output = output(command);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{out}{err}",
        output.status
    );
    out
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Folders below `deploy` that can be applied on their own.
fn applicable() -> Vec<PathBuf> {
    let all = kustomizations(&project("deploy"));
    let applied = all.into_iter().filter(|folder| {
        let text = fs::read_to_string(folder.join("kustomization.yaml"));
        !text
            .expect("the file can be read")
            .contains("kind: Component\n")
    });
    applied.collect()
}

fn kustomizations(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry can be read").path())
        .collect();
    let own = paths
        .iter()
        .any(|path| path.file_name() == Some(OsStr::new("kustomization.yaml")));
    let below = paths
        .iter()
        .filter(|path| path.is_dir())
        .flat_map(|path| kustomizations(path));
    own.then(|| folder.to_owned())
        .into_iter()
        .chain(below)
        .collect()
}

/// Documents that `kubectl apply -k` would send.
fn rendered(folder: &Path) -> Vec<Value> {
    let yaml = printed(tool("kubectl").arg("kustomize").arg(folder));
    serde_saphyr::from_multiple(&yaml).expect("kubectl prints YAML")
}

/// Worked example, with the backup that is made by hand.
fn rendered_example() -> Vec<Value> {
    let mut documents = rendered(&project("deploy/examples/kilobase"));
    let by_hand = read("deploy/examples/kilobase/initial-backup.yaml");
    documents.push(serde_saphyr::from_str(&by_hand).expect("the file is YAML"));
    documents
}

/// Only document of this kind and name, with or without the hash that kustomize adds.
fn document<'a>(documents: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is_it = |document: &&Value| {
        let own = document["metadata"]["name"].as_str().unwrap_or_default();
        let rest = own
            .strip_prefix(name)
            .map(|rest| rest.strip_prefix('-').unwrap_or(rest));
        document["kind"] == kind && rest.is_some_and(|hash| !hash.contains('-'))
    };
    documents
        .iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

/// Problems in sets of documents, each set being one that is applied together.
fn problems<'a>(sets: impl IntoIterator<Item = &'a [Value]>) -> Vec<Vec<String>> {
    let scratch = TempDir::new().expect("temporary directories can be made");
    let mut command = tool("python");
    command.arg(project("tests/kubernetes/deploy/manifests.py"));
    for (number, set) in sets.into_iter().enumerate() {
        let file = scratch.path().join(number.to_string());
        let documents: Vec<_> = set.iter().map(Value::to_string).collect();
        fs::write(&file, documents.join("\n---\n")).expect("a fresh directory can be written");
        command.arg(file);
    }
    serde_json::from_str(&printed(&mut command)).expect("manifests.py prints JSON")
}
