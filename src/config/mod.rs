//! Settings of the program: defaults, overridden by the file, the environment and flags, in this
//! order.
//!
//! [`Config::load`] reads them all and lists every mistake at once; unknown keys are mistakes. Files
//! that the configuration names are never opened here: `check-config` works on a machine without the
//! secrets and without the store. The sample `config/barman-cloud-exporter.yaml` documents every
//! setting, and `docs/schemas/config.json` is generated from these types.

mod archives;
mod backup_schedule;
mod backups;
mod certificates;
mod credentials;
mod destination;
mod endpoint;
mod listen_address;
mod log;
mod mistakes;
mod quotes;
mod scan;
mod schedule;
mod section;
mod servers;
mod sources;
mod spelling;
mod store;
mod texts;
mod unexpanded;
mod verification;
mod web;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

pub use archives::ArchiveConfig;
pub use backup_schedule::BackupScheduleConfig;
pub use backups::BackupsConfig;
pub use certificates::{CertificateConfig, CertificateLocation, CertificateWatchConfig};
pub use credentials::Credentials;
pub use destination::{Destination, InvalidDestination};
pub use endpoint::EndpointUrl;
pub use listen_address::ListenAddress;
pub use log::{LogConfig, LogFilter, LogFormat};
pub use mistakes::{Mistake, Mistakes, ValueOrigin};
pub use scan::ScanConfig;
pub(crate) use scan::parse_time_zone;
pub use schedule::Schedule;
pub use servers::ServerConfig;
pub use sources::{ENVIRONMENT_PREFIX, Flag};
pub use store::{S3StoreConfig, StoreConfig};
pub use verification::{ArchiveVerificationConfig, Bytes, Price, VerificationConfig};
pub use web::WebConfig;

use section::{ConfigReader, Section};

use crate::evidence::Level;

/// Configuration of barman-cloud-exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Config {
    /// HTTP server: metrics, health, and a page for people.
    #[cfg_attr(test, schemars(with = "Option<WebConfig>"))]
    pub web: WebConfig,
    /// Log of the program.
    #[cfg_attr(test, schemars(with = "Option<LogConfig>"))]
    pub log: LogConfig,
    /// Scans of the archives.
    #[cfg_attr(test, schemars(with = "Option<ScanConfig>"))]
    pub scan: ScanConfig,
    /// Judgement of backups.
    #[cfg_attr(test, schemars(with = "Option<BackupsConfig>"))]
    pub backups: BackupsConfig,
    /// Verification of contents, by reading WAL and base backups.
    #[cfg_attr(test, schemars(with = "Option<VerificationConfig>"))]
    pub verification: VerificationConfig,
    /// Readings of certificates, and warnings before their end.
    #[cfg_attr(test, schemars(with = "Option<CertificateWatchConfig>"))]
    pub certificate_watch: CertificateWatchConfig,
    /// Archives to scan, at least one.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub archives: Vec<ArchiveConfig>,
    /// Certificates to watch besides those of the archives' endpoints. Absent: none.
    #[cfg_attr(test, schemars(with = "Option<Vec<CertificateConfig>>"))]
    pub certificates: Vec<CertificateConfig>,
    /// Warnings about values in which a variable seems not to have been replaced.
    #[cfg_attr(test, schemars(skip))]
    unexpanded: Vec<String>,
}

impl Config {
    /// Reads the configuration: defaults, overridden by the file, by the environment, by flags.
    ///
    /// Only variables whose name starts with [`ENVIRONMENT_PREFIX`] are settings:
    /// `BARMAN_CLOUD_EXPORTER__WEB__LISTEN_ADDRESS` is `web.listenAddress`.
    ///
    /// # Errors
    /// If the file cannot be read; otherwise with every mistake there is.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &[Flag],
    ) -> Result<Self, Mistakes> {
        let merged = sources::merge(file, environment, flags)?;
        let reader = ConfigReader::new(&merged);
        let unexpanded = unexpanded::warnings(&merged.value);
        let config = Self {
            unexpanded,
            ..Self::read(&reader)
        };
        match Mistakes::from_list(reader.into_mistakes()) {
            None => Ok(config),
            Some(mistakes) => Err(mistakes),
        }
    }

    /// Records a mistake for each archive whose contents would be read without a limit.
    fn check_budgets(&self, root: &Section<'_>) {
        for archive in &self.archives {
            let level = archive.highest_level(self.verification.level);
            let budget = archive.verification.daily_bytes;
            if level >= Level::Wal && budget.or(self.verification.daily_bytes).is_none() {
                let message = format!(
                    "`dailyBytes` is missing, and the level of `{}` is `{}`; set it to the bytes that \
                     may be read in a day, such as `20GB`",
                    archive.name,
                    level.as_label()
                );
                root.mistake("verification", message);
            }
        }
    }

    /// Warnings about settings that are valid, but probably not intended; each starts with its key.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (index, archive) in self.archives.iter().enumerate() {
            let archive_key = format!("archives[{index}]");
            warnings.extend(archive.nesting_warning(&archive_key, &self.archives));
            warnings.extend(archive.store.endpoint_warning(&archive_key));
            for (number, server) in archive.servers.iter().flatten().enumerate() {
                if let Some(schedule) = &server.backup_schedule {
                    let server_key = format!("{archive_key}.servers[{number}]");
                    warnings.extend(schedule.warning(&server_key));
                }
            }
        }
        warnings.extend(self.unexpanded.iter().cloned());
        warnings
    }

    /// Reads all sections. A wrong setting is recorded as a mistake and replaced by its default.
    fn read(reader: &ConfigReader<'_>) -> Self {
        let mut root = reader.root();
        let config = Self {
            web: WebConfig::read(root.section("web")),
            log: LogConfig::read(root.section("log")),
            scan: ScanConfig::read(root.section("scan")),
            backups: BackupsConfig::read(root.section("backups")),
            verification: VerificationConfig::read(root.section("verification")),
            certificate_watch: CertificateWatchConfig::read(root.section("certificateWatch")),
            archives: archives::read_all(&mut root),
            certificates: certificates::read_all(&mut root),
            unexpanded: Vec::new(),
        };
        config.check_budgets(&root);
        root.finish();
        config
    }
}
