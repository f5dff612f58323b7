//! Verdict of the program on a case: the real program runs on a store with the case's objects.

use embedded_s3::{Options, Store};
use serde_json::{Value, json};
use test_support::{EmbeddedArchive, run_exporter};
use tokio::runtime::Runtime;

use crate::truth::case::Case;
use crate::truth::clock::moment;

const BUCKET: &str = "truth";
const DESTINATION: &str = "truth/life";
const SERVER: &str = "main";

/// Returns the report of `check --output json` on the server.
///
/// # Panics
/// Panics if it does not judge the archive.
pub(crate) fn judge(case: &Case) -> Value {
    let runtime = Runtime::new().expect("a runtime can be made");
    let archive = runtime.block_on(EmbeddedArchive::start(
        store(case),
        DESTINATION,
        Options::default(),
    ));
    let configuration = json!({
        // Nothing is under way any longer: missing segments never arrive.
        "backups": { "gapGracePeriod": "0s" },
        "archives": [archive.settings("life")],
    });
    archive.write("truth.yaml", &configuration.to_string());
    let file = archive.directory().join("truth.yaml").display().to_string();
    let now = moment(case.now * 1_000_000)
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let arguments = [
        "check",
        "--output",
        "json",
        "--config.file",
        &file,
        "--at",
        &now,
    ];
    let ended = run_exporter(&arguments, &[]);
    assert!(
        matches!(ended.code, Some(0..=2)),
        "the archive is judged: {ended:?}"
    );
    let document: Value = serde_json::from_str(&ended.output).expect("the result is JSON");
    let server = document.pointer("/archives/0/servers/0").cloned();
    server.unwrap_or_else(|| panic!("no server in {document}"))
}

fn store(case: &Case) -> Store {
    let store = Store::default();
    store.create_bucket(BUCKET);
    for object in &case.objects {
        let key = format!("life/{SERVER}/{}", object.key);
        let modified = moment(object.modified);
        match object.bytes() {
            Some(content) => store.put_bytes(BUCKET, key, content, modified),
            None => store.put_zeros(BUCKET, key, object.size, modified),
        }
    }
    store
}
