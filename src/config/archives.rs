//! Settings of the archives: what is scanned, and how it is reached.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use barman_archive::barman::ServerPattern;
use barman_archive::retention::RetentionPolicy;

use super::backup_schedule::BackupScheduleConfig;
use super::destination::Destination;
use super::endpoint::EndpointUrl;
use super::section::Section;

/// One destination path, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveConfig {
    /// The name that metrics show as `archive`. Required; no other archive has it.
    pub name: String,
    /// Where the servers' directories lie: `s3://bucket/prefix`, as in the `ObjectStore` resource.
    /// Required.
    pub destination: Destination,
    /// URL of the object storage, such as `https://s3.example.org`, without the bucket; it may have a
    /// path. Absent: Amazon's.
    pub endpoint_url: Option<EndpointUrl>,
    /// Region of the bucket. Absent: the one in the name of an endpoint of Amazon's; `us-east-1`
    /// with another `endpointURL`; else what the SDK finds in its environment, profile or instance,
    /// or `us-east-1`. A store that names another region is followed there.
    pub region: Option<String>,
    /// Whether the bucket's name stands in the path and not in the host name. Default: `true` with
    /// an `endpointURL`, `false` without.
    pub path_style: bool,
    /// File with certificates (PEM) of the authority that vouches for the endpoint. Absent: the
    /// system's.
    pub endpoint_ca_file: Option<PathBuf>,
    /// What to log in with.
    pub credentials: Credentials,
    /// How long backups are kept, for every server that does not say so itself. Absent: not known.
    pub retention_policy: Option<RetentionPolicy>,
    /// How many backups of a server Barman is told to leave at the least, for every server that does
    /// not say so itself: `--minimum-redundancy` of `barman-cloud-backup-delete`. Absent: not known.
    pub minimum_redundancy: Option<u32>,
    /// Servers that are left out, by name or pattern: neither judged nor orphans, and counted in the
    /// sums all the same. Absent: none.
    pub ignore_servers: Vec<ServerPattern>,
    /// The servers that are expected. `None`: every server found.
    pub servers: Option<Vec<ServerConfig>>,
}

/// What to log in to the object storage with. The secrets themselves are read as late as possible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// What the AWS SDK finds by itself: environment, profile, web identity, instance.
    #[default]
    Chain,
    /// A profile of the SDK's configuration files.
    Profile(String),
    /// Files that hold one value each, as Kubernetes mounts a `Secret`.
    Files {
        /// File with the access key id.
        access_key_id: PathBuf,
        /// File with the secret access key.
        secret_access_key: PathBuf,
        /// File with the token of a temporary session.
        session_token: Option<PathBuf>,
    },
}

/// One server that is expected in an archive, whether it has a directory there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Name of the server: its directory below the destination, `serverName` in `CloudNativePG`. It
    /// may have slashes inside, as Barman takes any text.
    pub server_name: String,
    /// How long its backups are kept, `30d`, `4w` or `6m` as in the `ObjectStore` resource, or in
    /// Barman's words. Absent: the archive's.
    pub retention_policy: Option<RetentionPolicy>,
    /// How many of its backups Barman is told to leave at the least. Absent: the archive's.
    pub minimum_redundancy: Option<u32>,
    /// When its backups should be taken. Absent: not known.
    pub backup_schedule: Option<BackupScheduleConfig>,
    /// Number of the timeline that its database is on. Absent: the one whose WAL arrived last.
    pub current_timeline: Option<u32>,
}

/// Keys of `CloudNativePG`'s `ObjectStore` that have no meaning here, and what to do instead.
const ADVICE: [(&str, &str); 10] = [
    ("s3Credentials", "is not read here; use `credentials`, which names files"),
    ("googleCredentials", "is not read here; only S3 is supported"),
    ("azureCredentials", "is not read here; only S3 is supported"),
    ("endpointCA", "is not read here; use `endpointCAFile`, which names a file"),
    ("serverName", "belongs into the list `servers`, as `- serverName: …`"),
    ("wal", "is not needed here; remove it"),
    ("data", "is not needed here; remove it"),
    ("tags", "is not needed here; remove it"),
    ("historyTags", "is not needed here; remove it"),
    ("instanceSidecarConfiguration", "is not needed here; remove it"),
];

