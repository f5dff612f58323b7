//! JSON schemas of the configuration and of the commands' outputs, generated from the types.
//!
//! `make generate` writes them to `docs/schemas/`.

use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::{env, fs};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::health::{FindingCode, Severity};
use crate::output::{
    AsLabel, CheckDocument, FindingEntry, Label, Moment, ReportDocument, VerifyDocument,
};

const SAMPLE: &str = "config/barman-cloud-exporter.yaml";

/// Sections whose defaults are those of the sample, which a test of the configuration ensures.
const SECTIONS: [&str; 6] = [
    "web",
    "log",
    "scan",
    "backups",
    "verification",
    "certificateWatch",
];

/// Settings of these sections that the sample shows with a value and that have no default.
const WITHOUT_DEFAULT: [(&str, &str); 6] = [
    ("certificateWatch", "endpointWarnBefore"),
    ("verification", "dailyBytes"),
    ("verification", "reverifyAfter"),
    ("verification", "schedule"),
    ("verification", "stateDirectory"),
    ("verification", "egressPricePerGB"),
];

impl JsonSchema for FindingEntry {
    fn schema_name() -> Cow<'static, str> {
        "Finding".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "Something wrong. Fields of evidence that do not apply are missing.",
            "properties": {
                "severity": generator.subschema_for::<Label<Severity>>(),
                "code": generator.subschema_for::<Label<FindingCode>>(),
                "message": described("string", "Description for people, without a line break."),
                "backup": described("string", "Id of the backup."),
                "timeline": described("integer", "Number of the timeline."),
                "segment": described("string", "Name of the first missing, corrupt or suspect segment, or of \
                                        the last proven one."),
                "last_segment": described("string", "Name of the last missing segment."),
                "key": described("string", "Key of the object, from the root of the bucket."),
                "count": described("integer", "Number of segments, objects, uploads or backups."),
                "faults": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "Faults in contents, or reasons why they cannot be judged.",
                },
                "ends_at": described("string", "Position at which replay ends."),
                "read_at": generator.subschema_for::<Moment>(),
                "bytes": described("integer", "Bytes that are still to be read."),
                "since": generator.subschema_for::<Moment>(),
            },
            "required": ["severity", "code", "message"],
            "additionalProperties": false,
        })
    }
}

fn described(kind: &str, description: &str) -> Value {
    json!({ "type": kind, "description": description })
}

/// Returns the name and the labels of a closed set, for those that scripts compare with.
fn closed_set<T: 'static>() -> Option<(&'static str, Vec<&'static str>)> {
    let set = TypeId::of::<T>();
    if set == TypeId::of::<FindingCode>() {
        return Some(("FindingCode", labels(FindingCode::ALL)));
    }
    if set == TypeId::of::<Severity>() {
        let all = [
            Severity::Ok,
            Severity::Warning,
            Severity::Unknown,
            Severity::Critical,
        ];
        return Some(("Severity", labels(&all)));
    }
    None
}

fn labels<T: AsLabel>(values: &[T]) -> Vec<&'static str> {
    values.iter().map(|value| value.label()).collect()
}

impl<T: AsLabel + 'static> JsonSchema for Label<T> {
    fn inline_schema() -> bool {
        closed_set::<T>().is_none()
    }

    fn schema_name() -> Cow<'static, str> {
        closed_set::<T>().map_or("Label", |(name, _)| name).into()
    }

    fn schema_id() -> Cow<'static, str> {
        type_name::<T>().into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        match closed_set::<T>() {
            Some((_, labels)) => json_schema!({ "type": "string", "enum": labels }),
            None => json_schema!({ "type": "string" }),
        }
    }
}

/// Returns the schema of a type as the program reads it from a file.
fn input_schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    polished(settings.into_generator().into_root_schema_for::<T>().into())
}

/// Returns the schema of a type as the program writes it.
fn output_schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    polished(settings.into_generator().into_root_schema_for::<T>().into())
}

