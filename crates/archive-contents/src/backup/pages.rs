//! Pages of relations, as their files stream by.

use std::collections::HashSet;

use barman_archive::postgres::Lsn;

use super::PageEvidence;
use super::path::{DATA_FORK, FREE_SPACE_FORK, INITIAL_FORK, RelationFile, VISIBILITY_FORK};
use crate::page::{PAGE_BYTES, PageCheck, check_page};
use crate::wal::RelationFiles;

/// Maximum number of failing pages of one kind that are kept.
const MAX_FAILING: usize = 10_000;

/// Maximum number of unlogged relations that are kept.
const MAX_UNLOGGED: usize = 100_000;

/// Number of pages in one file of a relation (`RELSEG_SIZE`), unless the server was built otherwise.
pub(super) const PAGES_PER_FILE: u32 = 131_072;

/// Reason why a page fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFailure {
    /// The checksum is wrong.
    Checksum,
    /// The header makes no sense, whatever the checksum.
    Header,
    /// The page states a change after the end of the backup.
    AfterEnd,
}

/// Page that a server would refuse, or cannot have written before the end of the backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailingPage {
    /// Relation of the page.
    pub relation: RelationFiles,
    /// Fork of the relation: 0 for the data, 3 for the initial fork. Others are passed over.
    pub fork: u8,
    /// Number of the page in its fork, over all files of it.
    pub block: u32,
    /// Reason why it fails.
    pub failure: PageFailure,
    /// Position of the last change that the page states.
    pub changed_at: Lsn,
}

/// Numbers of pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageCounts {
    /// Pages that were looked at.
    pub read: u64,
    /// Pages of zeros: never written, or lost. Nothing can tell these apart.
    pub zero: u64,
    /// Failing pages of maps of free space and of visibility: `PostgreSQL` zeroes these when it reads
    /// them (`RBM_ZERO_ON_ERROR` in `freespace.c` and `visibilitymap.c`).
    pub failing_maps: u64,
    /// Failing pages of unlogged relations, which are emptied at a restore (`ResetUnloggedRelations`
    /// in `reinit.c`).
    pub failing_unlogged: u64,
    /// Failing pages that are left for WAL to decide and are kept.
    pub failing: u64,
    /// Failing pages beyond the number that is kept.
    pub failing_not_kept: u64,
    /// Ends of files that are shorter than a page: `PostgreSQL` does not read them.
    pub cut: u64,
}

/// Failing pages up to a bound.
#[derive(Clone, Debug, Default)]
struct BoundedPages {
    pages: Vec<FailingPage>,
    not_kept: u64,
}

impl BoundedPages {
    fn push(&mut self, page: FailingPage) {
        if self.pages.len() < MAX_FAILING {
            self.pages.push(page);
        } else {
            self.not_kept = self.not_kept.saturating_add(1);
        }
    }
}

/// Reader of the pages of all relations of a backup.
#[derive(Debug)]
pub(super) struct PageReader {
    has_checksums: bool,
    /// End of the backup.
    end: Option<Lsn>,
    file: Option<RelationFile>,
    /// Number of the next page in the file.
    index: u32,
    /// Bytes of a page that came in pieces.
    partial: Vec<u8>,
    counts: PageCounts,
    /// Failures that stand whether the cluster has checksums or not.
    certain: BoundedPages,
    /// Failures of checksums alone: whether the cluster has any is known at the end only.
    by_checksum: BoundedPages,
    unlogged: HashSet<RelationFiles>,
    has_more_unlogged: bool,
}

/// Pages of a backup after its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadPages {
    pub(super) counts: PageCounts,
    pub(super) failing: Vec<FailingPage>,
}

impl PageReader {
    pub(super) fn new(has_checksums: bool, end: Option<Lsn>) -> Self {
        Self {
            has_checksums,
            end,
            file: None,
            index: 0,
            partial: Vec::with_capacity(PAGE_BYTES),
            counts: PageCounts::default(),
            certain: BoundedPages::default(),
            by_checksum: BoundedPages::default(),
            unlogged: HashSet::new(),
            has_more_unlogged: false,
        }
    }

