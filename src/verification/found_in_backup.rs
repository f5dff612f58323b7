//! Evidence about a backup from what was read of it.

use std::collections::BTreeSet;

use archive_contents::backup::{
    BackupDoubt, BackupFault, CheckedBackup, JudgedBackup, PageEvidence, Verdict,
};
use archive_contents::codec::CodecFault;
use chrono::{DateTime, Utc};

use super::backup_data::{LaterStreamsOfParts, ReadBackup};
use super::backups::BackupPart;
use super::stream::Digest;
use crate::assess::BackupTarget;
use crate::evidence::{
    BackupEvidence, ContentVerdict, DataFault, Depth, FaultKind, PageCounts, Unproven, Version,
};

/// What was found in a backup.
pub(super) struct FoundInBackup {
    pub(super) verdict: ContentVerdict,
    is_unconfirmed: bool,
    digests: Vec<Digest>,
    pages: PageCounts,
    faults: BTreeSet<DataFault>,
    unproven: BTreeSet<Unproven>,
}

impl FoundInBackup {
    /// Draws conclusions from a read, and from the judgement of failing pages if there was one.
    pub(super) fn of(read: ReadBackup, judged: Option<&JudgedBackup>) -> Self {
        let pages = page_counts(&read.checked, judged);
        let mut found = Self {
            verdict: ContentVerdict::Sound,
            is_unconfirmed: false,
            pages,
            faults: BTreeSet::new(),
            unproven: unproven(&read),
            digests: Vec::new(),
        };
        for doubt in &read.checked.doubts {
            found.suspect(fault_of_doubt(doubt));
        }
        for fault in &read.codec_faults {
            let of_object = DataFault::Object(FaultKind::of_codec(*fault));
            match fault {
                // The restore does not read so far.
                CodecFault::Trailing(_) | CodecFault::TooLong { .. } => found.suspect(of_object),
                CodecFault::Empty
                | CodecFault::Truncated
                | CodecFault::Damaged
                | CodecFault::NotThisFormat { .. } => found.corrupt(of_object),
            }
        }
        // A restore takes the end of the first stream for the end of the object.
        let behind_end = DataFault::Object(FaultKind::Trailing);
        match read.later_streams {
            LaterStreamsOfParts::Harmless => {}
            LaterStreamsOfParts::Doubtful => found.suspect(behind_end),
            LaterStreamsOfParts::Lost => found.corrupt(behind_end),
        }
        for fault in &read.checked.faults {
            found.corrupt(data_fault(fault));
        }
        if read.differs_from_store {
            found.corrupt(DataFault::StoreChecksum);
        }
        if pages.suspect > 0 {
            found.suspect(DataFault::Pages);
        }
        if pages.corrupt > 0 {
            found.corrupt(DataFault::Pages);
        }
        if read.is_unreadable {
            found.verdict = ContentVerdict::Unreadable;
            found.faults = [DataFault::Object(FaultKind::TooMuchMemory)].into();
        }
        found.digests = read.digests;
        found
    }

    fn suspect(&mut self, fault: DataFault) {
        self.faults.insert(fault);
        if self.verdict == ContentVerdict::Sound {
            self.verdict = ContentVerdict::Suspect;
        }
    }

    fn corrupt(&mut self, fault: DataFault) {
        self.faults.insert(fault);
        self.verdict = ContentVerdict::Corrupt;
    }

    /// Takes damage that was found once for suspect.
    pub(super) fn unconfirmed(self) -> Self {
        Self {
            verdict: ContentVerdict::Suspect,
            is_unconfirmed: true,
            ..self
        }
    }

    /// Compares what was found with a second read of the same version.
    pub(super) fn compared_with(self, again: &ReadBackup) -> Self {
        if self.digests == again.digests {
            return self;
        }
        let mut found = self.unconfirmed();
        found
            .faults
            .insert(DataFault::Object(FaultKind::Inconsistent));
        found
    }

