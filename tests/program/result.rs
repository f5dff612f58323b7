//! JSON results of `check`, `report` and `verify`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use serde_json::Value;
use test_support::Ended;

/// Parses a result, which must be valid by the published schema of its command.
pub(crate) fn parsed(ended: &Ended) -> Value {
    let document: Value =
        serde_json::from_str(&ended.output).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    // Only a report tells if it is complete, and only a verification if it is dry.
    let schema = if document.get("complete").is_some() {
        include_str!("../../docs/schemas/report.json")
    } else if document.get("dry_run").is_some() {
        include_str!("../../docs/schemas/verify.json")
    } else {
        include_str!("../../docs/schemas/check.json")
    };
    let schema = serde_json::from_str(schema).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is valid");
    if let Err(error) = validator.validate(&document) {
        panic!("at `{}`: {error}", error.instance_path());
    }
    document
}
