//! Settings of the credentials of an archive.

use std::path::PathBuf;

use super::section::Section;
use super::texts::{path, word};

/// Source of the credentials for an object storage. The secrets themselves are read when a scan
/// needs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Whatever the AWS SDK finds: environment, profile, web identity, instance.
    #[default]
    Chain,
    /// Profile of the SDK's configuration files.
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

impl Credentials {
    pub(super) fn read(section: Section<'_>) -> Self {
        let mut section = section.secret();
        let profile = section.text("profile", word);
        let access_key_id = section.text("accessKeyIdFile", path);
        let secret_access_key = section.text("secretAccessKeyFile", path);
        let session_token = section.text("sessionTokenFile", path);
        check_combination(&section);
        section.finish();
        match (profile, access_key_id, secret_access_key) {
            (_, Some(access_key_id), Some(secret_access_key)) => Self::Files {
                access_key_id,
                secret_access_key,
                session_token,
            },
            (Some(profile), _, _) => Self::Profile(profile),
            (None, _, _) => Self::Chain,
        }
    }
}

/// Records a mistake if keys are set that exclude each other, or if one of the files is missing.
fn check_combination(section: &Section<'_>) {
    let has_id = section.has("accessKeyIdFile");
    let has_secret = section.has("secretAccessKeyFile");
    if !has_id && !has_secret && !section.has("sessionTokenFile") {
        return;
    }
    if section.has("profile") {
        let message = "`profile` and files are both set; keep one of them";
        section.mistake("", message.to_owned());
    }
    if !has_id {
        section.missing("accessKeyIdFile", "the file with the access key id");
    }
    if !has_secret {
        section.missing("secretAccessKeyFile", "the file with the secret access key");
    }
}