    /// Begins a file of a relation.
    pub(super) fn begin(&mut self, file: RelationFile) {
        if file.fork == INITIAL_FORK {
            if self.unlogged.len() < MAX_UNLOGGED {
                self.unlogged.insert(file.relation);
            } else {
                self.has_more_unlogged = true;
            }
        }
        self.file = Some(file);
        self.index = 0;
        self.partial.clear();
    }

    /// Takes the next bytes of the file.
    pub(super) fn content(&mut self, mut bytes: &[u8]) {
        if !self.partial.is_empty() {
            let missing = PAGE_BYTES.saturating_sub(self.partial.len());
            let (taken, rest) = bytes
                .split_at_checked(missing.min(bytes.len()))
                .unwrap_or((bytes, &[]));
            self.partial.extend_from_slice(taken);
            bytes = rest;
            let Some(page) = self.partial.first_chunk().copied() else {
                return;
            };
            self.partial.clear();
            self.check(&page);
        }
        let (pages, rest) = bytes.as_chunks::<PAGE_BYTES>();
        for page in pages {
            self.check(page);
        }
        self.partial.extend_from_slice(rest);
    }

    /// Ends the file.
    pub(super) fn end(&mut self) {
        if !self.partial.is_empty() {
            self.counts.cut += 1;
            self.partial.clear();
        }
        self.file = None;
    }

    fn check(&mut self, page: &[u8; PAGE_BYTES]) {
        let Some(file) = self.file else {
            return;
        };
        let first = file.segment.saturating_mul(PAGES_PER_FILE);
        let block = first.saturating_add(self.index);
        self.index = self.index.saturating_add(1);
        self.counts.read += 1;
        let (failure, changed_at) = match check_page(page, block, self.has_checksums) {
            PageCheck::Zero => {
                self.counts.zero += 1;
                return;
            }
            PageCheck::Sound { changed_at } if self.end.is_none_or(|end| changed_at <= end) => {
                return;
            }
            PageCheck::Sound { changed_at } => (PageFailure::AfterEnd, changed_at),
            PageCheck::BadHeader { changed_at } => (PageFailure::Header, changed_at),
            PageCheck::BadChecksum { changed_at } => match check_page(page, block, false) {
                PageCheck::BadHeader { .. } => (PageFailure::Header, changed_at),
                PageCheck::Zero | PageCheck::Sound { .. } | PageCheck::BadChecksum { .. } => {
                    (PageFailure::Checksum, changed_at)
                }
            },
        };
        if matches!(file.fork, FREE_SPACE_FORK | VISIBILITY_FORK) {
            self.counts.failing_maps += 1;
            return;
        }
        let page = FailingPage {
            relation: file.relation,
            fork: file.fork,
            block,
            failure,
            changed_at,
        };
        match failure {
            PageFailure::Checksum => self.by_checksum.push(page),
            PageFailure::Header | PageFailure::AfterEnd => self.certain.push(page),
        }
    }

    /// Ends the backup. Only failures that the evidence supports count.
    pub(super) fn finish(self, evidence: PageEvidence) -> ReadPages {
        let mut counts = self.counts;
        let mut failing = Vec::new();
        if evidence.counts_headers() {
            failing.extend(self.certain.pages);
            counts.failing_not_kept += self.certain.not_kept;
        }
        if evidence.counts_checksums() {
            failing.extend(self.by_checksum.pages);
            counts.failing_not_kept += self.by_checksum.not_kept;
        }
        let before = failing.len();
        failing.retain(|page| page.fork != DATA_FORK || !self.unlogged.contains(&page.relation));
        counts.failing_unlogged = (before - failing.len()) as u64;
        if self.has_more_unlogged {
            // Any of them may belong to a relation that is emptied.
            counts.failing_not_kept += failing.len() as u64;
            failing.clear();
        }
        counts.failing = failing.len() as u64;
        ReadPages { counts, failing }
    }
}