/// Values that Barman accepts for the minimum number of backups to keep.
const REDUNDANCIES: RangeInclusive<u32> = 0..=1000;

/// Reads `archives`, and checks each against the others.
pub(super) fn read_all(root: &mut Section<'_>) -> Vec<ArchiveConfig> {
    let Some(sections) = root.list("archives") else {
        if !root.has("archives") {
            root.missing("archives", "a list of at least one archive");
        }
        return Vec::new();
    };
    if root.is_empty_list("archives") {
        root.mistake("archives", "is empty; expected at least one archive".to_owned());
    }
    let mut archives: Vec<ArchiveConfig> = Vec::new();
    // Also the names of archives in which something else is wrong.
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
    /// The archive; `None` when something that it cannot do without is missing or wrong.
    fn read(section: &mut Section<'_>, names: &mut BTreeSet<String>) -> Option<Self> {
        let name = required(section, "name", "a name that no other archive has", label);
        if let Some(name) = name.as_ref().filter(|name| !names.insert((*name).clone())) {
            let message = format!("expected a name that no other archive has, found `{name}`");
            section.mistake("name", message);
        }
        let form = "`s3://bucket/prefix`";
        let destination = required(section, "destinationPath", form, str::parse);
        let endpoint_url = section.text("endpointURL", str::parse);
        let region = section.text("region", word);
        let path_style = section.flag("pathStyle").unwrap_or(section.has("endpointURL"));
        let endpoint_ca_file = section.text("endpointCAFile", path);
        let credentials = Credentials::read(section.section("credentials").secret());
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

    /// That its destination lies inside that of another, with the key that names it.
    pub(super) fn warning<'a>(
        &self,
        key: &str,
        others: impl IntoIterator<Item = &'a Self>,
    ) -> Option<String> {
        let contains = |other: &&Self| {
            other.endpoint_url == self.endpoint_url && other.destination.contains(&self.destination)
        };
        let other = others.into_iter().find(contains)?;
        let (name, inner) = (&self.name, &self.destination);
        Some(format!(
            "{key}: `{inner}` of `{name}` lies inside `{}` of `{}`: what is there is listed and \
             counted twice, in both archives",
            other.destination, other.name
        ))
    }

    /// Returns a warning if the endpoint's host names the bucket as well. It starts with `key`, the
    /// key of the endpoint in the configuration.
    pub(super) fn endpoint_warning(&self, key: &str) -> Option<String> {
        let (endpoint, bucket) = (self.endpoint_url.as_ref()?, &self.destination.bucket);
        let rest = endpoint.host().strip_prefix(&bucket.to_ascii_lowercase())?;
        rest.starts_with('.').then(|| {
            format!(
                "{key}: the host of `{endpoint}` begins with the bucket's name `{bucket}`, which \
                 boto3 and this program add to it once more: name the endpoint without the bucket"
            )
        })
    }

    fn check_against(&self, others: &[Self], section: &Section<'_>) {
        let is_same = |other: &&Self| {
            other.destination == self.destination && other.endpoint_url == self.endpoint_url
        };
        if let Some(other) = others.iter().find(is_same) {
            let (name, destination) = (&other.name, &self.destination);
            let message = format!("is the same destination as that of `{name}`: `{destination}`");
            section.mistake("destinationPath", message);
        }
    }
}

impl Credentials {
    fn read(mut section: Section<'_>) -> Self {
        let profile = section.text("profile", word);
        let access_key_id = section.text("accessKeyIdFile", path);
        let secret_access_key = section.text("secretAccessKeyFile", path);
        let session_token = section.text("sessionTokenFile", path);
        let (id, secret) = (section.has("accessKeyIdFile"), section.has("secretAccessKeyFile"));
        let files = id || secret || section.has("sessionTokenFile");
        if files && section.has("profile") {
            let message = "expected either `profile` or files, not both".to_owned();
            section.mistake("", message);
        }
        if files && !id {
            section.missing("accessKeyIdFile", "the file with the access key id");
        }
        if files && !secret {
            section.missing("secretAccessKeyFile", "the file with the secret access key");
        }
        section.finish();
        match (profile, access_key_id, secret_access_key) {
            (_, Some(access_key_id), Some(secret_access_key)) => {
                Self::Files { access_key_id, secret_access_key, session_token }
            }
            (Some(profile), _, _) => Self::Profile(profile),
            (None, _, _) => Self::Chain,
        }
    }
}

