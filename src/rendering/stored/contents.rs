//! From the document to the page: what is stored.

use super::arrivals::arrivals;
use super::page::{Block, Cell, Column, Row, shares_table, sizes_table};
use super::reclaimable::in_words;
use super::{
    ArchiveReport, ClassEntry, KindEntry, PrefixEntry, ReasonEntry, ReportDocument, ServerStorage,
    StorageEntry,
};
use crate::rendering::human::{bytes, count, grouped, moment};
use crate::rendering::{Severity, UploadsEntry};

/// What stands for no server.
const OUTSIDE: &str = "(in no server's directory)";

/// The whole page.
pub(super) fn page(document: &ReportDocument) -> Vec<Block> {
    let sums = sums(document.bytes, document.objects);
    let at = moment(document.generated_at.0);
    let mut blocks = vec![Block::Title(format!("Storage as of {at}: {sums}"))];
    let all = document.archives.len();
    let failed = document.archives.iter().filter(|archive| archive.storage.is_none()).count();
    if failed > 0 {
        let line = format!(
            "{failed} of {} could not be scanned and {} not counted.",
            count(all as u64, "archive"),
            if failed == 1 { "is" } else { "are" }
        );
        blocks.push(Block::Finding(Severity::Unknown, line));
    }
    blocks.extend(archives(document));
    blocks.extend(document.archives.iter().flat_map(|entry| archive(entry, document)));
    blocks
}

