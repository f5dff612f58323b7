//! Settings of the archives: their places, access to them, and expectations.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use barman_archive::barman::ServerPattern;
use barman_archive::retention::RetentionPolicy;

use super::credentials::Credentials;
use super::destination::Destination;
use super::endpoint::EndpointUrl;
use super::section::Section;
use super::servers::ServerConfig;
#[cfg(test)]
use super::tests::schema::CredentialsKeys;
use super::texts::{label, path, required, word};

/// Destination path with everything needed to read and judge it.
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
    /// Path that contains the servers' directories: `s3://bucket/prefix`, as in the `ObjectStore`
    /// resource. Required.
    #[cfg_attr(
        test,
        schemars(with = "String", rename = "destinationPath", regex(pattern = "^s3://"))
    )]
    pub destination: Destination,
    /// URL of the object storage, such as `https://s3.example.org`, without the bucket; may have a
    /// path. Absent: Amazon's.
    #[cfg_attr(test, schemars(with = "Option<String>", rename = "endpointURL"))]
    pub endpoint_url: Option<EndpointUrl>,
    /// Region of the bucket. Absent: the region in the name of an Amazon endpoint; `us-east-1` with
    /// another `endpointURL`; otherwise the region that the SDK finds in its environment, profile or
    /// instance, or `us-east-1`. If the store names another region, that is used.
    pub region: Option<String>,
    /// `true` if the bucket's name is in the path of URLs, `false` if it is in the host name. Default:
    /// `true` with an `endpointURL`, `false` without.
    #[cfg_attr(test, schemars(with = "Option<bool>"))]
    pub path_style: bool,
    /// File with certificates (PEM) of the authority that vouches for the endpoint. Absent: those of
    /// the system.
    #[cfg_attr(test, schemars(rename = "endpointCAFile"))]
    pub endpoint_ca_file: Option<PathBuf>,
    /// Credentials for the object storage. Absent: those that the AWS SDK finds in the environment, a
    /// profile, a web identity or the instance.
    #[cfg_attr(test, schemars(with = "Option<CredentialsKeys>"))]
    pub credentials: Credentials,
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
        let form = "`s3://bucket/prefix`";
        let destination = required(section, "destinationPath", form, str::parse);
        let endpoint_url = section.text("endpointURL", str::parse);
        let region = section.text("region", word);
        let path_style = section
            .flag("pathStyle")
            .unwrap_or(section.has("endpointURL"));
        let endpoint_ca_file = section.text("endpointCAFile", path);
        let credentials = Credentials::read(section.section("credentials"));
        let retention_policy = section.text("retentionPolicy", str::parse);
        let minimum_redundancy = section.number("minimumRedundancy", REDUNDANCIES);
        let ignore_servers = section.texts("ignoreServers", str::parse);
        let servers = ServerConfig::read_all(section, &ignore_servers);
        section.advise(&ADVICE);
        Some(Self {
            name: name?,
            destination: destination?,
            endpoint_url,
            region,
            path_style,
            endpoint_ca_file,
            credentials,
            retention_policy,
            minimum_redundancy,
            ignore_servers,
            servers,
        })
    }

    /// Returns a warning if the destination lies inside that of another archive. It starts with `key`,
    /// the key of the destination in the configuration.
    pub(super) fn nesting_warning(&self, key: &str, archives: &[Self]) -> Option<String> {
        for other in archives {
            let is_same_store = other.endpoint_url == self.endpoint_url;
            if is_same_store && other.destination.contains(&self.destination) {
                let (inner, name) = (&self.destination, &self.name);
                let (outer, other) = (&other.destination, &other.name);
                return Some(format!(
                    "{key}: `{inner}` of `{name}` lies inside `{outer}` of `{other}`: its objects are \
                     listed and counted twice, in both archives"
                ));
            }
        }
        None
    }

    /// Returns a warning if the endpoint's host names the bucket as well. It starts with `key`, the
    /// key of the endpoint in the configuration.
    pub(super) fn endpoint_warning(&self, key: &str) -> Option<String> {
        let endpoint = self.endpoint_url.as_ref()?;
        let bucket = &self.destination.bucket;
        let rest = endpoint.host().strip_prefix(&bucket.to_ascii_lowercase())?;
        if !rest.starts_with('.') {
            return None;
        }
        Some(format!(
            "{key}: the host of `{endpoint}` starts with the bucket's name `{bucket}`, which boto3 and \
             this program add once more: name the endpoint without the bucket"
        ))
    }

    /// Records a mistake if another archive has the same destination.
    fn check_against(&self, others: &[Self], section: &Section<'_>) {
        let destination = &self.destination;
        for other in others {
            let is_same_store = other.endpoint_url == self.endpoint_url;
            if is_same_store && other.destination == *destination {
                let name = &other.name;
                let message = format!(
                    "`{destination}` is also the destination of `{name}`; remove one of them"
                );
                section.mistake("destinationPath", message);
                return;
            }
        }
    }
}
