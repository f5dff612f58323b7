//! Settings of the servers that are expected in an archive.

use barman_archive::barman::ServerPattern;
use barman_archive::retention::RetentionPolicy;

use super::archives::REDUNDANCIES;
use super::backup_schedule::BackupScheduleConfig;
use super::section::Section;
#[cfg(test)]
use super::tests::schema::LevelText;
use super::texts::required;
use super::verification::parse_level;
use crate::evidence::Level;

/// Server that is expected in an archive, even if it has no directory there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct ServerConfig {
    /// Name of the server: its directory below the destination, `serverName` in `CloudNativePG`. May
    /// contain slashes, as Barman accepts any text. Required.
    pub server_name: String,
    /// Retention policy of the backups: `30d`, `4w` or `6m` as in the `ObjectStore` resource, or a
    /// text of Barman's such as `REDUNDANCY 3`. Absent: that of the archive.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub retention_policy: Option<RetentionPolicy>,
    /// Minimum number of backups that Barman is told to keep. From 0 to 1000. Absent: that of the
    /// archive.
    #[cfg_attr(test, schemars(range(max = 1000)))]
    pub minimum_redundancy: Option<u32>,
    /// Level of the verification of contents. Absent: that of the archive.
    #[cfg_attr(test, schemars(with = "Option<LevelText>"))]
    pub verification_level: Option<Level>,
    /// Schedule of the backups. Absent: not known.
    #[cfg_attr(test, schemars(flatten))]
    pub backup_schedule: Option<BackupScheduleConfig>,
    /// Number of the timeline that the database is on. Absent: the timeline whose WAL arrived last.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub current_timeline: Option<u32>,
}

impl ServerConfig {
    /// Reads the servers of an archive. `None` if every server is expected that is found.
    pub(super) fn read_all(
        archive: &mut Section<'_>,
        ignored: &[ServerPattern],
    ) -> Option<Vec<Self>> {
        let sections = archive.list("servers")?;
        if archive.is_empty_list("servers") {
            let message = "is empty; add a server, or remove the key to expect every server found";
            archive.mistake("servers", message.to_owned());
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
        let verification_level = section.text("verificationLevel", parse_level);
        let backup_schedule = BackupScheduleConfig::read(section);
        let current_timeline = section.number("currentTimeline", 1..=u32::MAX);
        Some(Self {
            server_name: server_name?,
            retention_policy,
            minimum_redundancy,
            verification_level,
            backup_schedule,
            current_timeline,
        })
    }

    /// Records a mistake if the archive leaves the server out.
    fn check_expected(&self, ignored: &[ServerPattern], section: &Section<'_>) {
        let name = &self.server_name;
        for pattern in ignored {
            if pattern.matches(name) {
                let message =
                    format!("`{name}` matches `{pattern}` in `ignoreServers`; remove one of them");
                section.mistake("serverName", message);
                return;
            }
        }
    }

    /// Records a mistake if another server has the same directory, or if one lies in files of another.
    fn check_against(&self, others: &[Self], section: &Section<'_>) {
        let name = &self.server_name;
        if others.iter().any(|other| other.server_name == *name) {
            section.mistake(
                "serverName",
                format!("`{name}` is in this list twice; remove one"),
            );
        }
        for other in others {
            if self.lies_in(other) || other.lies_in(self) {
                let other = &other.server_name;
                let message = format!(
                    "`{name}` or `{other}` lies in the other's `base` or `wals`; use another name"
                );
                section.mistake("serverName", message);
                return;
            }
        }
    }

    /// Returns true if the directory is part of what another server has written.
    fn lies_in(&self, other: &Self) -> bool {
        let Some(rest) = self.server_name.strip_prefix(&other.server_name) else {
            return false;
        };
        let Some(below) = rest.strip_prefix('/') else {
            return false;
        };
        matches!(below.split('/').next(), Some("base" | "wals"))
    }
}

fn directory(text: &str) -> Result<String, &'static str> {
    let is_empty = text.trim().is_empty();
    let has_outer_slash = text.starts_with('/') || text.ends_with('/');
    if is_empty || has_outer_slash || text.contains(char::is_control) {
        return Err("expected a name without control characters, and without `/` at either end");
    }
    Ok(text.to_owned())
}