/// The archives beside each other, where there are several.
fn archives(document: &ReportDocument) -> Vec<Block> {
    let row = |archive: &ArchiveReport| {
        let storage = archive.storage.as_ref()?;
        let cells = vec![
            grouped(storage.objects).into(),
            Cell::Status(archive.status),
            archive.name.as_str().into(),
        ];
        Some(Row { bytes: storage.bytes, share: storage.share_percent, cells })
    };
    let mut rows: Vec<_> = document.archives.iter().filter_map(row).collect();
    if rows.len() < 2 {
        return Vec::new();
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
    let columns = [Column::Right("Objects"), Column::Left("Status"), Column::Left("Archive")];
    shares_table("By archive", &columns, rows)
}

fn archive(archive: &ArchiveReport, document: &ReportDocument) -> Vec<Block> {
    let (name, destination) = (&archive.name, &archive.destination);
    let sums = archive.storage.as_ref().map(|entry| sums(entry.bytes, entry.objects));
    let sums = sums.unwrap_or_else(|| "not known".to_owned());
    let mut blocks = vec![Block::Archive(format!("Archive {name} ({destination}): {sums}"))];
    let findings = archive.findings.iter();
    blocks.extend(findings.map(|entry| Block::Finding(entry.severity, entry.message.clone())));
    if let Some(storage) = &archive.storage {
        blocks.extend(servers(archive, storage));
        blocks.extend(prefixes(storage));
        blocks.extend(kinds(storage));
        blocks.extend(storage_classes(storage));
        blocks.extend(reclaimable(archive, storage));
        blocks.extend(arrivals(archive, storage, document.generated_at.0));
    }
    blocks
}

fn sums(size: u64, objects: u64) -> String {
    let unit = if objects == 1 { "object" } else { "objects" };
    format!("{} in {} {unit}", bytes(size), grouped(objects))
}

fn servers(archive: &ArchiveReport, storage: &StorageEntry) -> Vec<Block> {
    let row = |server: &ServerStorage| Row {
        bytes: server.health.stored_bytes,
        share: server.share_percent,
        cells: vec![
            grouped(server.stored_objects).into(),
            Cell::Status(server.health.status),
            server.health.name.as_str().into(),
        ],
    };
    let mut rows: Vec<_> = archive.servers.iter().map(row).collect();
    let objects: u64 = archive.servers.iter().map(|server| server.stored_objects).sum();
    let outside = storage.objects.saturating_sub(objects);
    if outside > 0 {
        let share: f64 = rows.iter().filter_map(|row| row.share).sum();
        let size = rows.iter().fold(storage.bytes, |rest, row| rest.saturating_sub(row.bytes));
        rows.push(Row {
            bytes: size,
            share: (storage.bytes > 0).then_some((100.0 - share).max(0.0)),
            cells: vec![grouped(outside).into(), "".into(), OUTSIDE.into()],
        });
        rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
    }
    let columns = [Column::Right("Objects"), Column::Left("Status"), Column::Left("Server")];
    let mut blocks = shares_table("By server", &columns, rows);
    if !archive.servers.is_empty() {
        let line = "What is behind a status is told by barman-cloud-exporter check.";
        blocks.push(Block::Line(line.to_owned()));
    }
    blocks
}

fn prefixes(storage: &StorageEntry) -> Vec<Block> {
    let row = |entry: &PrefixEntry| Row {
        bytes: entry.bytes,
        share: entry.share_percent,
        cells: vec![
            grouped(entry.objects).into(),
            entry.kind.into(),
            if entry.prefix.is_empty() { "(none of these)" } else { &entry.prefix }.into(),
        ],
    };
    let columns = [Column::Right("Objects"), Column::Left("Kind"), Column::Left("Prefix")];
    let filled = storage.prefixes.iter().filter(|entry| entry.objects > 0);
    shares_table("By prefix", &columns, filled.map(row).collect())
}

fn kinds(storage: &StorageEntry) -> Vec<Block> {
    let in_words = |kind| match kind {
        "base" => "base backups",
        "wals" => "WAL",
        "orphan" => "orphans: servers that are not configured",
        other => other,
    };
    let row = |entry: &KindEntry| Row {
        bytes: entry.bytes,
        share: entry.share_percent,
        cells: vec![grouped(entry.objects).into(), in_words(entry.kind).into()],
    };
    let filled = storage.kinds.iter().filter(|entry| entry.objects > 0);
    let columns = [Column::Right("Objects"), Column::Left("Kind")];
    shares_table("By kind", &columns, filled.map(row).collect())
}

fn storage_classes(storage: &StorageEntry) -> Vec<Block> {
    let row = |entry: &ClassEntry| Row {
        bytes: entry.bytes,
        share: entry.share_percent,
        cells: vec![entry.storage_class.as_str().into()],
    };
    let rows = storage.storage_classes.iter().map(row).collect();
    shares_table("By storage class", &[Column::Left("Class")], rows)
}

fn reclaimable(archive: &ArchiveReport, storage: &StorageEntry) -> Vec<Block> {
    let all = &storage.reclaimable;
    let reason = |entry: &ReasonEntry| Row {
        bytes: entry.bytes,
        share: None,
        cells: vec![in_words(entry.reason).into()],
    };
    let title = format!("Reclaimable: {}", bytes(all.bytes));
    let rows: Vec<_> = all.reasons.iter().filter(|entry| entry.bytes > 0).map(reason).collect();
    let mut blocks = sizes_table(&title, &[Column::Left("Why")], rows);
    if blocks.is_empty() {
        blocks.push(Block::Section(title));
    }
    let in_uploads = all.in_uploads();
    if in_uploads > 0 {
        let taken = bytes(in_uploads);
        let line = format!("{taken} of it are in unfinished uploads, and in no sum above.");
        blocks.push(Block::Line(line));
    }
    for entry in all.reasons.iter().filter(|entry| entry.unknown_servers > 0) {
        let servers = count(entry.unknown_servers, "server");
        let line = format!("Not known for {servers}: {}.", in_words(entry.reason));
        blocks.push(Block::Line(line));
    }
    if all.unreadable_backups > 0 {
        let backups = count(all.unreadable_backups, "backup");
        let line = format!(
            "Not counted: {backups} with {} whose backup.info cannot be read. Whether they are \
             needed is not known.",
            bytes(all.unreadable_bytes)
        );
        blocks.push(Block::Line(line));
    }
    blocks.push(uploads(storage.uploads.as_ref()));
    if archive.servers.len() > 1 {
        blocks.extend(reclaimable_by_server(archive, in_uploads));
    }
    blocks
}

fn reclaimable_by_server(archive: &ArchiveReport, in_uploads: u64) -> Vec<Block> {
    let row = |bytes, reason, server: &str| Row {
        bytes,
        share: None,
        cells: vec![in_words(reason).into(), server.into()],
    };
    let mut rows = Vec::new();
    let mut outside = in_uploads;
    for server in archive.servers.iter().map(|server| &server.health) {
        for (&reason, &bytes) in &server.reclaimable_bytes {
            if reason == "incomplete_upload" {
                outside = outside.saturating_sub(bytes);
            }
            rows.push(row(bytes, reason, &server.name));
        }
    }
    rows.push(row(outside, "incomplete_upload", OUTSIDE));
    rows.retain(|row| row.bytes > 0);
    rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
    let columns = [Column::Left("Why"), Column::Left("Server")];
    sizes_table("Reclaimable by server", &columns, rows)
}

fn uploads(uploads: Option<&UploadsEntry>) -> Block {
    let Some(uploads) = uploads else {
        let line = "Unfinished multipart uploads: not known, as the store does not list them.";
        return Block::Line(line.to_owned());
    };
    let mut line = format!("Unfinished multipart uploads: {}", grouped(uploads.count));
    if uploads.count > 0 {
        let size = uploads.bytes.map_or_else(|| "of unknown size".to_owned(), bytes);
        let oldest = uploads.oldest_at.map(|at| format!(", the oldest begun {}", moment(at.0)));
        line = format!("{line}, {size}{}", oldest.unwrap_or_default());
    }
    Block::Line(format!("{line}."))
}
