//! Judgement of failing pages by the WAL of their backup.
//!
//! Replay reads a block when it first meets a record that refers to it. If that record holds an image
//! of the whole page, or makes the page anew, replay writes the block whatever it held (`RBM_ZERO_AND_LOCK`
//! in `xlogutils.c`), so a torn page does no harm. Otherwise replay reads a page that it refuses, or
//! leaves it as it is. `pg_backup_start` and checkpoints make sure that the first record is of the
//! first kind for every page that the server writes during the backup.
//!
//! The judgement is about the end of the backup; later WAL may rewrite a corrupt page.

use std::collections::{HashMap, HashSet};

use barman_archive::postgres::Lsn;

use super::pages::PageFailure;
use super::{
    BackupContext, CheckedBackup, DatabaseDirectory, DatabaseFile, FailingFile, FailingPage,
};
use crate::wal::{BlockReference, FileChange, RelationFiles, WalRecord};

/// Judgement of a failing page or file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// WAL of the backup rewrites it as a whole, or removes it.
    Healed,
    /// No WAL of the backup rewrites it.
    Corrupt,
    /// WAL does not decide: it is not whole, or a record changes files without naming blocks.
    Unproven,
}

/// Extent of the WAL that a judge has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalCoverage {
    /// All records from the start of the backup to its end.
    Whole,
    /// All records from the start of the backup to a gap or a fault before its end.
    Broken,
}

/// Judged page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedPage {
    /// Page.
    pub page: FailingPage,
    /// Judgement.
    pub verdict: Verdict,
}

/// Judged small file of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedFile {
    /// File.
    pub file: FailingFile,
    /// Judgement.
    pub verdict: Verdict,
}

/// Judgement of everything that fails in a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedBackup {
    /// Failing pages.
    pub pages: Vec<JudgedPage>,
    /// Failing small files.
    pub files: Vec<JudgedFile>,
}

impl JudgedBackup {
    /// Number of pages and files with a verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        let pages = self.pages.iter().map(|judged| judged.verdict);
        let files = self.files.iter().map(|judged| judged.verdict);
        pages.chain(files).filter(|found| *found == verdict).count()
    }
}

/// Block of a failing page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Block {
    relation: RelationFiles,
    fork: u8,
    number: u32,
}

/// First thing that WAL does to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstUse {
    /// It is rewritten as a whole.
    Rewritten,
    /// It is removed: with its relation or database, or from the end of a file.
    Removed,
    /// It is read.
    Read,
    /// A record cannot be read, or only an extension knows what it does.
    Hidden,
}

/// Small files of a database that records write.
#[derive(Clone, Copy, Debug, Default)]
struct WrittenFiles {
    has_map: bool,
    has_version: bool,
    /// True if the whole directory is removed.
    is_removed: bool,
}

/// Judge of the failing pages of one backup, which sees its WAL in order.
#[derive(Debug)]
pub struct BackupJudge {
    begin: Lsn,
    end: Lsn,
    is_of_standby: bool,
    pages: Vec<FailingPage>,
    files: Vec<FailingFile>,
    /// Blocks of failing pages that no record has referred to.
    unused: HashSet<Block>,
    /// First uses of the others.
    used: HashMap<Block, FirstUse>,
    /// Relations of failing pages, and those of them that a record changes as files.
    relations: HashMap<RelationFiles, bool>,
    /// Databases of failing pages and files, and those of them that a record changes as files.
    databases: HashMap<u32, bool>,
    /// Directories of failing small files, and what records do to these files.
    directories: HashMap<DatabaseDirectory, WrittenFiles>,
    /// True if the first record is at or before the start of the backup.
    has_start: Option<bool>,
    /// True if a record may have changed any file.
    has_unknown_change: bool,
}