    /// Returns the evidence about a backup with these parts.
    pub(super) fn evidence(
        &self,
        backup: &BackupTarget,
        parts: &[BackupPart],
        now: DateTime<Utc>,
    ) -> BackupEvidence {
        let faults = self.faults.iter().map(|fault| fault.as_label().to_owned());
        let unproven = self.unproven.iter();
        let unproven = unproven.map(|subject| subject.as_label().to_owned());
        BackupEvidence {
            stamp: backup.stamp(),
            version: Version::of_all(parts.iter().map(|part| &part.object)),
            depth: Depth::Whole,
            verdict: self.verdict,
            is_unconfirmed: self.is_unconfirmed,
            read_at: now,
            bytes: parts.iter().map(|part| part.object.size).sum(),
            pages: Some(self.pages),
            faults: faults.collect(),
            unproven: unproven.collect(),
        }
    }
}

fn page_counts(checked: &CheckedBackup, judged: Option<&JudgedBackup>) -> PageCounts {
    let counts = checked.counts.pages;
    let count = |verdict| judged.map_or(0, |judged| judged.count(verdict) as u64);
    let failing = (checked.failing_pages.len() + checked.failing_files.len()) as u64;
    let unjudged = if judged.is_some() { 0 } else { failing };
    PageCounts {
        read: counts.read,
        zero: counts.zero,
        healed: count(Verdict::Healed),
        ignored: counts.failing_maps.saturating_add(counts.failing_unlogged),
        suspect: count(Verdict::Unproven)
            .saturating_add(unjudged)
            .saturating_add(checked.not_kept()),
        corrupt: count(Verdict::Corrupt),
    }
}

/// Returns what a read does not prove.
fn unproven(read: &ReadBackup) -> BTreeSet<Unproven> {
    let checked = &read.checked;
    let pages = match checked.pages {
        PageEvidence::Checksums => None,
        PageEvidence::Headers => Some(Unproven::PagesWithoutChecksums),
        PageEvidence::Unproven(_) => Some(Unproven::PagesNotChecked),
    };
    let counts = &checked.counts;
    let others = [
        (counts.pages.zero > 0, Unproven::ZeroPages),
        (counts.other_files > 0, Unproven::FilesWithoutChecksums),
        (counts.pages.failing_maps > 0, Unproven::MapsPassedOver),
        (
            counts.pages.failing_unlogged > 0,
            Unproven::UnloggedRelationsPassedOver,
        ),
        (counts.pages.cut > 0, Unproven::EndsOfFiles),
        (read.proven_by_store == 0, Unproven::NoChecksumOfTheStore),
    ];
    let others = others.into_iter().filter(|(is_so, _)| *is_so);
    pages
        .into_iter()
        .chain(others.map(|(_, subject)| subject))
        .collect()
}

/// Returns the fault as it is remembered.
pub(super) const fn data_fault(fault: &BackupFault) -> DataFault {
    match fault {
        BackupFault::Archive { .. } => DataFault::Archive,
        BackupFault::Missing(_) => DataFault::MissingMember,
        BackupFault::Label => DataFault::Label,
        BackupFault::Control(_) => DataFault::ControlFile,
        BackupFault::SystemIdentifier { .. } => DataFault::Object(FaultKind::Foreign),
        BackupFault::SegmentSize { .. } => DataFault::SegmentSize,
        BackupFault::Timeline { .. } => DataFault::Timeline,
        BackupFault::Checkpoint { .. } => DataFault::Checkpoint,
        BackupFault::MajorVersion { .. } => DataFault::MajorVersion,
        BackupFault::NotOfStandby => DataFault::State,
        BackupFault::Manifest => DataFault::Manifest,
        BackupFault::Files { .. } => DataFault::Files,
    }
}

const fn fault_of_doubt(doubt: &BackupDoubt) -> DataFault {
    match doubt {
        BackupDoubt::RecoveryPoint { .. } => DataFault::RecoveryPoint,
        BackupDoubt::NoManifest => DataFault::NoManifest,
    }
}
