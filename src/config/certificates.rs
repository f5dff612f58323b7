//! Settings of the certificates that are watched.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use tls_certificates::x509::Host;
use tls_certificates::{InvalidServerAddress, ServerAddress, SslNegotiation};

use super::scan::up_to;
use super::schedule::Schedule;
use super::section::Section;
#[cfg(test)]
use super::tests::schema::{CertificateLocationKeys, DurationText};
use super::texts::{label, path, required};

/// Readings of certificates, and warnings of `check` before their end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct CertificateWatchConfig {
    /// Schedule of the readings: a cron expression like `scan.schedule`, in the time zone
    /// `scan.timeZone`. Default: `0 * * * * *`, every minute.
    #[cfg_attr(test, schemars(with = "String"))]
    pub schedule: Schedule,
    /// Time limit of reading one certificate: a file, or a whole handshake. Up to one hour. Default:
    /// `10s`.
    #[cfg_attr(test, schemars(with = "DurationText"))]
    pub timeout: Duration,
    /// Time before the end of a certificate at which `check` warns, or an eighth of its lifetime if that
    /// is less. Up to 366 days. Default: `7d`, when `CloudNativePG` should have renewed its own.
    #[cfg_attr(test, schemars(with = "DurationText"))]
    pub warn_before: Duration,
    /// Time before the end of the certificate of an archive's endpoint at which `check` warns, whatever
    /// its lifetime. Absent: as `warnBefore` says.
    #[cfg_attr(test, schemars(with = "Option<DurationText>"))]
    pub endpoint_warn_before: Option<Duration>,
}

/// Port that `PostgreSQL` listens on by default.
const POSTGRESQL_PORT: u16 = 5432;

const DAY: Duration = Duration::from_hours(24);

/// Times before the end of a certificate that can be set.
const WARN_BEFORE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(366 * 24);

const DEFAULT_SCHEDULE: &str = "0 * * * * *";

impl Default for CertificateWatchConfig {
    #[expect(
        clippy::expect_used,
        reason = "the expression is ours, and a test reads it"
    )]
    fn default() -> Self {
        Self {
            schedule: DEFAULT_SCHEDULE
                .parse()
                .expect("the default schedule is valid"),
            timeout: Duration::from_secs(10),
            warn_before: 7 * DAY,
            endpoint_warn_before: None,
        }
    }
}

impl CertificateWatchConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let config = Self {
            schedule: section
                .text("schedule", str::parse)
                .unwrap_or(default.schedule),
            timeout: section
                .duration("timeout", up_to(Duration::from_hours(1)))
                .unwrap_or(default.timeout),
            warn_before: section
                .duration("warnBefore", WARN_BEFORE)
                .unwrap_or(default.warn_before),
            endpoint_warn_before: section.duration("endpointWarnBefore", WARN_BEFORE),
        };
        section.finish();
        config
    }
}

/// Certificates that are watched under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct CertificateConfig {
    /// Name that metrics show as `certificate`. Required; unique among certificates, without `/`. A
    /// file that matches a pattern is named after it and its path below the pattern's fixed
    /// directories.
    pub name: String,
    /// Source of the certificate: exactly one.
    #[cfg_attr(test, schemars(flatten, with = "CertificateLocationKeys"))]
    pub source: CertificateLocation,
    /// File with certificates (PEM) of the authority that must vouch for it. Absent: nothing is
    /// verified.
    pub ca_file: Option<PathBuf>,
    /// Time before its end at which `check` warns, whatever its lifetime. Absent: as
    /// `certificateWatch.warnBefore` says.
    #[cfg_attr(test, schemars(with = "Option<DurationText>"))]
    pub warn_before: Option<Duration>,
}

/// Source of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateLocation {
    /// `file`: a file with certificates (PEM), the leaf first; or a pattern with `*`, `?` or `[…]`
    /// that stands for up to 100 of them.
    File(PathBuf),
    /// `postgresql`: the chain that a `PostgreSQL` server presents.
    PostgreSql {
        /// Host and port.
        address: ServerAddress,
        /// `serverName`: the name that is asked for and, with a `caFile`, must be in the certificate.
        /// Default: the host.
        server_name: Host,
        /// `sslNegotiation`: the start of TLS.
        negotiation: SslNegotiation,
    },
}

impl fmt::Display for CertificateLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::PostgreSql { address, .. } => write!(f, "postgresql {address}"),
        }
    }
}

/// Reads `certificates`, and checks each name against the others.
pub(super) fn read_all(root: &mut Section<'_>) -> Vec<CertificateConfig> {
    let mut names = BTreeSet::new();
    let mut certificates = Vec::new();
    for mut section in root.list("certificates").unwrap_or_default() {
        certificates.extend(CertificateConfig::read(&mut section, &mut names));
        section.finish();
    }
    certificates
}

impl CertificateConfig {
    /// Reads a certificate. `None` if a required setting is missing or wrong.
    fn read(section: &mut Section<'_>, names: &mut BTreeSet<String>) -> Option<Self> {
        let name = required(
            section,
            "name",
            "a name that no other certificate has",
            name,
        );
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            let message = format!("`{name}` is the name of another certificate; use another name");
            section.mistake("name", message);
        }
        let source = CertificateLocation::read(section);
        let ca_file = section.text("caFile", path);
        let warn_before = section.duration("warnBefore", WARN_BEFORE);
        Some(Self {
            name: name?,
            source: source?,
            ca_file,
            warn_before,
        })
    }
}

impl CertificateLocation {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let file = section.text("file", pattern);
        let address = section.text("postgresql", postgresql_address);
        let server_name = section.text("serverName", str::parse);
        let negotiation = section
            .text("sslNegotiation", str::parse)
            .unwrap_or_default();
        match (section.has("file"), section.has("postgresql")) {
            (true, true) => {
                section.mistake(
                    "",
                    "`file` and `postgresql` are both set; keep one of them".to_owned(),
                );
            }
            (false, false) => section.missing("file", "a file, or set `postgresql`"),
            (true, false) => {
                for key in ["serverName", "sslNegotiation"] {
                    if section.has(key) {
                        let message = "has no effect without `postgresql`; remove it";
                        section.mistake(key, message.to_owned());
                    }
                }
            }
            (false, true) => {}
        }
        let postgresql = address.map(|address| Self::PostgreSql {
            server_name: server_name.unwrap_or_else(|| address.host.clone()),
            address,
            negotiation,
        });
        file.map(Self::File).or(postgresql)
    }
}

/// Reads the address of a server that listens on `PostgreSQL`'s own port unless the text has another.
fn postgresql_address(text: &str) -> Result<ServerAddress, InvalidServerAddress> {
    ServerAddress::parse(text, POSTGRESQL_PORT)
}

/// Reads a name without a slash: names with one are those of endpoints and of a pattern's files.
fn name(text: &str) -> Result<String, &'static str> {
    let name = label(text)?;
    if name.contains('/') || name == "s3" {
        return Err("expected a name without `/`, and not `s3`, which stands for the endpoints");
    }
    Ok(name)
}

fn pattern(text: &str) -> Result<PathBuf, String> {
    let path = path(text)?;
    if text.contains("**") {
        return Err(
            "expected a pattern without `**`: each `*` stands for names in one directory"
                .to_owned(),
        );
    }
    for part in text.split('/') {
        glob::Pattern::new(part)
            .map_err(|error| format!("expected a path or a valid pattern ({error})"))?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_schedule_is_valid() {
        assert_eq!(
            CertificateWatchConfig::default().schedule.as_str(),
            DEFAULT_SCHEDULE
        );
    }
}
