//! Settings of the certificates: what is watched, and when.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use tls_certificates::x509::Host;
use tls_certificates::{InvalidServerAddress, ServerAddress, SslNegotiation};

use super::archives::{label, path, required};
use super::scan::up_to;
use super::schedule::Schedule;
use super::section::Section;

/// When certificates are read, and when `check` warns of their end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateWatchConfig {
    /// When every certificate is read: a cron expression like `scan.schedule`, in the time zone
    /// `scan.timeZone`. Default: `0 * * * * *`, every minute.
    pub schedule: Schedule,
    /// How long reading one certificate may take: a file, or a whole handshake. Up to one hour.
    /// Default: `10s`.
    pub timeout: Duration,
    /// Time before the end of a certificate at which `check` warns, or an eighth of its lifetime if that
    /// is less. Up to 366 days. Default: `7d`, when `CloudNativePG` should have renewed its own.
    pub warn_before: Duration,
    /// Time before the end of the certificate of an archive's endpoint at which `check` warns, whatever
    /// its lifetime. Absent: as `warnBefore` says.
    pub endpoint_warn_before: Option<Duration>,
}

/// Port that `PostgreSQL` listens on by default.
const POSTGRESQL_PORT: u16 = 5432;

const DAY: Duration = Duration::from_hours(24);

/// Times before the end of a certificate that can be set.
const WARN_BEFORE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(366 * 24);

const DEFAULT_SCHEDULE: &str = "0 * * * * *";

impl Default for CertificateWatchConfig {
    #[expect(clippy::expect_used, reason = "the expression is ours, and a test reads it")]
    fn default() -> Self {
        Self {
            schedule: DEFAULT_SCHEDULE.parse().expect("the default schedule is valid"),
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
            schedule: section.text("schedule", str::parse).unwrap_or(default.schedule),
            timeout: section
                .duration("timeout", up_to(Duration::from_hours(1)))
                .unwrap_or(default.timeout),
            warn_before: section.duration("warnBefore", WARN_BEFORE).unwrap_or(default.warn_before),
            endpoint_warn_before: section.duration("endpointWarnBefore", WARN_BEFORE),
        };
        section.finish();
        config
    }
}

/// What is watched under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateConfig {
    /// The name that metrics show as `certificate`. Required; no other has it. A file that matches a
    /// pattern has its path below the pattern's fixed directories after it.
    pub name: String,
    /// Where it comes from: exactly one source.
    pub source: CertificateLocation,
    /// File with certificates (PEM) of the authority that has to vouch for it. Absent: nothing is
    /// verified.
    pub ca_file: Option<PathBuf>,
    /// Time before its end at which `check` warns, whatever its lifetime. Absent: as
    /// `certificateWatch.warnBefore` says.
    pub warn_before: Option<Duration>,
}

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateLocation {
    /// `file`: a file with certificates (PEM), the leaf first; or a pattern with `*`, `?` or `[…]`
    /// that stands for up to 100 of them.
    File(PathBuf),
    /// `postgresql`: what a `PostgreSQL` server presents.
    PostgreSql {
        /// Host and port.
        address: ServerAddress,
        /// `serverName`: the name that is asked for and, with a `caFile`, has to be in the
        /// certificate. Default: the host.
        server_name: Host,
        /// `sslNegotiation`: how TLS begins.
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
    /// The certificate; `None` when something that it cannot do without is missing or wrong.
    fn read(section: &mut Section<'_>, names: &mut BTreeSet<String>) -> Option<Self> {
        let name = required(section, "name", "a name that no other certificate has", name);
        if let Some(name) = name.as_ref().filter(|name| !names.insert((*name).clone())) {
            let message = format!("expected a name that no other certificate has, found `{name}`");
            section.mistake("name", message);
        }
        let source = CertificateLocation::read(section);
        let ca_file = section.text("caFile", path);
        let warn_before = section.duration("warnBefore", WARN_BEFORE);
        Some(Self { name: name?, source: source?, ca_file, warn_before })
    }
}

impl CertificateLocation {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let file = section.text("file", pattern);
        let address = section.text("postgresql", postgresql_address);
        let server_name = section.text("serverName", str::parse);
        let negotiation = section.text("sslNegotiation", str::parse).unwrap_or_default();
        match (section.has("file"), section.has("postgresql")) {
            (true, true) => {
                section.mistake("", "expected either `file` or `postgresql`, not both".to_owned());
            }
            (false, false) => section.missing("file", "either `file` or `postgresql`"),
            (true, false) => {
                for key in ["serverName", "sslNegotiation"] {
                    if section.has(key) {
                        let message = "has a meaning only beside `postgresql`; remove it";
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

/// What stands behind a slash tells the files of a pattern and the endpoints apart.
fn name(text: &str) -> Result<String, &'static str> {
    let name = label(text)?;
    if name.contains('/') || name == "s3" {
        return Err("expected a name without `/`, and not `s3`, which is for the endpoints");
    }
    Ok(name)
}

fn pattern(text: &str) -> Result<PathBuf, String> {
    let path = path(text)?;
    if text.contains("**") {
        return Err("expected no `**`: each `*` stands for names in one directory".to_owned());
    }
    for part in text.split('/') {
        glob::Pattern::new(part)
            .map_err(|error| format!("expected a path, or a pattern that makes sense ({error})"))?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_schedule_is_valid() {
        assert_eq!(CertificateWatchConfig::default().schedule.as_str(), DEFAULT_SCHEDULE);
    }
}