impl BackupJudge {
    /// Starts the judgement of a backup; `None` if `backup.info` does not say where it starts and ends.
    #[must_use]
    pub fn new(checked: &CheckedBackup, context: &BackupContext) -> Option<Self> {
        let pages = checked.failing_pages.clone();
        let files = checked.failing_files.clone();
        let databases = pages.iter().map(|page| page.relation.database);
        let of_files = files.iter().map(|file| file.directory.database);
        Some(Self {
            begin: context.begin?,
            end: context.end?,
            is_of_standby: context.is_of_standby,
            unused: pages.iter().map(block_of).collect(),
            used: HashMap::new(),
            relations: pages.iter().map(|page| (page.relation, false)).collect(),
            databases: databases.chain(of_files).map(|oid| (oid, false)).collect(),
            directories: files
                .iter()
                .map(|file| (file.directory, WrittenFiles::default()))
                .collect(),
            pages,
            files,
            has_start: None,
            has_unknown_change: false,
        })
    }

    /// Looks at the next record of the WAL. Records before the start of the backup and from its end on
    /// are passed over.
    pub fn observe(&mut self, record: WalRecord<'_>) {
        let start = record.start();
        self.has_start.get_or_insert(start <= self.begin);
        if start < self.begin || start >= self.end {
            return;
        }
        if !self.unused.is_empty() {
            self.use_blocks(record);
        }
        if let Some(change) = record.file_change() {
            self.change_files(&change);
        }
    }

    fn use_blocks(&mut self, record: WalRecord<'_>) {
        let Some(references) = record.blocks() else {
            self.hide_unused();
            return;
        };
        let is_read = record.reads_blocks();
        for reference in references {
            self.use_block(reference, is_read);
        }
    }

    /// Notes the first use of a block. `is_read` says whether replay reads it if it does not rewrite
    /// it.
    fn use_block(&mut self, reference: BlockReference, is_read: Option<bool>) {
        let block = Block {
            relation: reference.relation,
            fork: reference.fork,
            number: reference.block,
        };
        let first = match (reference.is_rewritten, is_read) {
            (true, _) => FirstUse::Rewritten,
            (false, Some(true)) => FirstUse::Read,
            (false, Some(false)) => return,
            (false, None) => FirstUse::Hidden,
        };
        if self.unused.remove(&block) {
            self.used.insert(block, first);
        }
    }

    /// Gives up on all blocks without a use: a record that cannot be read may be the first one.
    fn hide_unused(&mut self) {
        let hidden = self.unused.drain().map(|block| (block, FirstUse::Hidden));
        self.used.extend(hidden);
    }

    fn change_files(&mut self, change: &FileChange) {
        match change {
            FileChange::Created(relation) => mark(&mut self.relations, relation),
            FileChange::Removed(relations) => {
                for relation in relations {
                    if self.relations.contains_key(relation) {
                        self.remove_blocks(|block| block.relation == *relation);
                    }
                }
            }
            FileChange::Truncated { relation, blocks } => {
                if let Some(left) = blocks.filter(|_| self.relations.contains_key(relation)) {
                    self.remove_blocks(|block| {
                        block.relation == *relation && block.fork == 0 && block.number >= left
                    });
                }
            }
            // The source may hold what is torn.
            FileChange::DatabaseCopied(database) => mark(&mut self.databases, database),
            FileChange::DatabaseCreated {
                tablespace,
                database,
            } => self.write_file(*tablespace, *database, |written| {
                written.has_version = true;
                written.is_removed = false;
            }),
            FileChange::DatabaseRemoved {
                tablespaces,
                database,
            } => self.remove_database(tablespaces, *database),
            FileChange::RelationMap {
                tablespace,
                database,
            } => self.write_file(*tablespace, *database, |written| written.has_map = true),
            // On a primary, a backup turns them on itself.
            FileChange::FullPageWrites => self.has_unknown_change |= self.is_of_standby,
            FileChange::Unknown => self.has_unknown_change = true,
        }
    }

