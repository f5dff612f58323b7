//! Check of a backup, part after part.

use barman_archive::barman::DataItem;

use super::checked::{BackupCounts, CheckedBackup};
use super::contents::BackupContents;
use super::control::ControlFindings;
use super::fault::{PartFault, RequiredMember};
use super::manifest::ManifestEvidence;
use super::{BackupContext, BackupDoubt, BackupFault};
use crate::control::ControlFile;
use crate::tar::TarReader;

/// Part of an archive that is under way.
#[derive(Debug)]
struct OpenPart {
    item: DataItem,
    part: u16,
    reader: TarReader,
    fault: Option<PartFault>,
}

/// Check of one backup.
///
/// Takes all parts of all archives: those of tablespaces in any order, the parts of an archive in
/// theirs.
#[derive(Debug)]
pub struct BackupCheck {
    contents: BackupContents,
    open: Option<OpenPart>,
    faults: Vec<BackupFault>,
}

impl BackupCheck {
    /// Starts the check of a backup.
    #[must_use]
    pub fn new(context: BackupContext) -> Self {
        Self {
            contents: BackupContents::new(context),
            open: None,
            faults: Vec::new(),
        }
    }

    /// Begins a part of an archive, and ends the one before.
    pub fn begin_part(&mut self, item: DataItem, part: u16) {
        self.end_part();
        self.contents.item = item;
        self.open = Some(OpenPart {
            item,
            part,
            reader: TarReader::default(),
            fault: None,
        });
    }

    /// Takes the next bytes of the part, decompressed. What follows a fault is not looked at.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Some(open) = &mut self.open else {
            return;
        };
        if open.fault.is_none() {
            let fed = open.reader.feed(bytes, &mut self.contents);
            open.fault = fed.err().map(PartFault::from);
        }
    }

    /// Fault of the part that is under way; reading on is of no use then.
    #[must_use]
    pub fn part_fault(&self) -> Option<PartFault> {
        self.open.as_ref().and_then(|open| open.fault)
    }

    /// Ends the part.
    pub fn end_part(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        self.contents.abandon();
        let ended = open.reader.finish().err().map(PartFault::from);
        if let Some(fault) = open.fault.or(ended) {
            self.faults.push(BackupFault::Archive {
                item: open.item,
                part: open.part,
                fault,
            });
        }
    }

    /// Ends the check, after the last part.
    #[must_use]
    pub fn finish(mut self) -> CheckedBackup {
        self.end_part();
        let is_whole = self.faults.is_empty();
        if is_whole {
            self.faults.extend(missing_members(&self.contents));
        }
        let contents = self.contents;
        let mut faults = self.faults;
        faults.extend(differing_files(&contents));
        let control = contents.files.control.as_deref().map(ControlFile::read);
        let control = ControlFindings::of(control, &contents.context);
        faults.extend(control.faults);
        let manifest = contents.manifest.finish(is_whole);
        faults.extend(manifest_fault(manifest));
        let mut doubts: Vec<_> = control.doubt.into_iter().collect();
        if contents.context.is_incremental && !manifest.is_usable() {
            doubts.push(BackupDoubt::NoManifest);
        }
        let pages = contents.pages.finish(control.evidence);
        let members = contents.counts;
        CheckedBackup {
            faults,
            doubts,
            counts: BackupCounts {
                members: members.members,
                bytes: members.bytes,
                pages: pages.counts,
                increments: members.increments,
                other_files: members.other_files,
                other_bytes: members.other_bytes,
                failing_files_not_kept: contents.failing_files_not_kept,
            },
            pages: control.evidence,
            manifest,
            failing_pages: pages.failing,
            failing_files: contents.failing_files,
        }
    }
}

/// Returns faults for members that archives which are whole do not have.
///
/// Any part may hold them: a live backup has the label last, and an upload of a Barman server has it
/// where the directory has it. Barman leaves out everything else that may be missing.
fn missing_members(contents: &BackupContents) -> impl Iterator<Item = BackupFault> {
    let files = &contents.files;
    let needs_label = contents.context.label.is_some();
    let members = [
        (
            RequiredMember::Label,
            files.has_same_label.is_some() || !needs_label,
        ),
        (RequiredMember::Control, files.control.is_some()),
        (RequiredMember::Version, files.has_same_version.is_some()),
        (RequiredMember::SharedMap, files.has_shared_map),
    ];
    let missing = members.into_iter().filter(|(_, is_there)| !is_there);
    missing.map(|(member, _)| BackupFault::Missing(member))
}

/// Returns faults for files that differ from what `backup.info` says.
fn differing_files(contents: &BackupContents) -> impl Iterator<Item = BackupFault> {
    let files = &contents.files;
    let label = (files.has_same_label == Some(false)).then_some(BackupFault::Label);
    let other_major = contents
        .context
        .major
        .filter(|_| files.has_same_version == Some(false));
    let version = other_major.map(|expected| BackupFault::MajorVersion { expected });
    label.into_iter().chain(version)
}

fn manifest_fault(manifest: ManifestEvidence) -> Option<BackupFault> {
    match manifest {
        ManifestEvidence::Damaged => Some(BackupFault::Manifest),
        ManifestEvidence::Compared(files) if files.different > 0 || files.missing > 0 => {
            Some(BackupFault::Files {
                different: files.different,
                missing: files.missing,
            })
        }
        ManifestEvidence::Compared(_)
        | ManifestEvidence::Absent
        | ManifestEvidence::OfAnother
        | ManifestEvidence::UnknownVersion => None,
    }
}
