//! What an operator can set: defaults, then the file, then the environment, then flags.
//!
//! [`Config::load`] reads it all and lists every mistake at once. Nothing that the configuration
//! names is opened here: `check-config` works on a machine that has neither the secrets nor the
//! store. The documented sample with every setting is `config/barman-cloud-exporter.yaml`.

mod archives;
mod backup_schedule;
mod backups;
mod certificates;
mod destination;
mod endpoint;
mod listen_address;
mod log;
mod mistakes;
mod quotes;
mod scan;
mod schedule;
mod section;
mod sources;
mod spelling;
mod unexpanded;
mod web;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

pub use archives::{ArchiveConfig, Credentials, ServerConfig};
pub use backup_schedule::BackupScheduleConfig;
pub use backups::BackupsConfig;
pub use certificates::{CertificateConfig, CertificateLocation, CertificateWatchConfig};
pub use destination::{Destination, InvalidDestination};
pub use endpoint::EndpointUrl;
pub use listen_address::ListenAddress;
pub use log::{LogConfig, LogFilter, LogFormat};
pub use mistakes::{Mistake, Mistakes, ValueOrigin};
pub use scan::ScanConfig;
pub(crate) use scan::parse_time_zone;
pub use schedule::Schedule;
pub use sources::{ENVIRONMENT_PREFIX, Flag};
pub use web::WebConfig;

use section::ConfigReader;

/// Everything that an operator can set, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The HTTP side.
    pub web: WebConfig,
    /// What the program says about itself, and how.
    pub log: LogConfig,
    /// When and how archives are scanned.
    pub scan: ScanConfig,
    /// How backups are judged.
    pub backups: BackupsConfig,
    /// When certificates are read, and what is said of them.
    pub certificate_watch: CertificateWatchConfig,
    /// What is scanned: at least one archive, in the order of the file, no name twice.
    pub archives: Vec<ArchiveConfig>,
    /// The certificates that are watched besides those of the archives' endpoints, no name twice.
    pub certificates: Vec<CertificateConfig>,
    /// Warnings about values in which a variable seems not to have been replaced.
    unexpanded: Vec<String>,
}

impl Config {
    /// Reads the configuration: defaults, overridden by the file, by the environment, by flags.
    ///
    /// Of the environment only names that begin with [`ENVIRONMENT_PREFIX`] count:
    /// `BARMAN_CLOUD_EXPORTER__WEB__LISTEN_ADDRESS` is `web.listenAddress`.
    ///
    /// # Errors
    /// Every mistake there is, or that the file could not be read.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &[Flag],
    ) -> Result<Self, Mistakes> {
        let merged = sources::merge(file, environment, flags)?;
        let reader = ConfigReader::new(&merged);
        let unexpanded = unexpanded::warnings(&merged.value);
        let config = Self { unexpanded, ..Self::read(&reader) };
        match Mistakes::from_list(reader.into_mistakes()) {
            None => Ok(config),
            Some(mistakes) => Err(mistakes),
        }
    }

    /// What is valid and probably not what is meant: each with its key.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (index, archive) in self.archives.iter().enumerate() {
            let others = self.archives.iter().filter(|other| other.name != archive.name);
            let place = format!("archives[{index}].destinationPath");
            warnings.extend(archive.warning(&place, others));
            warnings.extend(archive.endpoint_warning(&format!("archives[{index}].endpointURL")));
            for (number, server) in archive.servers.iter().flatten().enumerate() {
                let place = format!("archives[{index}].servers[{number}]");
                let schedule = server.backup_schedule.as_ref();
                warnings.extend(schedule.and_then(|schedule| schedule.warning(&place)));
            }
        }
        warnings.extend(self.unexpanded.iter().cloned());
        warnings
    }

    /// Where something is wrong, a mistake is noted and a default stands in.
    fn read(reader: &ConfigReader<'_>) -> Self {
        let mut root = reader.root();
        let config = Self {
            web: WebConfig::read(root.section("web")),
            log: LogConfig::read(root.section("log")),
            scan: ScanConfig::read(root.section("scan")),
            backups: BackupsConfig::read(root.section("backups")),
            certificate_watch: CertificateWatchConfig::read(root.section("certificateWatch")),
            archives: archives::read_all(&mut root),
            certificates: certificates::read_all(&mut root),
            unexpanded: Vec::new(),
        };
        root.finish();
        config
    }
}
