//! Evidence about a backup from what was read of it.

use std::collections::BTreeSet;

use archive_contents::backup::{
    BackupDoubt, BackupFault, CheckedBackup, JudgedBackup, PageEvidence, Verdict,
};
use archive_contents::codec::CodecFault;
use chrono::{DateTime, Utc};

use super::backup_data::ReadBackup;
use super::backups::BackupPart;
use super::stream::Digest;
use crate::assess::BackupTarget;
use crate::evidence::{BackupEvidence, ContentVerdict, Depth, FaultKind, PageCounts, Version};

/// What was found in a backup.
pub(super) struct FoundInBackup {
    pub(super) verdict: ContentVerdict,
    is_unconfirmed: bool,
    digests: Vec<Digest>,
    pages: PageCounts,
    faults: BTreeSet<&'static str>,
    unproven: BTreeSet<&'static str>,
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
            found.suspect(word_of_doubt(doubt));
        }
        for fault in &read.codec_faults {
            let word = FaultKind::of_codec(*fault).as_label();
            match fault {
                // The restore does not read so far.
                CodecFault::Trailing(_) | CodecFault::TooLong { .. } => found.suspect(word),
                CodecFault::Empty
                | CodecFault::Truncated
                | CodecFault::Damaged
                | CodecFault::NotThisFormat { .. } => found.corrupt(word),
            }
        }
        for fault in &read.checked.faults {
            found.corrupt(word_of_fault(fault));
        }
        if read.differs_from_store {
            found.corrupt("store_checksum");
        }
        if pages.suspect > 0 {
            found.suspect("pages");
        }
        if pages.corrupt > 0 {
            found.corrupt("pages");
        }
        if read.is_unreadable {
            found.verdict = ContentVerdict::Unreadable;
            found.faults = [FaultKind::TooMuchMemory.as_label()].into();
        }
        found.digests = read.digests;
        found
    }

    fn suspect(&mut self, word: &'static str) {
        self.faults.insert(word);
        if self.verdict == ContentVerdict::Sound {
            self.verdict = ContentVerdict::Suspect;
        }
    }

    fn corrupt(&mut self, word: &'static str) {
        self.faults.insert(word);
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
        found.faults.insert(FaultKind::Inconsistent.as_label());
        found
    }

    /// Returns the evidence about a backup with these parts.
    pub(super) fn evidence(
        &self,
        backup: &BackupTarget,
        parts: &[BackupPart],
        now: DateTime<Utc>,
    ) -> BackupEvidence {
        let words =
            |words: &BTreeSet<&'static str>| words.iter().map(ToString::to_string).collect();
        BackupEvidence {
            stamp: backup.stamp(),
            version: Version::of_all(parts.iter().map(|part| &part.object)),
            depth: Depth::Whole,
            verdict: self.verdict,
            is_unconfirmed: self.is_unconfirmed,
            read_at: now,
            bytes: parts.iter().map(|part| part.object.size).sum(),
            pages: Some(self.pages),
            faults: words(&self.faults),
            unproven: words(&self.unproven),
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

/// Returns words for what a read does not prove.
fn unproven(read: &ReadBackup) -> BTreeSet<&'static str> {
    let checked = &read.checked;
    let pages = match checked.pages {
        PageEvidence::Checksums => None,
        PageEvidence::Headers => Some("pages_without_checksums"),
        PageEvidence::Unproven(_) => Some("pages_not_checked"),
    };
    let counts = &checked.counts;
    let others = [
        (counts.pages.zero > 0, "zero_pages"),
        (counts.other_files > 0, "files_without_checksums"),
        (counts.pages.failing_maps > 0, "maps_passed_over"),
        (
            counts.pages.failing_unlogged > 0,
            "unlogged_relations_passed_over",
        ),
        (counts.pages.cut > 0, "ends_of_files"),
        (read.proven_by_store == 0, "no_checksum_of_the_store"),
    ];
    let others = others.into_iter().filter(|(is_so, _)| *is_so);
    pages
        .into_iter()
        .chain(others.map(|(_, word)| word))
        .collect()
}

const fn word_of_fault(fault: &BackupFault) -> &'static str {
    match fault {
        BackupFault::Archive { .. } => "archive",
        BackupFault::Missing(_) => "missing_member",
        BackupFault::Label => "label",
        BackupFault::Control(_) => "control_file",
        BackupFault::SystemIdentifier { .. } => "foreign",
        BackupFault::SegmentSize { .. } => "segment_size",
        BackupFault::Timeline { .. } => "timeline",
        BackupFault::Checkpoint { .. } => "checkpoint",
        BackupFault::MajorVersion { .. } => "major_version",
        BackupFault::NotOfStandby => "state",
        BackupFault::Manifest => "manifest",
        BackupFault::Files { .. } => "files",
    }
}

const fn word_of_doubt(doubt: &BackupDoubt) -> &'static str {
    match doubt {
        BackupDoubt::RecoveryPoint { .. } => "recovery_point",
        BackupDoubt::NoManifest => "no_manifest",
    }
}