/// Joins the lines of descriptions, and removes the formats of numbers that only Rust knows.
fn polished(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut polished = Map::new();
            for (key, value) in fields {
                let is_rust_format = key == "format" && value.is_string() && value != "date-time";
                if is_rust_format {
                    continue;
                }
                let value = match (key.as_str(), value) {
                    ("description", Value::String(text)) => joined(&text).into(),
                    (_, value) => self::polished(value),
                };
                polished.insert(key, value);
            }
            Value::Object(polished)
        }
        Value::Array(elements) => elements.into_iter().map(polished).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

fn joined(text: &str) -> String {
    let paragraphs: Vec<_> = text
        .split("\n\n")
        .map(|paragraph| paragraph.replace('\n', " "))
        .collect();
    paragraphs.join("\n\n")
}

/// Returns the schema of the configuration with the defaults of the sample.
fn config_schema() -> Value {
    let mut schema = input_schema::<Config>();
    let sample = sample();
    for section in SECTIONS {
        let name = definition_of(&schema, section);
        let Some(properties) = schema["$defs"][&name]["properties"].as_object_mut() else {
            panic!("`{section}` has no properties");
        };
        for (key, property) in properties {
            if !WITHOUT_DEFAULT.contains(&(section, key.as_str())) {
                property["default"] = sample[section][key].clone();
            }
        }
    }
    allow_null(&mut schema);
    schema
}

/// Allows `null` for every key that is not required: a key without a value counts as absent.
fn allow_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let required = fields.get("required").cloned().unwrap_or_default();
            let is_required = |key: &str| {
                required
                    .as_array()
                    .is_some_and(|keys| keys.iter().any(|required| required == key))
            };
            if let Some(Value::Object(properties)) = fields.get_mut("properties") {
                for (key, property) in properties {
                    if !is_required(key) {
                        make_nullable(property);
                    }
                }
            }
            fields.values_mut().for_each(allow_null);
        }
        Value::Array(elements) => elements.iter_mut().for_each(allow_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn make_nullable(property: &mut Value) {
    if let Some(kind) = property.get_mut("type") {
        if kind.is_string() {
            *kind = json!([*kind, "null"]);
        }
    } else if let Some(reference) = property
        .as_object_mut()
        .and_then(|fields| fields.remove("$ref"))
    {
        property["anyOf"] = json!([{ "$ref": reference }, { "type": "null" }]);
    }
}

/// Returns the name of the definition that a section refers to.
fn definition_of(schema: &Value, section: &str) -> String {
    let property = schema["properties"][section].to_string();
    let (_, rest) = property.split_once("#/$defs/").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

fn sample() -> Value {
    serde_saphyr::from_str(&fs::read_to_string(SAMPLE).unwrap()).unwrap()
}

fn file(name: &str) -> PathBuf {
    Path::new("docs/schemas").join(name)
}

/// Compares a schema with the file in the repository, or writes it there.
#[track_caller]
fn assert_committed(name: &str, schema: &Value) {
    let text = format!("{}\n", serde_json::to_string_pretty(schema).unwrap());
    if env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::create_dir_all("docs/schemas").unwrap();
        fs::write(file(name), &text).unwrap();
    }
    let committed = fs::read_to_string(file(name)).unwrap_or_default();
    assert!(
        committed == text,
        "docs/schemas/{name} is out of date: run `make generate`"
    );
}

#[track_caller]
fn problems(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors = validator.iter_errors(document);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    assert_committed("config.json", &config_schema());
    assert_committed("check.json", &output_schema::<CheckDocument>());
    assert_committed("report.json", &output_schema::<ReportDocument>());
    assert_committed("verify.json", &output_schema::<VerifyDocument>());
}

#[test]
fn the_sample_is_valid() {
    assert_eq!(problems(&config_schema(), &sample()), [""; 0]);
}

#[test]
fn an_unknown_key_is_invalid_anywhere() {
    let schema = config_schema();
    for place in [
        "",
        "/web",
        "/log",
        "/scan",
        "/backups",
        "/certificateWatch",
        "/verification",
        "/archives/0",
        "/archives/0/verification",
        "/archives/0/credentials",
        "/archives/0/servers/0",
        "/certificates/0",
        "/certificates/1",
    ] {
        let mut document = sample();
        document.pointer_mut(place).unwrap()["unknown"] = json!(1);
        assert!(!problems(&schema, &document).is_empty(), "{place}");
    }
}

/// Returns whether the program accepts a configuration.
fn is_accepted(document: &Value) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    fs::write(&file, document.to_string()).unwrap();
    Config::load(Some(&file), [], &[]).is_ok()
}

