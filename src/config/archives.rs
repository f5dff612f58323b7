//! Settings of the archives: their places, access to them, and expectations.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use barman_archive::barman::ServerPattern;
use barman_archive::retention::RetentionPolicy;

use super::section::Section;
use super::servers::ServerConfig;
#[cfg(test)]
use super::store::S3StoreConfig;
use super::store::StoreConfig;
use super::texts::{label, required};
use super::verification::ArchiveVerificationConfig;
use crate::evidence::Level;

/// Archive, with everything needed to read and judge it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct ArchiveConfig {
    /// Name that metrics show as `archive`. Required; unique among archives.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub name: String,
    /// Store that holds the archive.
    #[cfg_attr(test, schemars(flatten, with = "S3StoreConfig"))]
    pub store: StoreConfig,
    /// Retention policy of the backups, for every server without one of its own: `30d`, `4w` or `6m`
    /// as in the `ObjectStore` resource, or a text of Barman's such as `REDUNDANCY 3`. Absent: not
    /// known.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub retention_policy: Option<RetentionPolicy>,
    /// Minimum number of backups of a server that Barman is told to keep, for every server without
    /// one of its own: `--minimum-redundancy` of `barman-cloud-backup-delete`. From 0 to 1000.
    /// Absent: not known.
    #[cfg_attr(test, schemars(range(max = 1000)))]
    pub minimum_redundancy: Option<u32>,
    /// Verification of contents. Absent: as for every archive.
    #[cfg_attr(test, schemars(with = "Option<ArchiveVerificationConfig>"))]
    pub verification: ArchiveVerificationConfig,
    /// Servers that are ignored, by name or pattern (`*`, `?`, `[...]`): neither judged nor reported as
    /// unexpected. Their usage is part of the sums. Absent: none.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    pub ignore_servers: Vec<ServerPattern>,
    /// Servers that are expected. Absent: every server found.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub servers: Option<Vec<ServerConfig>>,
}

/// Keys of `CloudNativePG`'s `ObjectStore` that are not supported, with the remedy.
const ADVICE: [(&str, &str); 10] = [
    ("s3Credentials", "use `credentials`, which names files"),
    ("googleCredentials", "remove it: only S3 can be read"),
    ("azureCredentials", "remove it: only S3 can be read"),
    ("endpointCA", "use `endpointCAFile`, which names a file"),
    (
        "serverName",
        "move it into the list `servers`, as `- serverName: …`",
    ),
    ("wal", "remove it: it is not needed here"),
    ("data", "remove it: it is not needed here"),
    ("tags", "remove it: it is not needed here"),
    ("historyTags", "remove it: it is not needed here"),
    (
        "instanceSidecarConfiguration",
        "remove it: it is not needed here",
    ),
];

/// Values that Barman accepts for the minimum number of backups to keep.
pub(super) const REDUNDANCIES: RangeInclusive<u32> = 0..=1000;

/// Reads `archives`, and checks each against the others.
pub(super) fn read_all(root: &mut Section<'_>) -> Vec<ArchiveConfig> {
    let Some(sections) = root.list("archives") else {
        if !root.has("archives") {
            root.missing("archives", "a list of at least one archive");
        }
        return Vec::new();
    };
    if root.is_empty_list("archives") {
        root.mistake("archives", "is empty; add at least one archive".to_owned());
    }
    let mut archives: Vec<ArchiveConfig> = Vec::new();
    // Includes the names of archives with other mistakes.
    let mut names = BTreeSet::new();
    for mut section in sections {
        if let Some(archive) = ArchiveConfig::read(&mut section, &mut names) {
            archive.check_against(&archives, &section);
            archives.push(archive);
        }
        section.finish();
    }
    archives
}

impl ArchiveConfig {
    /// Reads an archive. `None` if a required setting is missing or wrong.
    fn read(section: &mut Section<'_>, names: &mut BTreeSet<String>) -> Option<Self> {
        let name = required(section, "name", "a name that no other archive has", label);
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            let message = format!("`{name}` is the name of another archive; use another name");
            section.mistake("name", message);
        }
        let store = StoreConfig::read(section);
        let retention_policy = section.text("retentionPolicy", str::parse);
        let minimum_redundancy = section.number("minimumRedundancy", REDUNDANCIES);
        let verification = ArchiveVerificationConfig::read(section.section("verification"));
        let ignore_servers = section.texts("ignoreServers", str::parse);
        let servers = ServerConfig::read_all(section, &ignore_servers);
        section.advise(&ADVICE);
        Some(Self {
            name: name?,
            store: store?,
            retention_policy,
            minimum_redundancy,
            verification,
            ignore_servers,
            servers,
        })
    }

    /// Returns the highest level of its servers, given that of every archive without its own.
    pub(super) fn highest_level(&self, level_of_all: Level) -> Level {
        let own = self.verification.level.unwrap_or(level_of_all);
        let servers = self.servers.iter().flatten();
        let levels = servers.map(|server| server.verification_level.unwrap_or(own));
        levels.max().unwrap_or(own).max(own)
    }

    /// Returns a warning if the archive lies inside another one. It starts with the key of the place
    /// in the configuration.
    pub(super) fn nesting_warning(&self, archive_key: &str, archives: &[Self]) -> Option<String> {
        let outer = archives
            .iter()
            .find(|other| other.store.contains(&self.store))?;
        let key = format!("{archive_key}.{}", self.store.place_key());
        let (inner, name) = (&self.store, &self.name);
        let (outer, other) = (&outer.store, &outer.name);
        Some(format!(
            "{key}: `{inner}` of `{name}` lies inside `{outer}` of `{other}`: its objects are \
             listed and counted twice, in both archives"
        ))
    }

    /// Records a mistake if another archive is at the same place.
    fn check_against(&self, others: &[Self], section: &Section<'_>) {
        let same = others
            .iter()
            .find(|other| other.store.is_same_place(&self.store));
        if let Some(Self { name, .. }) = same {
            let destination = &self.store;
            let message =
                format!("`{destination}` is also the destination of `{name}`; remove one of them");
            section.mistake(self.store.place_key(), message);
        }
    }
}
