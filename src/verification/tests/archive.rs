//! Archives made of the fixtures.

use archive_contents::wal::{SegmentContext, SegmentWalk};
use archive_store::memory::MemoryStore;
use barman_archive::barman::{BackupInfoText, Compression};
use barman_archive::postgres::{SegmentName, SegmentSize};
use barman_archive::recovery::Verdict;
use chrono::TimeDelta;

use super::wal::WalWriter;
use super::world::{fixtures, put, start};
use crate::report::ServerReport;

/// Name of the segment that makes the backup consistent.
pub(super) const SEGMENT: &str = "000000010000000000000024";

const ID: &str = "20261128T043154";

/// Archive with one of the base backups and the WAL that makes it consistent.
pub(super) fn backup(name: &str) -> MemoryStore {
    let store = MemoryStore::new(1000);
    let base = format!("s/base/{ID}");
    put(
        &store,
        &format!("{base}/backup.info"),
        &format!("base/{name}/backup.info"),
    );
    put(
        &store,
        &format!("{base}/data.tar.gz"),
        &format!("base/{name}/data.tar.gz"),
    );
    let directory = "0000000100000000";
    put(
        &store,
        &format!("s/wals/{directory}/{SEGMENT}.xz"),
        &format!("base/wals/{directory}/{SEGMENT}.xz"),
    );
    store
}

/// Decompressed content of the segment.
pub(super) fn plain_segment() -> Vec<u8> {
    let path = fixtures().join(format!("base/wals/0000000100000000/{SEGMENT}.xz"));
    let content = std::fs::read(path).unwrap();
    Compression::Xz.decompress(&content, 1 << 20).unwrap()
}

/// Start of the last record in the segment.
pub(super) fn last_record_start() -> u64 {
    let size = SegmentSize::new(1 << 20).unwrap();
    let context = SegmentContext {
        name: SegmentName::parse(SEGMENT).unwrap(),
        size,
        system_identifier: None,
        history: None,
        is_partial: false,
    };
    let mut last = 0;
    let mut walk = SegmentWalk::begin(context, None).unwrap();
    walk.feed(&plain_segment(), &mut |record| last = record.start().0)
        .unwrap();
    last
}

/// Returns a writer that goes on behind the segment.
pub(super) fn writer_after(segment: &str) -> WalWriter {
    let plain = plain_segment();
    let size = SegmentSize::new(1 << 20).unwrap();
    let name = SegmentName::parse(segment).unwrap();
    WalWriter {
        timeline: 1,
        system_identifier: u64::from_le_bytes(plain[24..32].try_into().unwrap()),
        number: name.number(size).unwrap() + 1,
        previous: last_record_start(),
    }
}

/// Adds a backup without readable data that begins before the WAL of the fixtures.
pub(super) fn put_backup_of_wal(store: &MemoryStore) {
    let info = BackupInfoText::new("DONE")
        .begun(
            "2026-11-28T02:00:00Z".parse().unwrap(),
            "000000010000000000000017",
        )
        .ended(
            "2026-11-28T02:10:00Z".parse().unwrap(),
            "000000010000000000000017",
        )
        .with("end_xlog", "0/1700100")
        .with("systemid", system_identifier())
        .with("xlog_segment_size", 1 << 20);
    let at = start() - TimeDelta::hours(1);
    store.put(
        "s/base/20261128T020000/backup.info",
        info.to_string().as_bytes(),
        at,
    );
    store.put("s/base/20261128T020000/data.tar", b"data", at);
}

/// Identifier of the cluster that wrote the WAL of the fixtures.
fn system_identifier() -> u64 {
    let path = fixtures().join("wal/good/000000010000000000000018.xz");
    let content = std::fs::read(path).unwrap();
    let plain = Compression::Xz.decompress(&content, 1 << 20).unwrap();
    u64::from_le_bytes(plain[24..32].try_into().unwrap())
}

/// Verdict on the only backup.
pub(super) fn only_verdict(server: &ServerReport) -> Verdict {
    let mut verdicts = server.recovery.verdict.backups.values();
    verdicts.next().unwrap().verdict.clone()
}