/// Returns the least configuration.
fn least() -> Value {
    json!({ "archives": [{ "name": "a", "destinationPath": "s3://bucket" }] })
}

#[test]
fn the_schema_and_the_program_agree_on_numbers() {
    let schema = config_schema();
    let numbers = [
        -1, 0, 1, 16, 17, 20, 21, 1000, 1001, 1024, 1025, 10_000, 10_001, 1_000_000, 1_000_001,
    ];
    for key in [
        "/web/maxConnections",
        "/scan/concurrency",
        "/scan/fullScanRequests",
        "/scan/maxAttempts",
        "/archives/0/minimumRedundancy",
        "/verification/parallel",
    ] {
        for number in numbers {
            let document = with(&least(), key, json!(number));
            let is_valid = problems(&schema, &document).is_empty();
            assert_eq!(is_valid, is_accepted(&document), "{document}");
        }
    }
}

#[test]
fn a_duration_that_the_program_accepts_is_valid() {
    let schema = config_schema();
    for duration in ["1ms", "1h 30m", "30s", "24h", "1day", " 5m ", "1h30m"] {
        let document = with(&least(), "/scan/timeout", json!(duration));
        assert!(is_accepted(&document), "{document}");
        assert_eq!(problems(&schema, &document), [""; 0], "{document}");
    }
    for duration in [
        json!("90"),
        json!(""),
        json!("soon"),
        json!("-5s"),
        json!(5),
    ] {
        let document = with(&least(), "/scan/timeout", duration);
        assert!(!is_accepted(&document), "{document}");
        assert!(!problems(&schema, &document).is_empty(), "{document}");
    }
}

#[test]
fn a_mistake_in_the_form_is_invalid() {
    let schema = config_schema();
    for (key, value) in [
        ("/log/format", json!("xml")),
        ("/archives/0/name", json!("")),
        ("/archives/0/destinationPath", json!("https://bucket")),
        ("/archives/0/servers", json!([])),
        (
            "/archives/0/credentials",
            json!({ "accessKeyIdFile": "/id" }),
        ),
        ("/archives", json!([])),
        ("/archives", json!([{ "name": "a" }])),
        ("/certificates", json!([{ "file": "/a" }])),
        ("/web", json!([])),
    ] {
        let document = with(&least(), key, value);
        assert!(!is_accepted(&document), "{document}");
        assert!(!problems(&schema, &document).is_empty(), "{document}");
    }
}

#[test]
fn a_key_without_a_value_is_valid() {
    let schema = config_schema();
    for key in [
        "/web",
        "/log/format",
        "/scan/timeout",
        "/archives/0/servers",
        "/archives/0/credentials",
    ] {
        let document = with(&least(), key, Value::Null);
        assert!(is_accepted(&document), "{document}");
        assert_eq!(problems(&schema, &document), [""; 0], "{document}");
    }
}

/// Returns a document with another value at a place.
fn with(document: &Value, place: &str, value: Value) -> Value {
    let mut document = document.clone();
    let (parent, key) = place.rsplit_once('/').unwrap();
    if document.pointer(parent).is_none() {
        document[parent.trim_start_matches('/')] = json!({});
    }
    document.pointer_mut(parent).unwrap()[key] = value;
    document
}