impl ServerConfig {
    fn read_all(archive: &mut Section<'_>, ignored: &[ServerPattern]) -> Option<Vec<Self>> {
        let sections = archive.list("servers")?;
        if archive.is_empty_list("servers") {
            let message = "is empty; leave it out to expect every server found".to_owned();
            archive.mistake("servers", message);
        }
        let mut servers: Vec<Self> = Vec::new();
        for mut section in sections {
            if let Some(server) = Self::read(&mut section) {
                server.check_against(&servers, &section);
                server.check_expected(ignored, &section);
                servers.push(server);
            }
            section.finish();
        }
        Some(servers)
    }

    fn read(section: &mut Section<'_>) -> Option<Self> {
        let form = "the name of the server's directory";
        let server_name = required(section, "serverName", form, directory);
        let retention_policy = section.text("retentionPolicy", str::parse);
        let minimum_redundancy = section.number("minimumRedundancy", REDUNDANCIES);
        let backup_schedule = BackupScheduleConfig::read(section);
        let current_timeline = section.number("currentTimeline", 1..=u32::MAX);
        Some(Self {
            server_name: server_name?,
            retention_policy,
            minimum_redundancy,
            backup_schedule,
            current_timeline,
        })
    }

    fn check_expected(&self, ignored: &[ServerPattern], section: &Section<'_>) {
        let name = &self.server_name;
        if let Some(pattern) = ignored.iter().find(|pattern| pattern.matches(name)) {
            let message = format!("is left out by `{pattern}` in `ignoreServers`: `{name}`");
            section.mistake("serverName", message);
        }
    }

    fn check_against(&self, others: &[Self], section: &Section<'_>) {
        if others.iter().any(|other| other.server_name == self.server_name) {
            let name = &self.server_name;
            section.mistake("serverName", format!("stands in this list twice: `{name}`"));
        }
        let is_nested = |other: &&Self| self.lies_in(other) || other.lies_in(self);
        if let Some(other) = others.iter().find(is_nested) {
            let (name, other) = (&self.server_name, &other.server_name);
            let message = format!("`{name}` or `{other}` lies in the other's `base` or `wals`");
            section.mistake("serverName", message);
        }
    }

    /// Returns whether its directory is part of what another server has written.
    fn lies_in(&self, other: &Self) -> bool {
        let below = self.server_name.strip_prefix(&other.server_name);
        let first = below.and_then(|below| below.strip_prefix('/')?.split('/').next());
        matches!(first, Some("base" | "wals"))
    }
}

/// A text that has to be there.
pub(super) fn required<T, E: std::fmt::Display>(
    section: &mut Section<'_>,
    key: &'static str,
    form: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    if !section.has(key) {
        section.missing(key, form);
    }
    section.text(key, parse)
}

pub(super) fn checked(
    text: &str,
    is_valid: bool,
    expected: &'static str,
) -> Result<String, &'static str> {
    if is_valid { Ok(text.to_owned()) } else { Err(expected) }
}

pub(super) fn label(text: &str) -> Result<String, &'static str> {
    let is_valid = !text.trim().is_empty() && !text.contains(char::is_control);
    checked(text, is_valid, "expected a name without control characters")
}

fn word(text: &str) -> Result<String, &'static str> {
    let is_valid =
        !text.is_empty() && !text.contains(|c: char| c.is_control() || c.is_whitespace());
    checked(text, is_valid, "expected one word")
}

fn directory(text: &str) -> Result<String, &'static str> {
    let is_framed = text.starts_with('/') || text.ends_with('/');
    let is_valid = !text.trim().is_empty() && !text.contains(char::is_control) && !is_framed;
    checked(text, is_valid, "expected a name without control characters, and no `/` at either end")
}

pub(super) fn path(text: &str) -> Result<PathBuf, &'static str> {
    let is_valid = !text.is_empty() && !text.contains(char::is_control);
    checked(text, is_valid, "expected the path of a file").map(PathBuf::from)
}
