//! Members of a backup, as the archives stream by.

use barman_archive::barman::DataItem;

use super::manifest::ManifestCheck;
use super::pages::PageReader;
use super::path::Role;
use super::relation_map::{KEPT_MAP, KEPT_VERSION, is_sound_map, is_version};
use super::{BackupContext, DatabaseDirectory, DatabaseFile, FailingFile};
use crate::control::CONTROL_FILE_BYTES;
use crate::tar::{Member, MemberKind, MemberSink};

/// Maximum number of failing small files that are kept.
const MAX_FAILING_FILES: usize = 10_000;

/// Small files of the cluster. A member that comes twice counts as it comes last, as at a restore.
#[derive(Debug, Default)]
pub(super) struct ClusterFiles {
    /// True if the label is the one in `backup.info`.
    pub(super) has_same_label: Option<bool>,
    /// Content of the control file.
    pub(super) control: Option<Vec<u8>>,
    /// True if `PG_VERSION` is that of `backup.info`.
    pub(super) has_same_version: Option<bool>,
    pub(super) has_shared_map: bool,
}

/// Numbers of members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MemberCounts {
    pub(super) members: u64,
    pub(super) bytes: u64,
    pub(super) increments: u64,
    pub(super) other_files: u64,
    pub(super) other_bytes: u64,
}

/// Member under way.
#[derive(Debug)]
enum Current {
    /// Nothing that is looked at by itself.
    Nothing,
    /// Pages of a relation.
    Pages,
    /// The manifest.
    Manifest,
    /// Small file, up to a number of bytes.
    Small {
        role: Role,
        limit: usize,
        content: Vec<u8>,
    },
}

/// Receiver of all members of a backup.
#[derive(Debug)]
pub(super) struct BackupContents {
    pub(super) context: BackupContext,
    pub(super) item: DataItem,
    pub(super) pages: PageReader,
    pub(super) manifest: ManifestCheck,
    pub(super) files: ClusterFiles,
    pub(super) counts: MemberCounts,
    pub(super) failing_files: Vec<FailingFile>,
    pub(super) failing_files_not_kept: u64,
    current: Current,
}

impl BackupContents {
    pub(super) fn new(context: BackupContext) -> Self {
        // Whether there are checksums is known at the end only; without them, checksums count for
        // nothing then.
        let may_have_checksums = context.has_data_checksums != Some(false);
        Self {
            pages: PageReader::new(may_have_checksums, context.end),
            context,
            item: DataItem::Data,
            manifest: ManifestCheck::default(),
            files: ClusterFiles::default(),
            counts: MemberCounts::default(),
            failing_files: Vec::new(),
            failing_files_not_kept: 0,
            current: Current::Nothing,
        }
    }

    /// Forgets a member that did not end.
    pub(super) fn abandon(&mut self) {
        self.current = Current::Nothing;
    }

    fn begin_file(&mut self, member: &Member, role: Role) {
        let limit = match role {
            // One byte more than is expected shows that there is more.
            Role::Label => self.context.label.as_ref().map_or(0, String::len) + 1,
            Role::Control => CONTROL_FILE_BYTES,
            Role::Version | Role::DatabaseVersion(_) => KEPT_VERSION,
            Role::RelationMap(_) => KEPT_MAP,
            Role::Manifest => {
                self.manifest.begin_manifest();
                self.current = Current::Manifest;
                return;
            }
            Role::Relation(file) => {
                self.pages.begin(file);
                self.current = Current::Pages;
                return;
            }
            Role::Increment => {
                self.counts.increments += 1;
                return;
            }
            Role::Other => {
                self.counts.other_files += 1;
                self.counts.other_bytes = self.counts.other_bytes.saturating_add(member.size);
                return;
            }
        };
        self.current = Current::Small {
            role,
            limit,
            content: Vec::new(),
        };
    }

    fn end_small(&mut self, role: Role, content: Vec<u8>) {
        let major = self.context.major;
        match role {
            Role::Label => {
                let expected = self.context.label.as_deref();
                let is_same = expected.is_none_or(|label| label.as_bytes() == content);
                self.files.has_same_label = Some(is_same);
            }
            Role::Control => self.files.control = Some(content),
            Role::Version => {
                let is_same = major.is_none_or(|major| is_version(&content, major));
                self.files.has_same_version = Some(is_same);
            }
            Role::DatabaseVersion(directory) => {
                if !major.is_none_or(|major| is_version(&content, major)) {
                    self.fail(directory, DatabaseFile::Version);
                }
            }
            Role::RelationMap(directory) => {
                self.files.has_shared_map |= directory == DatabaseDirectory::GLOBAL;
                if !is_sound_map(&content, major) {
                    self.fail(directory, DatabaseFile::RelationMap);
                }
            }
            Role::Manifest | Role::Relation(_) | Role::Increment | Role::Other => {}
        }
    }

    fn fail(&mut self, directory: DatabaseDirectory, file: DatabaseFile) {
        if self.failing_files.len() < MAX_FAILING_FILES {
            self.failing_files.push(FailingFile { directory, file });
        } else {
            self.failing_files_not_kept += 1;
        }
    }
}

impl MemberSink for BackupContents {
    fn begin(&mut self, member: &Member) {
        self.counts.members += 1;
        self.counts.bytes = self.counts.bytes.saturating_add(member.size);
        self.current = Current::Nothing;
        if member.kind != MemberKind::File {
            return;
        }
        match self.item {
            DataItem::Data => self.manifest.begin(&member.path),
            // A manifest names tablespaces by their links (`AddFileToBackupManifest`).
            DataItem::Tablespace(oid) => {
                self.manifest
                    .begin(&format!("pg_tblspc/{oid}/{}", member.path));
            }
        }
        self.begin_file(member, Role::of(self.item, &member.path));
    }

    fn content(&mut self, bytes: &[u8]) {
        self.manifest.content(bytes);
        match &mut self.current {
            Current::Nothing => {}
            Current::Pages => self.pages.content(bytes),
            Current::Manifest => self.manifest.manifest(bytes, &self.context),
            Current::Small { limit, content, .. } => {
                let free = limit.saturating_sub(content.len());
                content.extend(bytes.iter().take(free));
            }
        }
    }

    fn end(&mut self) {
        self.manifest.end();
        match std::mem::replace(&mut self.current, Current::Nothing) {
            Current::Nothing | Current::Manifest => {}
            Current::Pages => self.pages.end(),
            Current::Small { role, content, .. } => self.end_small(role, content),
        }
    }
}
