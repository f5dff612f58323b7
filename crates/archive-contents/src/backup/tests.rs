//! Backups that Barman made, sound and damaged, and backups that the tests make.

mod made;
mod properties;
mod rules;

use std::fs;

use barman_archive::barman::{BackupInfo, DataItem};
use barman_archive::postgres::{SegmentName, SegmentSize};

use super::*;
use crate::tests::{fixtures, plain};
use crate::wal::{SegmentContext, SegmentWalk, WalRecord};

/// Returns what `backup.info` of a fixture says.
fn context(name: &str) -> BackupContext {
    let content = fs::read(fixtures().join(format!("base/{name}/backup.info"))).unwrap();
    BackupContext::of(&BackupInfo::parse(&content).unwrap()).unwrap()
}

/// Returns the decompressed archive of a fixture, up to where its codec fails.
fn archive(name: &str) -> Vec<u8> {
    use std::io::Read;

    let file = fs::File::open(fixtures().join(format!("base/{name}/data.tar.gz"))).unwrap();
    let mut bytes = Vec::new();
    let _ = flate2::read::GzDecoder::new(file).read_to_end(&mut bytes);
    bytes
}

fn checked(context: BackupContext, archive: &[u8], piece: usize) -> CheckedBackup {
    let mut check = BackupCheck::new(context);
    check.begin_part(DataItem::Data, 0);
    for piece in archive.chunks(piece) {
        check.feed(piece);
    }
    check.finish()
}

/// Shows every record of the segment that belongs to the fixtures.
fn walk(observe: &mut impl FnMut(WalRecord<'_>)) {
    let name = "000000010000000000000024";
    let path = fixtures().join(format!("base/wals/0000000100000000/{name}.xz"));
    let context = SegmentContext {
        name: SegmentName::parse(name).unwrap(),
        size: SegmentSize::new(1 << 20).unwrap(),
        system_identifier: None,
        history: None,
        is_partial: false,
    };
    let mut walk = SegmentWalk::begin(context, None).unwrap();
    walk.feed(&plain(&path).unwrap(), observe).unwrap();
    walk.finish().unwrap();
}

fn judged(checked: &CheckedBackup, context: &BackupContext) -> JudgedBackup {
    let mut judge = BackupJudge::new(checked, context).unwrap();
    walk(&mut |record| judge.observe(record));
    judge.finish(WalCoverage::Whole)
}

/// Words for a fault and for failing pages, as the table of what must be found has them.
fn words(checked: &CheckedBackup, judged: Option<&JudgedBackup>) -> String {
    if let Some(fault) = checked.faults.first() {
        let is_control = matches!(fault, BackupFault::Control(_));
        assert!(is_control || matches!(fault, BackupFault::Archive { .. }));
        let word = if is_control { "control" } else { "truncated" };
        return format!("corrupt: {word}");
    }
    if checked.counts.pages.failing_unlogged > 0 {
        return "harmless: ".to_owned();
    }
    let Some(page) = checked.failing_pages.first() else {
        assert!(checked.is_sound());
        return "sound".to_owned();
    };
    let word = match judged.map(|judged| judged.pages[0].verdict) {
        None | Some(Verdict::Unproven) => "suspect",
        Some(Verdict::Healed) => "harmless",
        Some(Verdict::Corrupt) => "corrupt",
    };
    let failure = match page.failure {
        PageFailure::Checksum => "checksum",
        PageFailure::Header => "header",
        PageFailure::AfterEnd => "after the end",
    };
    let (relation, block) = (page.relation, page.block);
    format!(
        "{word}: base/{}/{} block {block} ({failure}, LSN {})",
        relation.database, relation.number, page.changed_at
    )
}

#[test]
fn every_damage_of_the_table_is_found() {
    let table = fs::read_to_string(fixtures().join("expected.tsv")).unwrap();
    let mut rows = 0;
    for line in table.lines().filter(|line| line.starts_with("base/")) {
        let cells: Vec<_> = line.split('\t').collect();
        let name = cells[0].strip_prefix("base/").unwrap();
        let context = context(name);
        let checked = checked(context.clone(), &archive(name), 64 * 1024);
        let judged = (cells[1] == "with WAL").then(|| judged(&checked, &context));

        let found = words(&checked, judged.as_ref());

        assert!(cells[2].starts_with(&found), "{line}: {found}");
        rows += 1;
    }
    assert_eq!(rows, 16);
}

#[test]
fn a_sound_backup_says_what_was_not_looked_at() {
    let checked = checked(context("good"), &archive("good"), 64 * 1024);

    assert_eq!(checked.pages, PageEvidence::Checksums);
    assert_eq!(checked.manifest, ManifestEvidence::Absent);
    let counts = checked.counts;
    assert_eq!((counts.members, counts.increments), (54, 0));
    assert_eq!(counts.pages.read, 45);
    assert!(counts.other_files > 0 && counts.other_bytes > 0);
}

#[test]
fn a_page_of_zeros_is_counted_and_no_more() {
    let good = checked(context("good"), &archive("good"), 4096);
    let name = "zero-page-not-seen";
    let zeroed = checked(context(name), &archive(name), 4096);

    assert_eq!(zeroed.counts.pages.zero, good.counts.pages.zero + 1);
    assert!(zeroed.is_sound());
}

#[test]
fn wal_that_is_not_whole_proves_nothing() {
    let context = context("flip-still");
    let checked = checked(context.clone(), &archive("flip-still"), 4096);
    let mut judge = BackupJudge::new(&checked, &context).unwrap();
    walk(&mut |record| judge.observe(record));
    assert_eq!(
        judge.finish(WalCoverage::Broken).count(Verdict::Unproven),
        1
    );

    // Records before the first that is seen may have used the page.
    let mut judge = BackupJudge::new(&checked, &context).unwrap();
    walk(&mut |record| {
        if record.start() > context.begin.unwrap() {
            judge.observe(record);
        }
    });
    assert_eq!(judge.finish(WalCoverage::Whole).count(Verdict::Unproven), 1);
}