    fn write_file(
        &mut self,
        tablespace: u32,
        database: u32,
        write: impl FnOnce(&mut WrittenFiles),
    ) {
        let directory = DatabaseDirectory {
            tablespace,
            database,
        };
        if let Some(written) = self.directories.get_mut(&directory) {
            write(written);
        }
    }

    fn remove_database(&mut self, tablespaces: &[u32], database: u32) {
        if !self.databases.contains_key(&database) {
            return;
        }
        for tablespace in tablespaces {
            self.write_file(*tablespace, database, |written| written.is_removed = true);
        }
        self.remove_blocks(|block| {
            let relation = block.relation;
            relation.database == database && tablespaces.contains(&relation.tablespace)
        });
    }

    /// Notes that replay removes blocks: what they held before does not matter any more, unless a record
    /// before reads it.
    fn remove_blocks(&mut self, is_removed: impl Fn(&Block) -> bool) {
        let removed = self.unused.extract_if(|block| is_removed(block));
        self.used
            .extend(removed.map(|block| (block, FirstUse::Removed)));
        for (block, first) in &mut self.used {
            if *first == FirstUse::Read && is_removed(block) {
                *first = FirstUse::Hidden;
            }
        }
    }

    /// Ends the judgement, after the last record that could be read.
    #[must_use]
    pub fn finish(self, coverage: WalCoverage) -> JudgedBackup {
        let pages = self.pages.iter().map(|page| JudgedPage {
            page: *page,
            verdict: self.page_verdict(page, coverage),
        });
        let files = self.files.iter().map(|file| JudgedFile {
            file: *file,
            verdict: self.file_verdict(file, coverage),
        });
        JudgedBackup {
            pages: pages.collect(),
            files: files.collect(),
        }
    }

    fn page_verdict(&self, page: &FailingPage, coverage: WalCoverage) -> Verdict {
        if self.has_start != Some(true) {
            return Verdict::Unproven;
        }
        let is_changed = is_marked(&self.relations, &page.relation)
            || is_marked(&self.databases, &page.relation.database);
        // Where a standby's backup ends is less certain than what its pages say.
        let is_after_end = self.is_of_standby && page.failure == PageFailure::AfterEnd;
        match self.used.get(&block_of(page)) {
            Some(FirstUse::Rewritten | FirstUse::Removed) => Verdict::Healed,
            Some(FirstUse::Hidden) => Verdict::Unproven,
            Some(FirstUse::Read) | None if is_changed || is_after_end => Verdict::Unproven,
            Some(FirstUse::Read) | None => self.rest(coverage),
        }
    }

    fn file_verdict(&self, file: &FailingFile, coverage: WalCoverage) -> Verdict {
        if self.has_start != Some(true) {
            return Verdict::Unproven;
        }
        let written = self.directories.get(&file.directory).copied();
        let written = written.unwrap_or_default();
        let is_written = match file.file {
            DatabaseFile::RelationMap => written.has_map,
            DatabaseFile::Version => written.has_version,
        };
        if is_written || written.is_removed {
            Verdict::Healed
        } else if is_marked(&self.databases, &file.directory.database) {
            Verdict::Unproven
        } else {
            self.rest(coverage)
        }
    }

    /// Judgement of what no record rewrites.
    const fn rest(&self, coverage: WalCoverage) -> Verdict {
        match coverage {
            WalCoverage::Whole if !self.has_unknown_change => Verdict::Corrupt,
            WalCoverage::Whole | WalCoverage::Broken => Verdict::Unproven,
        }
    }
}

const fn block_of(page: &FailingPage) -> Block {
    Block {
        relation: page.relation,
        fork: page.fork,
        number: page.block,
    }
}

/// Marks a key that is there.
fn mark<K: std::hash::Hash + Eq>(marks: &mut HashMap<K, bool>, key: &K) {
    if let Some(is_marked) = marks.get_mut(key) {
        *is_marked = true;
    }
}

fn is_marked<K: std::hash::Hash + Eq>(marks: &HashMap<K, bool>, key: &K) -> bool {
    marks.get(key).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests;
