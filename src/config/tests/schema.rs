//! Parts of the configuration's JSON schema that differ from the types: texts, and keys that are
//! read together. Only tests need the schema; the program reads the configuration key by key.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Duration as a text.
pub(in crate::config) struct DurationText;

impl JsonSchema for DurationText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Numbers with their units, as `humantime` reads them.
        json_schema!({
            "type": "string",
            "pattern": r"^\s*([0-9]+\s*[A-Za-zµ]+\s*)+$",
            "examples": ["30s", "1h 30m"],
        })
    }
}

/// Number of bytes as a text.
pub(in crate::config) struct BytesText;

impl JsonSchema for BytesText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^\s*[0-9]+\s*([KMGT]iB|[kMGT]B)\s*$",
            "examples": ["20GB", "50GiB"],
        })
    }
}

/// Price as a decimal number.
pub(in crate::config) struct PriceText;

impl JsonSchema for PriceText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Price".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["number", "string"],
            "minimum": 0,
            "pattern": r"^\s*[0-9]+(\.[0-9]{1,6})?\s*$",
            "examples": [0.09],
        })
    }
}

/// Level of verification.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::config) enum LevelText {
    Off,
    Edges,
    Wal,
    Full,
}

/// Credentials for an object storage: a profile, or files that hold one value each.
#[derive(JsonSchema)]
#[schemars(
    rename_all = "camelCase",
    deny_unknown_fields,
    extend("not" = { "required": ["profile", "accessKeyIdFile"] }),
    extend("dependentRequired" = {
        "accessKeyIdFile": ["secretAccessKeyFile"],
        "secretAccessKeyFile": ["accessKeyIdFile"],
        "sessionTokenFile": ["accessKeyIdFile"],
    })
)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::config) struct CredentialsKeys {
    /// Name of a profile of the SDK's configuration files. Not together with files.
    profile: Option<String>,
    /// File with the access key id.
    access_key_id_file: Option<String>,
    /// File with the secret access key.
    secret_access_key_file: Option<String>,
    /// File with the token of a temporary session.
    session_token_file: Option<String>,
}

/// Keys of [`CertificateLocation`](super::CertificateLocation).
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::config) struct CertificateLocationKeys {
    /// File with certificates (PEM), the leaf first; or a pattern with `*`, `?` or `[…]` that stands
    /// for up to 100 of them. Either this or `postgresql` is required.
    file: Option<String>,
    /// Host and port of a `PostgreSQL` server whose certificate is read in a handshake. Default port:
    /// 5432.
    postgresql: Option<String>,
    /// Name that is asked for and, with a `caFile`, must be in the certificate. Only with
    /// `postgresql`. Default: the host.
    server_name: Option<String>,
    /// Start of TLS, in the words of libpq. Only with `postgresql`. Default: `postgres`.
    ssl_negotiation: Option<Negotiation>,
}

/// Start of TLS with a `PostgreSQL` server.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "only its schema is used")]
enum Negotiation {
    Postgres,
    Direct,
}
